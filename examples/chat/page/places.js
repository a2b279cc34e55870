// The conversations: which one is shown, and the list of them.

import { transmit } from "./connection.js";
import { $, focusText, isolated, make, makeButton, rove } from "./dom.js";
import { t } from "./language.js";
import { enterRoom } from "./lines.js";
import { closeSide } from "./side.js";
import { emit, on } from "./signals.js";
import { conversations, current, directOf, findRoom, removeConversation, roomOf } from "./state.js";
import { setCurrent } from "./state.js";
import { placeMark, totalUnread } from "./unread.js";

/** The rooms of the server with the numbers of people. */
let serverRooms = [];

/** Shows a conversation. Enters the room if the user is not in it. */
export function open(conversation) {
  if (conversation !== current) placeMark(conversation);
  conversation.hidden = false;
  setCurrent(conversation);
  if (!conversation.direct && !conversation.entered && !conversation.wanted) {
    enterRoom(conversation);
  }
  emit("opened-place", conversation);
}
on("open", open);

/** Opens the conversation with a person. */
export function openDirect(name) {
  open(directOf(name));
  closeSide();
  focusText();
}
/** Opens a room by its name, which may be new. */
export function openRoom(name) {
  open(roomOf(name));
}

on("notInRoom", (room) => {
  room.wanted = false;
  if (room.entered) return;
  if (room === current) {
    const other = conversations.find(({ direct, entered }) => !direct && entered);
    if (other) open(other);
  }
  removeConversation(room);
});

/** Leaves a room, or hides the conversation with a person. */
function close(conversation) {
  const joined = conversations.filter(({ direct, entered }) => !direct && entered);
  if (conversation.direct) conversation.hidden = true;
  else if (joined.length < 2 || !transmit({ type: "leave", room: conversation.name })) return;
  else conversation.entered = conversation.wanted = false;
  if (conversation === current) {
    open(joined.find((one) => one !== conversation) ?? conversations[0]);
  }
  if (!conversation.direct) removeConversation(conversation);
  else draw();
  focusText();
}

// ---- The list ------------------------------------------------------------------------------------
const rooms = rove($("rooms"), "button[data-room]");
const directs = rove($("directs"), "button[data-person]");

/** All places in the order of the list. */
function shownRooms() {
  const mine = conversations.filter((one) => !one.direct && (one.entered || one.wanted));
  const names = new Set(mine.map(({ name }) => name));
  const counts = new Map(serverRooms.map(({ name, count }) => [name, count]));
  const own = mine.map((one) => ({ one, name: one.name, count: sizeOf(one, counts) }));
  return [...own, ...serverRooms.filter(({ name }) => !names.has(name))];
}
const sizeOf = ({ name, members }, counts) => members.length || counts.get(name) || 0;
const shownDirects = () => conversations.filter(({ direct, hidden }) => direct && !hidden);

function badge({ unread, mentions }) {
  if (!unread) return [];
  const count = make("span", mentions ? "badge called" : "badge", String(Math.min(unread, 999)));
  return [count, make("span", "hush", ` (${t.unread(unread)})`)];
}

function entry(conversation, title, details, act) {
  const button = makeButton("", () => {
    act();
    closeSide();
    focusText();
  });
  button.append(isolated(title, "title"), ...details);
  if (conversation?.unread) button.classList.add("unread");
  if (conversation && conversation === current) button.ariaCurrent = "true";
  return button;
}

function roomEntry({ name, count, one }, leavable) {
  const details = [...one ? badge(one) : [], make("small", "", String(count))];
  const button = entry(one, `#${name}`, details, () => openRoom(name));
  button.dataset.room = name;
  if (!one) button.classList.add("other");
  const li = make("li", "", button);
  if (one && leavable) li.append(closer(one, t.leave(one.title)));
  return li;
}
function directEntry(one) {
  const button = entry(one, one.name, badge(one), () => open(one));
  button.dataset.person = one.name;
  return make("li", "", button, closer(one, t.closeDirect(one.name)));
}
function closer(conversation, label) {
  return makeButton("×", () => close(conversation), { className: "closer", label });
}

let drawn = "";
function draw() {
  const [list, persons] = [shownRooms(), shownDirects()];
  const state = ({ unread, mentions, title }) => [title, unread, mentions];
  const key = JSON.stringify([
    t.rooms,
    current?.title,
    list.map(({ name, count, one }) => [name, count, one && state(one)]),
    persons.map(state),
  ]);
  if (key === drawn) return;
  drawn = key;
  const { room, person } = document.activeElement?.dataset ?? {};
  const joined = list.filter(({ one }) => one).length;
  $("rooms").replaceChildren(...list.map((one) => roomEntry(one, joined > 1)));
  $("directs").replaceChildren(...persons.map(directEntry));
  $("directs-title").hidden = $("directs").hidden = persons.length === 0;
  const has = (button) => room ? button.dataset.room === room : button.dataset.person === person;
  if (room || person) [...document.querySelectorAll("#places button")].find(has)?.focus();
  rooms.settle();
  directs.settle();
  const total = totalUnread() - (current?.unread ?? 0);
  $("menu-badge").hidden = total === 0;
  $("menu-badge").textContent = String(Math.min(total, 99));
  $("people-toggle").ariaLabel = total ? t.menuUnread(total) : t.menu;
}

let due;
/** Draws once for many changes. */
function drawSoon() {
  due ??= setTimeout(() => {
    due = undefined;
    draw();
  }, 50);
}
for (const type of ["places", "members", "language", "online"]) on(type, drawSoon);
on("current", () => {
  $("room").textContent = current.title;
  draw();
});
on("rooms", (list) => {
  serverRooms = list;
  drawSoon();
});
on("online", () => transmit({ type: "rooms" }));

/** Shows the next or the previous conversation. */
export function step(by, unreadOnly) {
  const all = [...shownRooms().flatMap(({ one }) => one ?? []), ...shownDirects()];
  const at = all.indexOf(current);
  for (let i = 1; i <= all.length; i++) {
    const one = all[(at + by * i + all.length * i) % all.length];
    if (one !== current && (!unreadOnly || one.unread > 0)) return open(one);
  }
}

$("newroom").addEventListener("submit", (event) => {
  event.preventDefault();
  const wanted = $("roomname").value.trim().replace(/^#/, "");
  if (!wanted) return;
  const known = findRoom(wanted);
  if (known) open(known);
  else emit("command", `/join #${wanted}`);
  $("roomname").value = "";
  closeSide();
  focusText();
});
