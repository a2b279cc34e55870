// Unread messages: counts, the mark in the list, the title of the window.

import { $ } from "./dom.js";
import { t } from "./language.js";
import { following, insertMark, removeMark } from "./log.js";
import { callsMe } from "./message.js";
import { emit, on } from "./signals.js";
import { conversations, current, me } from "./state.js";
import { loadValue, saveValue } from "./store.js";

/** The conversations whose last read message is kept. */
const MOST = 200;
/** The number of the last read message by conversation, and the epoch of these numbers. */
let read = new Map(loadValue("read")?.seqs ?? []);
let epoch = loadValue("read")?.epoch;

const isSeen = (conversation) => conversation === current && following && !document.hidden;

/** Returns the number of unread messages of all conversations. */
export function totalUnread() {
  return conversations.reduce((sum, { unread }) => sum + unread, 0);
}

/** Returns the number of the last message that the reader has seen; undefined if unknown. */
export function lastRead({ key }) {
  return epoch === me.epoch ? read.get(key) : undefined;
}

/** Counts new messages of a conversation. */
export function count(conversation, items) {
  const news = items.filter(({ kind, own, state }) => kind === "message" && !own && !state);
  if (isSeen(conversation)) return markRead(conversation);
  const last = read.get(conversation.key) ?? 0;
  const unseen = news.filter(({ seq }) => seq === undefined || seq > last);
  if (unseen.length === 0) return;
  // The conversation counts as unread after a reload, too.
  if (!read.has(conversation.key)) read.set(conversation.key, (unseen[0].seq ?? 1) - 1);
  conversation.unread += unseen.length;
  conversation.mentions += conversation.direct
    ? unseen.length
    : unseen.filter((item) => callsMe(item)).length;
  changed();
}

/** Counts the messages of a history that the reader has not seen before a reload. */
export function countHistory(conversation, items) {
  if (epoch === me.epoch && read.has(conversation.key)) return count(conversation, items);
  note(conversation);
}

/** Forgets the numbers of another epoch. */
export function setEpoch(value) {
  if (epoch === value) return;
  epoch = value;
  read = new Map();
}

let due;
function note(conversation) {
  read.delete(conversation.key);
  read.set(conversation.key, conversation.seq);
  if (read.size > MOST) read.delete(read.keys().next().value);
  due ??= setTimeout(keep, 500);
}
function keep() {
  clearTimeout(due);
  due = undefined;
  saveValue("read", { epoch, seqs: [...read] });
}
addEventListener("pagehide", keep);
on("quit", () => read = new Map());

function markRead(conversation) {
  note(conversation);
  if (conversation.unread === 0) return;
  conversation.unread = conversation.mentions = 0;
  changed();
}

function changed() {
  showTitle();
  emit("places");
}

/** Puts the mark above the first unread message, before the reader comes to it. */
export function placeMark(conversation) {
  const { items } = conversation;
  removeMark(conversation);
  let left = conversation.unread;
  if (left === 0) return;
  for (let i = items.length - 1; i >= 0; i--) {
    const { kind, own } = items[i];
    if (kind === "message" && !own && --left === 0) return insertMark(conversation, i);
  }
}

/** Shows the number of unread messages in the title and at the button that leads to the end. */
export function showTitle() {
  const total = totalUnread();
  document.title = `${total ? `(${total}) ` : ""}${current ? `${current.title} · ` : ""}Portside`;
  $("jump").hidden = following;
  $("jump").textContent = t.jump(current?.unread ?? 0);
}

on("following", () => {
  if (current && isSeen(current)) markRead(current);
  showTitle();
});
on("current", (before) => before && removeMark(before));
document.addEventListener("visibilitychange", () => {
  if (document.hidden || !current) return;
  if (current.unread > 0) placeMark(current);
  if (following) markRead(current);
});
