// Light Markdown: bold, italic, struck, code, blocks of code. Pure. The result is a tree of plain objects
// that hold text; nobody makes HTML of it.

import MarkdownIt from "markdown-it";
import { findLinks } from "./links.js";

/** The library starts with no rules, so that everything else stays as the author wrote it. */
const parser = new MarkdownIt("zero").enable(["fence", "backticks", "emphasis", "strikethrough"]);

/** An address is one letter for the parser (of a private use area), so that it stays whole. */
const FIRST = 0xF0000;
const HELD = /([\u{F0000}-\u{F0FFF}])/u;

/** Longer texts are shown as they are. */
const LONGEST = 32 * 1024;

/** Deeper styles stay as they were written. Thousands of elements in one another would stop the page. */
const DEEPEST = 8;

/** Most texts have nothing to parse. */
const MARKUP = /[*_`~]/;

/**
 * Returns the parts of a text: strings, `{ link, href }`, and `{ style, parts }` with the styles "strong",
 * "em", "strike", "code" and "block"; a block can have a `title`.
 */
export function parseText(text) {
  const links = HELD.test(text) ? [] : findLinks(text);
  let source = text;
  for (const [i, { from, to }] of [...links.entries()].reverse()) {
    source = source.slice(0, from) + String.fromCodePoint(FIRST + i) + source.slice(to);
  }
  const restore = (piece) =>
    piece.split(HELD).filter(Boolean).map((part) => {
      const link = links[part.codePointAt(0) - FIRST];
      return link ? { link: text.slice(link.from, link.to), href: link.href } : part;
    });
  if (!MARKUP.test(source) || source.length > LONGEST) return restore(source);
  return blocks(source, restore);
}

/** Splits a text into blocks of code and the lines between them. */
function blocks(source, restore) {
  const lines = source.split("\n");
  const fences = parser.parse(source, {})
    .filter(({ type, content }) => type === "fence" && content.trim() !== "");
  const parts = [];
  let at = 0;
  const between = (to, end = "") => {
    if (at < to) parts.push(...inline(lines.slice(at, to).join("\n") + end, restore));
  };
  for (const { map: [from, to], content, info } of fences) {
    between(from, "\n");
    const block = { style: "block", parts: restore(content.replace(/\n$/, "")) };
    // The rest of the first line, usually the name of a language.
    parts.push(info ? { ...block, title: textOf(restore(info)) } : block);
    at = to;
  }
  between(lines.length);
  return parts;
}

function textOf(parts) {
  return parts.map((part) => typeof part === "string" ? part : part.link).join("");
}

const STYLES = { strong: "strong", em: "em", s: "strike" };

/** Parses lines without blocks. Names such as `__proto__` keep their underscores. */
function inline(source, restore) {
  const root = [];
  const stack = [root];
  const add = (...parts) => stack.at(-1).push(...parts);
  for (const { type, content, markup } of parser.parseInline(source, {})[0].children) {
    const [, tag, end] = /^(strong|em|s)_(open|close)$/.exec(type) ?? [];
    if (type === "code_inline") add({ style: "code", parts: restore(content) });
    else if (tag === undefined) add(...restore(content));
    else if (markup === "__") add(markup);
    else if (end === "open" && stack.length > DEEPEST) {
      add(markup);
      stack.push(stack.at(-1));
    } else if (end === "open") {
      const part = { style: STYLES[tag], parts: [] };
      add(part);
      stack.push(part.parts);
    } else if (stack.pop() === stack.at(-1)) add(markup);
  }
  return root;
}
