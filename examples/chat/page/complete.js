// Completion of names after @.

import { $, isolated, make } from "./dom.js";
import { peopleHere } from "./crowd.js";
import { t } from "./language.js";
import { on } from "./signals.js";
import { current, me } from "./state.js";

const box = $("text"), list = $("suggestions");
const MOST = 8;
/** The chosen suggestion, and the part of the text that it replaces. */
let chosen = 0, start = 0, names = [];

const isOpen = () => !list.hidden;

/** Returns the names that begin with a text; those who spoke last come first. */
function matching(prefix) {
  const lower = prefix.toLowerCase();
  const speakers = current.items.slice(-300).reverse().flatMap(({ from }) => from ?? []);
  const all = new Set([...speakers, ...peopleHere()]);
  return [...all].filter((name) => name !== me.name && name.toLowerCase().startsWith(lower))
    .slice(0, MOST);
}

function update() {
  const before = box.value.slice(0, box.selectionStart);
  const word = /(?:^|[\s(（，。：])@([^\s:,*@]*)$/u.exec(before);
  names = word && current ? matching(word[1]) : [];
  if (names.length === 1 && names[0] === word[1]) names = [];
  start = word ? before.length - word[1].length - 1 : 0;
  chosen = 0;
  draw();
}

function draw() {
  list.hidden = names.length === 0;
  list.ariaLabel = t.suggestions;
  list.replaceChildren(...names.map((name, i) => {
    const option = make("li", "", isolated(name));
    option.id = `suggestion-${i}`;
    option.role = "option";
    option.ariaSelected = String(i === chosen);
    option.addEventListener("mousedown", (event) => {
      event.preventDefault();
      take(i);
    });
    return option;
  }));
  if (isOpen()) box.setAttribute("aria-activedescendant", `suggestion-${chosen}`);
  else box.removeAttribute("aria-activedescendant");
}

function take(i) {
  box.setRangeText(`@${names[i]} `, start, box.selectionStart, "end");
  names = [];
  draw();
  box.dispatchEvent(new Event("input"));
}

const MOVES = { ArrowDown: 1, ArrowUp: -1 };
// Before the listener of the composer, which would send the text.
box.addEventListener("keydown", (event) => {
  if (!isOpen() || event.isComposing) return;
  if (Object.hasOwn(MOVES, event.key)) {
    chosen = (chosen + MOVES[event.key] + names.length) % names.length;
    draw();
  } else if (event.key === "Tab" || event.key === "Enter") take(chosen);
  else if (event.key === "Escape") {
    names = [];
    draw();
    event.stopPropagation();
  } else return;
  event.preventDefault();
});
box.addEventListener("input", update);
box.addEventListener("blur", () => {
  names = [];
  draw();
});
on("current", () => {
  names = [];
  draw();
});
