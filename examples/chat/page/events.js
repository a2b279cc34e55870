// The events of the server, and what the page does with each.

import { transmit } from "./connection.js";
import { itemsOf, unregister } from "./items.js";
import { confirmed } from "./lines.js";
import { again, append, remove } from "./log.js";
import { refuse, settle } from "./outbox.js";
import { answer } from "./requests.js";
import { begin, endWith, identify, isOnline, promiseSeq, refused, sawEvent } from "./session.js";
import { emit, on } from "./signals.js";
import { conversations, current, directOf, findRoom, learnUser, me } from "./state.js";
import { roomOf, saveSession } from "./state.js";
import { count, countHistory, setEpoch } from "./unread.js";

// ---- Drawing: events within 30 ms are drawn together, one list for each conversation --------------
let inbox = new Map(), due = 0;
function flush() {
  clearTimeout(due);
  due = 0;
  const batch = inbox;
  inbox = new Map();
  for (const [conversation, items] of batch) {
    append(conversation, items);
    count(conversation, items);
    if (conversation === current) emit("said", items);
  }
  report([...batch.values()].flat());
}
/** Tells the server what the user sees now, if it traces the way of lines. */
function report(items) {
  const traces = items.flatMap(({ own, trace }) => own || !trace ? [] : [trace]);
  if (traces.length > 0) transmit({ type: "shown", traces });
}
function queue(conversation, item) {
  if (!inbox.has(conversation)) inbox.set(conversation, []);
  inbox.get(conversation).push(item);
  // No animation frame, because a hidden page has none.
  due ||= setTimeout(flush, 30);
}
/** Shows something to the user alone, in the conversation on the screen. */
function tell(item) {
  if (current) queue(current, item);
}
on("fault", ({ text, word }) => tell({ kind: "fault", text, word }));
on("flush", flush);

// ---- Messages ------------------------------------------------------------------------------------
const FIELDS = [
  ...["seq", "at", "from", "user", "to", "text", "action", "reply", "files", "edited", "deleted"],
  ...["reactions", "trace"],
];

function toItem(event) {
  const item = { kind: "message", direct: event.type === "private" };
  for (const field of FIELDS) if (event[field] !== undefined) item[field] = event[field];
  item.own = event.own ?? event.user === me.user;
  return item;
}

function hear(event) {
  learnUser(event.from, event.user);
  const item = toItem(event);
  const conversation = event.type === "private" ? partner(event) : roomOf(event.room);
  if (event.seq > conversation.seq) conversation.seq = event.seq;
  // A line such as /msg was shown in the room where it was written, and belongs to both.
  if (item.own) flush();
  const line = item.own ? confirmed(event.id, item) : undefined;
  // An own line was on the screen already.
  report([{ trace: event.own && event.trace }]);
  if (itemsOf(event.seq).some((known) => conversation.items.includes(known))) return;
  if (line) return queue(conversation, item);
  conversation.hidden = false;
  if (conversation.detached) count(conversation, [item]);
  else queue(conversation, item);
  if (item.direct && !item.own && current && !current.direct) whisper(item);
  if (!item.own) emit("news", { conversation, item });
}
/** A private message appears in the room on the screen, too. */
function whisper(item) {
  queue(current, { ...item, whispered: true });
}
function partner({ own, user, from, to, peer }) {
  const mine = own ?? user === me.user;
  return directOf(mine ? to : from, peer);
}

// ---- Changes of messages -------------------------------------------------------------------------
const CHANGES = {
  edit: (item, { text, at }) => Object.assign(item, { text, edited: at }),
  delete: (item) => Object.assign(item, { text: "", deleted: true }),
  reaction(item, { emoji, from, on: added }) {
    const names = (item.reactions?.[emoji] ?? []).filter((name) => name !== from);
    item.reactions = { ...item.reactions, [emoji]: added ? [...names, from] : names };
  },
};
function change(event) {
  flush();
  for (const item of itemsOf(event.target)) {
    CHANGES[event.type](item, event);
    again(item);
  }
}

// ---- People --------------------------------------------------------------------------------------
function notice(event) {
  const { code, params, at } = event;
  const room = findRoom(event.room);
  if (!room) return;
  if (code === "left" && event.own && room.entered) return leave(room);
  if (code === "joined") arrive(room, params.name, event.user);
  if (code === "left") room.members = room.members.filter((name) => name !== params.name);
  if (code === "renamed") rename(room, params, event);
  emit("members", room);
  if (code === "joined" || code === "left") {
    const steps = new Map([[params.name, code === "joined" ? "j" : "l"]]);
    return queue(room, { kind: "presence", at, names: steps });
  }
  queue(room, { kind: "notice", at, code, params, text: event.text, word: wordOf(code) });
}
const wordOf = (code) => code === "stopping" ? code : undefined;

/** The user has left by a command. The list closes a room itself when its button is pressed. */
function leave(room) {
  room.entered = false;
  emit("notInRoom", room);
}
function arrive(room, name, user) {
  learnUser(name, user);
  if (!room.members.includes(name)) room.members.push(name);
}
function rename(room, { from, to }, { own, user }) {
  learnUser(to, user);
  room.members = room.members.map((name) => name === from ? to : name);
  const direct = conversations.find((one) => one.direct && one.name === from);
  if (direct) direct.name = to;
  if (!own) return;
  me.name = to;
  saveSession();
}

// ---- The welcome ---------------------------------------------------------------------------------
function welcome(event) {
  const first = !isOnline();
  me.traces = event.traces === true;
  const known = first ? identify(event) : undefined;
  if (known) {
    setEpoch(event.epoch);
    if (known.restarted) forgetNumbers();
    for (const { peer, name } of event.peers ?? []) learnUser(name, Number(peer));
  }
  const room = roomOf(event.room);
  const rooms = event.rooms ?? [event.room];
  for (const one of conversations) if (!one.direct) one.entered = rooms.includes(one.name);
  enterRoom(room, event);
  if (known) begin(known.tokens);
  if (first ? !current || !isIn(current) : !event.also) emit("open", room);
  saveSession();
  emit("members", room);
  if (event.gap) { for (const one of conversations) if (one.direct) one.loaded = false; }
  if (known) emit("peers", event.peers ?? []);
}
const isIn = ({ direct, entered, wanted }) => direct || entered || wanted;

/** After a restart, the numbers mean nothing any more; the texts stay on the screen. */
function forgetNumbers() {
  for (const conversation of conversations) {
    for (const item of conversation.items) {
      unregister(item);
      item.seq = undefined;
    }
    if (conversation.entered && conversation.items.length > 0) {
      queue(conversation, { kind: "notice", word: "restarted" });
    }
    conversation.seq = 0;
  }
  flush();
}

/** Takes the members and the history of a room. */
function enterRoom(room, event) {
  const back = room.seq > 0;
  room.members = [...event.members];
  event.members.forEach((name, i) => learnUser(name, event.users?.[i]));
  if (!back) room.more = event.more === true;
  else if (!event.complete) queue(room, { kind: "notice", word: "gap" });
  flush();
  const past = event.events.flatMap((one) => pastItem(one) ?? []);
  // Lines that are not confirmed stand behind the history.
  const waiting = past.length > 0 ? room.items.filter(({ state }) => state) : [];
  for (const item of waiting) remove(room, item);
  if (!room.detached) append(room, past);
  append(room, waiting);
  if (back) count(room, past);
  room.seq = Math.max(room.seq, event.seq);
  promiseSeq(event.seq);
  if (!back) countHistory(room, past);
}
/** Returns the item of a message in a history; undefined if the page has it. */
function pastItem(event) {
  if (event.type !== "message" && event.type !== "private") {
    change(event);
    return undefined;
  }
  learnUser(event.from, event.user);
  const item = toItem(event);
  // A line of the connection before, which may have had another user id.
  if (event.from === me.name && confirmed(event.id, item)) return undefined;
  return itemsOf(event.seq).length > 0 ? undefined : item;
}

/** Returns the items of an answer with older messages, without those that the page has. */
export function pastItems(events, conversation) {
  const fresh = events.map(toItem);
  for (const { from, user } of fresh) learnUser(from, user);
  const has = new Set(conversation.items.map(({ seq }) => seq));
  return fresh.filter(({ seq }) => !has.has(seq));
}

// ---- All events ----------------------------------------------------------------------------------
function failed(event) {
  if (!isOnline()) return event.type === "error" ? refused(event) : undefined;
  if (answer(event)) return;
  const line = event.code === "away" ? undefined : refuse(event.id) ?? settle(event.id);
  if (event.code === "not-in-room" && line) line.conversation.entered = false;
  if (line?.room) emit("notInRoom", line.room);
  tell({ kind: event.type === "error" || line?.kept ? "fault" : "reply", text: event.text });
}

const HANDLERS = {
  welcome,
  message: hear,
  private: hear,
  edit: change,
  delete: change,
  reaction: change,
  notice,
  reply: failed,
  error: failed,
  rooms: ({ rooms }) => emit("rooms", rooms),
  pong: ({ id }) => settle(id),
  bye(event) {
    endWith(event);
    if (event.code === "shutdown") tell({ kind: "notice", at: Date.now(), text: event.text });
  },
};
on("event", (event) => {
  if (event.type !== "welcome") sawEvent(event);
  // An own change answers the request, and is a change, too.
  answer(event.type === "reply" || event.type === "error" ? {} : event);
  if (Object.hasOwn(HANDLERS, event.type)) HANDLERS[event.type](event);
});
