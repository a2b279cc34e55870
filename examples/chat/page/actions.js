// The actions on a message: a small bar at the message, and single keys.

import { startEdit, startReply } from "./composer.js";
import { showBeside } from "./crowd.js";
import { $, make, makeButton } from "./dom.js";
import { fullText, t } from "./language.js";
import { openDirect } from "./places.js";
import { ask } from "./requests.js";
import { emit, on } from "./signals.js";
import { current, me } from "./state.js";
import { symbol } from "./symbols.js";

const log = $("log"), bar = $("acts"), picker = $("picker");
const EMOJI = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "👀", "✅", "❌"];

/** The message at which the bar is. */
let item;

function itemOf(node) {
  const p = node?.closest?.(".msg");
  return p && current?.items.find((one) => one.node === p);
}
const canChange = (one) => one?.kind === "message" && one.seq !== undefined && !one.deleted;

async function request(message) {
  try {
    await ask(message);
  } catch (error) {
    emit("fault", { text: error.message });
  }
}
function react(one, emoji, added) {
  void request({ type: "react", target: one.seq, emoji, on: added });
}
on("react", ({ item: one, emoji, on: added }) => react(one, emoji, added));

/** Asks before a message is deleted. */
function remove(one) {
  const dialog = $("sure");
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue === "yes") void request({ type: "delete", target: one.seq });
    one.node?.focus();
  };
  dialog.showModal();
}

function pick(one, beside) {
  const choose = (emoji) => {
    picker.hidePopover();
    react(one, emoji, !(one.reactions?.[emoji] ?? []).includes(me.name));
    one.node?.focus();
  };
  const buttons = EMOJI.map((emoji) =>
    makeButton(emoji, () => choose(emoji), { label: t.reactWith(emoji) })
  );
  const other = make("input");
  other.ariaLabel = other.placeholder = t.otherEmoji;
  other.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !other.value.trim()) return;
    event.preventDefault();
    choose(other.value.trim());
  });
  picker.ariaLabel = t.react;
  picker.replaceChildren(...buttons, other);
  showBeside(picker, beside);
  picker.firstElementChild.focus();
}

const ACTIONS = [
  { word: "react", key: "+", act: (one) => pick(one, one.node) },
  { word: "reply", key: "r", act: startReply },
  { word: "editMessage", key: "e", own: true, act: startEdit },
  { word: "remove", key: "Delete", own: true, act: remove },
];
const permitted = (one) => canChange(one) ? ACTIONS.filter(({ own }) => !own || one.own) : [];

/** Shows the bar at a message. */
function showBar(one) {
  if (one === item && !bar.hidden) return;
  const actions = permitted(one);
  if (actions.length === 0) return hideBar();
  item = one;
  const buttons = actions.map(({ word, act }) =>
    makeButton(symbol(word), () => act(item), { label: t[word] })
  );
  if (!one.own && !current.direct) {
    const label = t.writeTo(one.from);
    buttons.push(makeButton(symbol("writeTo"), () => openDirect(item.from), { label }));
  }
  bar.ariaLabel = t.actions;
  bar.replaceChildren(make("small", "", fullText(one.at)), ...buttons);
  bar.hidden = false;
  place();
}
function place() {
  const { top, bottom } = item.node?.getBoundingClientRect() ?? { top: -1e4, bottom: -1e4 };
  const frame = log.getBoundingClientRect();
  if (bottom < frame.top || top > frame.bottom) return hideBar();
  const y = Math.max(2, Math.min(top - frame.top - 14, frame.height - bar.offsetHeight - 2));
  bar.style.top = `${y}px`;
}
function hideBar() {
  bar.hidden = true;
  item = undefined;
}

log.addEventListener("pointerover", (event) => {
  if (event.pointerType !== "mouse" || bar.contains(document.activeElement)) return;
  const one = itemOf(event.target);
  if (one) showBar(one);
});
$("stage").addEventListener("pointerleave", () => {
  if (!bar.contains(document.activeElement)) hideBar();
});
log.addEventListener("click", ({ target }) => {
  const one = itemOf(target);
  if (one && !target.closest("a, button, [data-person]")) showBar(one);
});
log.addEventListener("focusin", ({ target }) => {
  const one = target.matches(".msg") ? itemOf(target) : undefined;
  if (one) showBar(one);
});
log.addEventListener("scroll", () => item && place(), { passive: true });
on("current", hideBar);
$("text").addEventListener("focus", hideBar);

// ---- The keyboard --------------------------------------------------------------------------------
/** Chooses the newest message on the screen, for the keyboard. */
export function chooseLast() {
  const frame = log.getBoundingClientRect();
  const all = [...log.querySelectorAll(".msg")];
  (all.findLast((one) => one.getBoundingClientRect().top < frame.bottom - 10) ?? log).focus();
}
function move(from, by) {
  const all = [...log.querySelectorAll(".msg")];
  const next = all[all.indexOf(from) + by];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}
const STEPS = { ArrowUp: -1, ArrowDown: 1 };
log.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const one = target.matches(".msg") ? itemOf(target) : undefined;
  if (one === undefined) return;
  const action = permitted(one).find((each) =>
    each.key === (key.length === 1 ? key.toLowerCase() : key)
  );
  if (Object.hasOwn(STEPS, key)) move(target, STEPS[key]);
  else if (key === "Enter") bar.querySelector("button")?.focus();
  else if (key === "Escape") $("text").focus();
  else if (action) action.act(one);
  else return;
  event.preventDefault();
});
bar.addEventListener("keydown", (event) => {
  const buttons = [...bar.querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement);
  if (event.key === "ArrowRight") buttons[at + 1]?.focus();
  else if (event.key === "ArrowLeft") buttons[at - 1]?.focus();
  else if (event.key === "Escape") item?.node?.focus();
  else return;
  event.preventDefault();
});
