// The element of a message.

import { fill, isolated, make, makeButton } from "./dom.js";
import { dayText, t } from "./language.js";
import { clock, renderNotice } from "./notices.js";
import { emit } from "./signals.js";
import { me, people } from "./state.js";
import { textNodes } from "./text.js";

/** Returns the hue of a name. All hues have the same lightness, so all names are equally readable. */
export function hue(name) {
  let h = 0x811c9dc5;
  for (const c of name) h = Math.imul(h ^ c.codePointAt(0), 0x01000193) >>> 0;
  return (h ^ h >>> 15) % 72 * 5;
}

/** Returns whether the message calls the reader: `@Ann`, or `Ann:` at the beginning. */
export function callsMe({ text = "", own, direct }) {
  if (own || direct || !me.name) return false;
  const [lower, name] = [text.toLowerCase(), me.name.toLowerCase()];
  if (lower.startsWith(`${name}:`) || lower.startsWith(`${name},`)) return true;
  for (let at = -1; (at = lower.indexOf(`@${name}`, at + 1)) !== -1;) {
    if (!/[\p{L}\p{N}]/u.test(lower[at + 1 + name.length] ?? "")) return true;
  }
  return false;
}

/** Makes the element of an item. */
export function render(item) {
  item.node = element(item);
  return item.node;
}

function element(item) {
  if (item.kind === "day") return make("p", "day", dayText(item.at));
  if (item.kind === "mark") return make("p", "mark", t.unreadFrom);
  if (item.kind !== "message") return renderNotice(item);
  const classes = ["msg"];
  if (!item.run) classes.push("first");
  for (const [name, on] of Object.entries(traits(item))) if (on) classes.push(name);
  const p = make("p", classes.join(" "));
  p.tabIndex = -1;
  p.style.setProperty("--hue", hue(item.from));
  if (!item.run) p.append(head(item));
  if (item.reply) p.append(quote(item.reply));
  p.append(body(item));
  if (item.files?.length && !item.deleted) p.append(files(item.files));
  if (item.edited && !item.deleted) p.append(" ", make("small", "edited", t.edited));
  const reactions = Object.entries(item.reactions ?? {}).filter(([, names]) => names.length > 0);
  if (reactions.length > 0 && !item.deleted) p.append(reactionList(item, reactions));
  mark(item, p);
  return p;
}

function traits(item) {
  const { own, action, direct, deleted } = item;
  return { own, act: action, private: direct, gone: deleted, called: callsMe(item) };
}

function head(item) {
  const line = make("span", "head", isolated(item.from, "who"));
  line.firstChild.dataset.person = item.from;
  const to = () => make("span", "you", ...fill(t.to, { name: [isolated(item.to)] }));
  if (item.own) line.append(" ", item.direct ? to() : make("span", "you", `(${t.you})`));
  else if (item.direct) line.append(" ", make("span", "you", t.toYou));
  line.append(" ", clock(item.at));
  return line;
}

function quote({ seq, from, text }) {
  const short = text?.length > 160 ? `${text.slice(0, 160)}…` : text ?? "";
  const button = makeButton("", () => emit("jump", seq), { className: "quote" });
  button.tabIndex = -1;
  button.append(isolated(from ?? ""), " ", isolated(short.replaceAll("\n", " ")));
  return button;
}

function body(item) {
  if (item.deleted) return make("span", "text", t.deleted);
  const text = make("span", "text", ...textNodes(item.text, people));
  if (item.action) text.prepend(isolated(item.from), " ");
  text.dir = "auto";
  return text;
}

/** Returns a size such as 12 kB. */
export function sizeText(bytes) {
  if (bytes < 1e3) return `${bytes} B`;
  const [unit, factor] = bytes < 1e6 ? ["kB", 1e3] : ["MB", 1e6];
  return `${Math.round(bytes / factor)} ${unit}`;
}

const PICTURES = /^image\/(png|jpeg|gif|webp|avif)$/;
function files(list) {
  return make(
    "span",
    "files",
    ...list.map(({ id, name, type, size }) => {
      const link = make("a", "file");
      link.href = `files/${encodeURIComponent(id)}`;
      link.target = "_blank";
      link.rel = "noopener noreferrer";
      if (PICTURES.test(type)) {
        const image = Object.assign(make("img"), { loading: "lazy", alt: name, src: link.href });
        image.addEventListener("load", () => emit("grown"), { once: true });
        link.append(image);
      } else {
        link.download = name;
        link.append("📄 ", isolated(name), " ", make("small", "", sizeText(size ?? 0)));
      }
      return link;
    }),
  );
}

function reactionList(item, reactions) {
  return make(
    "span",
    "reactions",
    ...reactions.map(([emoji, names]) => {
      const on = names.includes(me.name);
      const act = () => emit("react", { item, emoji, on: !on });
      const label = t.reactions(`${emoji} ${names.length}`, names.join(t.list));
      const button = makeButton(`${emoji} ${names.length}`, act, { className: "reaction", label });
      button.setAttribute("aria-pressed", String(on));
      button.tabIndex = -1;
      return button;
    }),
  );
}

/** Updates the state of a message only, so that a screen reader does not repeat the message. */
export function mark(item, node = item.node) {
  if (!node) return;
  for (const old of node.querySelectorAll(".state, .choices")) old.remove();
  node.classList.toggle("lost", item.state === "lost");
  if (!item.state) return;
  const note = make("span", "state", t[item.state]);
  note.ariaHidden = String(item.state === "sending");
  node.append(note);
  if (item.state === "lost") {
    const choice = (word) => makeButton(t[word], () => emit("unsent", { item, word }));
    node.append(make("span", "choices", ...["sendAgain", "takeBack", "discard"].map(choice)));
  }
}
