// The lines of the user, from the composer to their confirmation.

import { itemsOf, register } from "./items.js";
import { again, append, remove, removeMark } from "./log.js";
import { mark } from "./message.js";
import { clear, forget, newId, pending, post, restore, retry, settle } from "./outbox.js";
import { emit, on } from "./signals.js";
import { conversations, current, directOf, findRoom, me, roomOf } from "./state.js";

/** An action is a message: it is shown at once, and sent again after a disconnection. */
const ACTION = /^\/me\s+(?=\S)/i;
const JOIN = /^\/join\s+#?(\S+)\s*$/i;
const PRIVATE = /^\/msg\s+(\S+)\s+(?=\S)/i;

/** Returns whether a text is a command, and not a message. */
export function isCommand(text) {
  return /^\/(?!\/)/.test(text) && !text.includes("\n") && !ACTION.test(text) &&
    !PRIVATE.test(text);
}

/** Says a text in a conversation. It appears in the list at once. */
export function say(conversation, text, { reply, files = [] } = {}) {
  removeMark(conversation);
  const request = { type: "say", text: escaped(text), ...conversation.address };
  if (reply) request.reply = reply.seq;
  if (files.length > 0) request.files = files.map(({ id }) => id);
  // The server learns to know the conversation with the first message.
  if (!conversation.address) request.text = `/msg ${conversation.name} ${text}`;
  show(newId(), conversation, { request, at: Date.now() }, { reply, files });
}

/** Several lines are never a command. */
function escaped(text) {
  const command = text.startsWith("/") && !ACTION.test(text) && !PRIVATE.test(text);
  return command && text.includes("\n") ? `/${text}` : text;
}

function show(id, conversation, { request, at, lost }, more = {}) {
  const line = {
    request,
    at,
    place: conversation.key,
    kept: true,
    state: lost ? "lost" : "waiting",
    conversation,
  };
  line.item = { ...toItem(request.text, conversation), ...more, id, at, state: line.state };
  post(id, line);
  append(conversation, [line.item]);
}

/** Returns the message that a line will be, as far as the page can know. */
function toItem(text, conversation) {
  const { direct } = conversation;
  const base = { kind: "message", from: me.name, own: true, direct, text };
  if (direct) base.to = conversation.name;
  const whisper = PRIVATE.exec(text);
  if (whisper) {
    return { ...base, text: text.slice(whisper[0].length), direct: true, to: whisper[1] };
  }
  if (ACTION.test(text)) return { ...base, text: text.replace(ACTION, ""), action: true };
  return { ...base, text: text.replace(/^\/\//, "/") };
}

/** Sends a command. It is reported if the connection breaks before its answer. */
export function command(text) {
  const known = findRoom(JOIN.exec(text)?.[1]);
  if (known?.entered) return emit("open", known);
  const address = current?.direct ? {} : current?.address;
  post(newId(), { request: { type: "say", text, ...address }, sent: text });
}

/** Enters a room. The page tries again after a disconnection, so nothing is reported then. */
export function enterRoom(room) {
  room.wanted = true;
  post(newId(), { request: { type: "say", text: `/join #${room.name}` }, room });
}

/** Shows the kept lines of earlier pages, and of other tabs, and sends them. */
export function restoreLines(tokens) {
  for (const { id, ...line } of restore(tokens)) show(id, placeOf(line), line);
}
function placeOf({ place, request }) {
  const known = conversations.find(({ key }) => key === place);
  if (known) return known;
  return place.startsWith("@") ? directOf(place.slice(1), request.peer) : roomOf(place.slice(1));
}

/** Replaces an own line with the confirmed one, in the order of the room. Returns its item. */
export function confirmed(id, event) {
  const line = id === undefined ? undefined : settle(id);
  if (!line?.item) return undefined;
  const { item, conversation } = line;
  const { items } = conversation;
  if (itemsOf(event.seq).some((known) => items.includes(known))) {
    remove(conversation, item); // The history has brought it already.
    return item;
  }
  const shown = item.text === event.text && Math.abs(item.at - event.at) < 30_000 && !event.files;
  Object.assign(item, event, { own: true, state: undefined });
  const at = items.indexOf(item);
  const heard = (other) => ["message", "notice", "presence"].includes(other.kind) && !other.state;
  if (at !== -1 && !items.some((later, i) => i > at && heard(later))) {
    register(item);
    if (shown) mark(item);
    else again(item);
  } else {
    if (at !== -1) remove(conversation, item);
    append(conversation, [item]);
  }
  return item;
}

/** Removes the unconfirmed lines from the lists. The browser still has them. */
export function dropLines() {
  for (const { conversation, item } of pending.values()) if (item) remove(conversation, item);
  clear();
}

on("state", ({ item, state }) => {
  if (!item) return;
  item.state = state;
  mark(item);
});

/** Does with a refused line what the user has chosen. */
on("unsent", ({ item, word }) => {
  const line = pending.get(item.id);
  if (!line) return;
  const { conversation } = line;
  if (word === "sendAgain") {
    if (!conversation.direct && !conversation.entered) enterRoom(conversation);
    return retry(item.id);
  }
  forget(item.id);
  remove(conversation, item);
  if (word === "takeBack") emit("takeBack", { ...line, text: line.request.text });
});
