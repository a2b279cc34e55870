// Messages that the page does not have: older ones, and those around a search result.

import { $ } from "./dom.js";
import { pastItems } from "./events.js";
import { itemsOf } from "./items.js";
import { t } from "./language.js";
import { append, prepend, replaceAll, showItem } from "./log.js";
import { open } from "./places.js";
import { ask } from "./requests.js";
import { isOnline } from "./session.js";
import { emit, on } from "./signals.js";
import { conversations, current, directOf, roomOf } from "./state.js";
import { countHistory, lastRead } from "./unread.js";

const PAGE = 100;
/** The conversations for which an answer is due. */
const busy = new Set();

/** Asks for a part of the history of a conversation, one at a time. */
async function load(conversation, query) {
  if (busy.has(conversation) || !conversation.address || !isOnline()) return undefined;
  busy.add(conversation);
  $("loading").textContent = t.older;
  try {
    return await ask({ type: "history", ...conversation.address, limit: PAGE, ...query });
  } catch (error) {
    emit("fault", { text: error.message });
    return undefined;
  } finally {
    $("loading").textContent = "";
    busy.delete(conversation);
  }
}

const firstSeq = ({ items }) => items.find(({ seq }) => seq !== undefined)?.seq;
const lastSeq = ({ items }) => items.findLast(({ seq }) => seq !== undefined)?.seq;

on("older", async () => {
  const conversation = current;
  const before = firstSeq(conversation);
  if (!conversation.more || before === undefined) return;
  const answer = await load(conversation, { before });
  if (!answer) return;
  conversation.more = answer.more;
  prepend(conversation, pastItems(answer.events, conversation));
});

on("newer", async () => {
  const conversation = current;
  const answer = await load(conversation, { around: lastSeq(conversation) });
  if (!answer || !conversation.detached) return;
  conversation.detached = answer.newer === true;
  const last = lastSeq(conversation);
  const fresh = pastItems(answer.events, conversation).filter(({ seq }) => seq > last);
  append(conversation, fresh);
});

/** Loads the newest messages, after a jump to old ones, or when a conversation is opened. */
async function loadNewest(conversation) {
  const answer = await load(conversation, {});
  if (!answer) return undefined;
  const waiting = conversation.items.filter(({ state }) => state);
  conversation.more = answer.more;
  replaceAll(conversation, [...pastItems(answer.events, { items: [] }), ...waiting], true);
  conversation.loaded = true;
  return conversation.items;
}
on("newest", () => loadNewest(current));

on("opened-place", (conversation) => {
  if (conversation.direct && !conversation.loaded) void loadNewest(conversation);
});
/** The private conversations of the user come with the welcome; those with news are loaded. */
on("peers", async (peers) => {
  for (const { peer, name, seq } of peers) {
    const conversation = directOf(name, peer);
    const news = seq > (lastRead(conversation) ?? seq);
    if (conversation === current || (news && !conversation.loaded)) {
      const items = await loadNewest(conversation);
      if (items) countHistory(conversation, items);
    }
  }
});

/** Shows a message, which may be old. */
export async function jumpTo(seq, conversation) {
  if (conversation !== current) open(conversation);
  if (itemsOf(seq).some(showItem)) return;
  const answer = await load(conversation, { around: seq });
  if (!answer || conversation !== current) return;
  const items = pastItems(answer.events, { items: [] });
  if (!items.some((item) => item.seq === seq)) return emit("fault", { word: "gone" });
  conversation.more = answer.more;
  replaceAll(conversation, items, answer.newer !== true);
  itemsOf(seq).some(showItem);
}
on("jump", (seq) => jumpTo(seq, current));

/** Returns the conversation of a search result. */
export function placeOfHit({ room, peer, with: name }) {
  return room === undefined ? directOf(name, peer) : roomOf(room);
}

/** Returns the messages that the page has and that contain a text, newest first. */
export function findHere(text) {
  const lower = text.toLowerCase();
  const hits = conversations.flatMap((conversation) =>
    conversation.items
      .filter((item) => item.kind === "message" && item.text.toLowerCase().includes(lower))
      .map((item) => hitOf(item, conversation, lower))
  );
  return hits.sort((a, b) => b.at - a.at).slice(0, 50);
}
function hitOf(item, { direct, name, peer }, lower) {
  const { seq, from, at, text } = item;
  const start = text.toLowerCase().indexOf(lower);
  const place = direct ? { peer, with: name } : { room: name };
  return { seq, from, at, text, ...place, marks: [[start, start + lower.length]] };
}
