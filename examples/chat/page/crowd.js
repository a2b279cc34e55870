// The people of the room, and the menu of a person.

import { $, isolated, make, makeButton, rove } from "./dom.js";
import { t } from "./language.js";
import { hue } from "./message.js";
import { openDirect } from "./places.js";
import { emit, on } from "./signals.js";
import { current, me } from "./state.js";

const list = rove($("people"), "button");

/** Returns the people of the conversation on the screen. */
export function peopleHere() {
  if (!current?.direct) return current?.members ?? [];
  return [me.name, current.name];
}

function entry(name) {
  const li = make("li", "", make("span", "dot"));
  li.style.setProperty("--hue", hue(name));
  if (name === me.name) li.append(isolated(name), " ", make("span", "", `(${t.you})`));
  else {
    const button = make("button", "person", isolated(name));
    button.type = "button";
    button.dataset.person = name;
    li.append(button);
  }
  return li;
}

function draw() {
  const people = peopleHere();
  $("people-title").textContent = t.people(people.length);
  const focused = document.activeElement?.closest("#people")
    ? document.activeElement.dataset.person
    : undefined;
  $("people").replaceChildren(...people.map(entry));
  list.settle();
  if (focused === undefined) return;
  [...$("people").querySelectorAll("button")].find((b) => b.dataset.person === focused)?.focus();
}

let due = 0;
/** Many users can join or leave together, so the list is drawn once for all of them. */
function drawSoon() {
  due ||= setTimeout(() => {
    due = 0;
    draw();
  }, 200);
}
on("members", (room) => room === current && drawSoon());
on("current", draw);
on("language", () => current && draw());

// ---- The menu of a person ------------------------------------------------------------------------
/** Shows a popover beside an element, within the window. */
export function showBeside(popover, element) {
  const { left, top, bottom } = element.getBoundingClientRect();
  popover.showPopover();
  const { offsetWidth: width, offsetHeight: height } = popover;
  popover.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
  const below = bottom + height + 8 < innerHeight;
  popover.style.top = `${Math.max(8, below ? bottom + 4 : top - height - 4)}px`;
}

/** Shows what the user can do with a person. */
function showMenu(name, element) {
  const menu = $("person-menu");
  const item = (text, act) =>
    makeButton(text, () => {
      menu.hidePopover();
      act();
    });
  menu.ariaLabel = t.personMenu(name);
  menu.replaceChildren(
    item(t.writeTo(name), () => openDirect(name)),
    item(t.mention(name), () => emit("mention", name)),
  );
  showBeside(menu, element);
  menu.firstElementChild.focus();
}

addEventListener("click", ({ target }) => {
  const person = target.closest?.("#people [data-person], #log [data-person]");
  if (person && person.dataset.person !== me.name) showMenu(person.dataset.person, person);
});
