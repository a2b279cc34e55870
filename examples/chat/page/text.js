// The elements of a text: links, code, emphasis, mentions. A text never becomes HTML.

import { make } from "./dom.js";
import { parseText } from "./markdown.js";

/** A word after @, up to what a name cannot contain. */
const MENTION = /(@[^\s:,*@<>()"“”「」，。：；！？、]+)/u;

/** Returns how many characters of a word after @ are a name; 0 if none. */
function nameLength(word, isName) {
  for (let length = word.length; length > 0; length--) {
    if (isName(word.slice(0, length))) return length;
    // Only punctuation can follow a name directly.
    if (/[\p{L}\p{N}]/u.test(word[length - 1])) return 0;
  }
  return 0;
}

/** Returns a text with the names of people marked. */
function withMentions(text, people) {
  if (!text.includes("@")) return [text];
  return text.split(MENTION).flatMap((part, i) => {
    if (i % 2 === 0) return part ? [part] : [];
    const length = nameLength(part.slice(1), people.has);
    if (length === 0) return [part];
    const name = part.slice(1, 1 + length);
    const mention = make("span", `mention${people.isMe(name) ? " me" : ""}`, `@${name}`);
    mention.dataset.person = name;
    return length + 1 < part.length ? [mention, part.slice(1 + length)] : [mention];
  });
}

function link({ link: text, href }) {
  const element = Object.assign(make("a", "", text), { href, target: "_blank" });
  element.rel = "noopener noreferrer";
  return element;
}

/**
 * Returns the nodes of a text. `people.has` tells whether somebody has a name, `people.isMe` whether it
 * is the reader.
 */
export function textNodes(text, people) {
  const nodes = (parts, code) =>
    parts.flatMap((part) => {
      if (typeof part === "string") return code ? [part] : withMentions(part, people);
      if (part.href) return [link(part)];
      const isCode = part.style === "code" || part.style === "block";
      const inner = nodes(part.parts, code || isCode);
      const element = make(isCode ? "code" : "span", part.style, ...inner);
      if (part.title) element.dataset.title = part.title;
      return [element];
    });
  return nodes(parseText(text), false);
}
