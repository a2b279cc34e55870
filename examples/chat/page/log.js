// The list of messages. The page holds thousands of items, but only a window of them has elements.

import { $, make } from "./dom.js";
import { addItems, addOlder, dropOldest, removeItem } from "./items.js";
import { t } from "./language.js";
import { render } from "./message.js";
import { emit, on } from "./signals.js";
import { current } from "./state.js";

/** The page keeps KEEP items of the shown conversation, and ASIDE of each other one. */
const KEEP = 10_000, ASIDE = 2000;
/** WINDOW items are drawn at once, at most MOST have elements. */
const WINDOW = 300, MOST = 900;

const log = $("log");
const below = () => log.scrollHeight - log.scrollTop - log.clientHeight;

/** The items of the shown conversation, and the window [from..to) of them. */
let items = [];
let from = 0, to = 0;
/** True while the list stays at the newest message. */
export let following = true;

/** Changes the list without an announcement by screen readers. */
let quiet;
function quietly(change) {
  clearTimeout(quiet);
  log.setAttribute("aria-live", "off");
  change();
  quiet = setTimeout(() => log.setAttribute("aria-live", "polite"), 300);
}

function nodesOf(start, end) {
  const nodes = document.createDocumentFragment();
  for (let i = start; i < end; i++) nodes.append(render(items[i]));
  return nodes;
}

function redraw(newFrom, newTo) {
  for (let i = from; i < to && i < items.length; i++) items[i].node = undefined;
  from = Math.max(0, newFrom);
  to = Math.min(items.length, newTo);
  const nodes = nodesOf(from, to);
  quietly(() => log.replaceChildren(nodes));
  invite();
}

/** Shows a hint while there is no message. */
let said = false;
function invite() {
  said = items.some(({ kind }) => kind === "message");
  $("empty")?.remove();
  if (said) return;
  const text = current?.direct ? t.emptyWith : t.empty;
  log.append(Object.assign(make("p", "", text), { id: "empty" }));
}

const toEnd = () => log.scrollTop = log.scrollHeight;

function setFollowing(value) {
  following = value && !current?.detached;
  emit("following");
}

/** Shows another conversation where the reader left it. */
on("current", (before) => {
  if (before) {
    before.view = { from, to, following, top: log.scrollTop };
    for (const item of items) item.node = undefined;
    trimAside(before);
  }
  from = to = 0;
  items = current.items;
  const { view } = current;
  following = view.following && !current.detached;
  if (following) redraw(items.length - WINDOW, items.length);
  else redraw(view.from, view.to);
  if (following) toEnd();
  else log.scrollTop = view.top;
  emit("following");
});

function trimAside(conversation) {
  const { items, view } = conversation;
  if (!view.following || items.length <= ASIDE * 1.2) return;
  if (dropOldest(items, ASIDE) > 0) conversation.more = true;
}

/** Adds items at the end of a conversation. */
export function append(conversation, fresh) {
  if (fresh.length === 0) return;
  const { added, changed } = addItems(conversation.items, fresh);
  if (conversation !== current) return trimAside(conversation);
  const attached = to === items.length - added;
  if (changed) again(changed);
  const surplus = dropOldest(items, KEEP);
  if (surplus > 0) conversation.more = true;
  from -= surplus;
  to -= surplus;
  if (following && (added > WINDOW || from < 0)) redraw(items.length - WINDOW, items.length);
  else if (from < 0) redraw(0, Math.max(to, MOST)); // The visible items have been dropped.
  else if (attached && (following || to - from < MOST)) {
    log.append(nodesOf(to, items.length));
    to = items.length;
    if (following) dropAbove();
  }
  if (!said) invite();
  if (following) toEnd();
}

function dropAbove() {
  for (; to - from > MOST; from++) {
    items[from].node = undefined;
    log.firstElementChild.remove();
  }
}
function dropBelow() {
  for (; to - from > MOST; to--) {
    items[to - 1].node = undefined;
    log.lastElementChild.remove();
  }
}

/** Adds older items at the beginning of a conversation. The reader's line stays where it is. */
export function prepend(conversation, older) {
  const { added, removed, changed } = addOlder(conversation.items, older);
  if (conversation !== current) return;
  if (removed && from === 0) {
    const height = log.scrollHeight;
    log.firstElementChild?.remove();
    log.scrollTop -= height - log.scrollHeight;
  }
  from = Math.max(0, from - removed) + added;
  to = Math.max(0, to - removed) + added;
  if (changed?.node) again(changed);
  showOlder();
}

/** Replaces all items of a conversation. */
export function replaceAll(conversation, fresh, complete) {
  for (let i = conversation.items.length; i > 0; i--) removeItem(conversation.items, i - 1);
  conversation.items = [];
  addItems(conversation.items, fresh);
  conversation.detached = !complete;
  conversation.view = { from: 0, to: MOST, following: complete, top: 0 };
  if (conversation !== current) return;
  from = to = 0;
  items = conversation.items;
  setFollowing(complete);
  if (complete) follow();
  else redraw(0, MOST);
}

/** Removes an item. The next item of its group gets the name. */
export function remove(conversation, item) {
  const at = conversation.items.indexOf(item);
  if (at === -1) return;
  const next = removeItem(conversation.items, at);
  if (conversation === current) {
    if (at < to) to--;
    if (at < from) from--;
    item.node?.remove();
    if (next?.node) again(next);
  }
  item.node = undefined;
}

/** Draws an item again, with the focus where it was. */
export function again(item) {
  const old = item.node;
  if (!old?.isConnected) return;
  const focused = old === document.activeElement;
  const fresh = render(item);
  quietly(() => old.replaceWith(fresh));
  if (focused) fresh.focus();
  if (following) toEnd();
}

/** Draws everything again, e.g. in another language. */
export function drawAgain() {
  const top = log.scrollTop;
  redraw(from, to);
  log.scrollTop = following ? log.scrollHeight : top;
}

/** Shows the newest message and stays there. */
export function follow() {
  if (current?.detached) return emit("newest");
  if (to !== items.length || to - from > MOST) redraw(items.length - WINDOW, items.length);
  toEnd();
  setFollowing(true);
}

/** Shows an item in the middle. Returns whether it is there. */
export function showItem(item) {
  const at = items.indexOf(item);
  if (at === -1) return false;
  if (at < from || at >= to) redraw(at - WINDOW / 2, at + WINDOW / 2);
  item.node.scrollIntoView({ block: "center" });
  setFollowing(false);
  item.node.classList.add("found");
  setTimeout(() => item.node?.classList.remove("found"), 4000);
  item.node.focus({ preventScroll: true });
  return true;
}

function showOlder() {
  if (log.scrollTop >= 2 * log.clientHeight) return;
  if (from === 0) return emit("older");
  const before = log.scrollHeight;
  const start = Math.max(0, from - WINDOW);
  const older = nodesOf(start, from);
  from = start;
  quietly(() => log.prepend(older));
  log.scrollTop += log.scrollHeight - before;
  dropBelow();
}
function showNewer() {
  if (below() >= 2 * log.clientHeight) return;
  if (to === items.length) {
    if (current?.detached) emit("newer");
    return;
  }
  const end = Math.min(items.length, to + WINDOW);
  log.append(nodesOf(to, end));
  to = end;
  const before = log.scrollHeight;
  dropAbove();
  log.scrollTop -= before - log.scrollHeight;
}

let height = 0;
log.addEventListener("scroll", () => {
  // A resize caused this event; the ResizeObserver corrects the position.
  if (log.clientHeight !== height) return;
  // Items are loaded early, because the wheel stops at the edge.
  showOlder();
  showNewer();
  setFollowing(to === items.length && below() < 48);
}, { passive: true });

function resized() {
  height = log.clientHeight;
  if (following) toEnd();
}
// The window, the keyboard of a phone or the text box has changed the size.
new ResizeObserver(resized).observe(log);
on("grown", resized);
on("language", () => {
  log.setAttribute("aria-label", current ? t.logOf(current.title) : t.log);
  if (current) drawAgain();
});

/** Puts the mark of unread messages in front of an item. */
export function insertMark(conversation, at) {
  removeMark(conversation);
  conversation.items.splice(at, 0, { kind: "mark" });
  if (conversation !== current) return;
  if (at < from) from++;
  if (at <= to) to++;
  drawAgain();
}
/** Removes the mark of unread messages. */
export function removeMark(conversation) {
  const mark = conversation.items.find(({ kind }) => kind === "mark");
  if (mark) remove(conversation, mark);
}
