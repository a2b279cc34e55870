// The session: joins the chat, and comes back after a disconnection, a restart or a reload.

import { connect, connectLater, connectNow, disconnect, giveUp, isWaiting } from "./connection.js";
import { succeeded, transmit } from "./connection.js";
import { $, focusText } from "./dom.js";
import { lang, t } from "./language.js";
import { dropLines, restoreLines } from "./lines.js";
import { onLeftover, start, stop } from "./outbox.js";
import { abandon } from "./requests.js";
import { emit, on } from "./signals.js";
import { conversations, current, endSession, limits, loadSession, me } from "./state.js";
import { roomOf, saveSession, setCurrent } from "./state.js";
import { load, save } from "./store.js";

/** The text of the end of the session; undefined while it lasts. */
let over;
/** Whether the server has welcomed this connection. */
let welcomed = false;
/** The number up to which the page has everything. */
let lastSeq = 0;
/** The number up to which it has everything when the welcomes and what follows them have arrived. */
let promised = 0;

/** Notes the number of a welcome. Further rooms and missed private messages are still on their way. */
export function promiseSeq(seq) {
  promised = Math.max(promised, seq);
}
/** Notes an event. A new one, and one without a number, comes behind everything that was missed. */
export function sawEvent({ seq = Infinity }) {
  if (seq <= promised) return;
  lastSeq = Math.max(lastSeq, promised, seq === Infinity ? 0 : seq);
}
/** Returns whether the page is connected and in the chat. */
export function isOnline() {
  return welcomed;
}

/** The rooms that the page wants to be in, the current one first. */
function wantedRooms() {
  const rooms = conversations.filter((one) => !one.direct && (one.entered || one.wanted));
  const first = rooms.find((one) => one === current) ?? rooms[0];
  return first ? [first, ...rooms.filter((one) => one !== first)] : [];
}

function enter() {
  promised = 0;
  const rooms = wantedRooms().map(({ name }) => name);
  const stored = loadSession();
  // Another tab may have a newer token of the same user.
  const token = stored?.name === me.name ? stored.token : me.token;
  const known = conversations.filter((one) => !one.direct && one.seq > 0).map(({ name }) => name);
  transmit({
    type: "join",
    name: me.name,
    lang,
    room: rooms[0],
    rooms: rooms.slice(1),
    token,
    ...me.epoch && known.length > 0
      ? { since: { epoch: me.epoch, seq: lastSeq, rooms: known } }
      : {},
  });
}

/** Joins with a name, from the form. */
export function join(name) {
  me.name = name;
  $("fault").textContent = "";
  giveUp();
  disconnect();
  over = undefined;
  connect();
}

/**
 * Comes back after a reload, if the server still has the epoch of the session. Otherwise the user joins
 * again, because a new server knows nobody.
 */
export function comeBack(epoch, room) {
  const session = loadSession();
  const rooms = new Set([room, session?.room, ...session?.rooms ?? []]);
  for (const name of rooms) if (name) roomOf(name).wanted = true;
  const [first] = conversations;
  if (session) me.name = session.name;
  if (!session?.token || session.epoch !== epoch || !first) return false;
  me.token = session.token;
  show();
  setCurrent(first);
  restoreLines([me.token]);
  connect();
  return true;
}

/** Shows the chat instead of the form. */
function show() {
  me.joined = true;
  $("join").hidden = true;
  $("chat").hidden = false;
  focusText();
}

/** Shows the form with a message. */
export function leaveWith(text) {
  me.joined = false;
  over = undefined;
  giveUp();
  dropLines();
  $("chat").hidden = true;
  $("join").hidden = false;
  document.title = "Portside";
  $("fault").textContent = text;
  $("enter").disabled = false;
  $("name").value = me.name;
  $("name").focus();
  $("name").select();
}

/** Takes what a welcome says about the user. Returns whether the server is another one than before. */
export function identify(event) {
  const restarted = me.epoch !== "" && event.epoch !== me.epoch;
  if (event.epoch !== me.epoch) lastSeq = promised = 0;
  const before = [me.token, loadSession()?.token];
  const { name, user, epoch, token } = event;
  Object.assign(me, { name, user, epoch, token });
  Object.assign(limits, event.limits);
  save("name", name);
  if (!welcomed) {
    succeeded();
    $("fault").textContent = "";
    if (!me.joined) show();
  }
  return { restarted, tokens: [...before, token].filter((one) => one !== undefined) };
}

/** Begins to send, after the welcome has confirmed lines that need not be sent again. */
export function begin(tokens) {
  welcomed = true;
  saveSession();
  restoreLines(tokens);
  start();
  emit("online");
}

/** Takes the refusal of a join. */
export function refused({ code, text }) {
  // A full server can have room later, so the page keeps trying.
  if (me.joined && ["full", "stopping", "unavailable"].includes(code)) return disconnect();
  if (code?.startsWith("room") || code === "address-rooms") forgetRooms();
  // Somebody else has the name now. The user needs another one, and keeps the private conversations.
  if (code !== "name-taken" && code !== "name-similar") me.token = undefined;
  leaveWith(text);
}
function forgetRooms() {
  for (const one of conversations) one.entered = one.wanted = false;
}

/** Ends the session for the reason that the server gives. */
export function endWith({ code, text }) {
  if (code !== "shutdown" && code !== "offline") over = text;
  if (code === "quit") forgetUser(text);
}
/** The next user of this page must find no conversation of this one, so the page begins anew. */
function forgetUser(text) {
  endSession();
  save("farewell", text);
  emit("quit");
  history.replaceState(null, "", location.pathname);
  location.reload();
}

on("connecting", () => $("enter").disabled = true);
on("opened", enter);
on("closed", () => {
  welcomed = false;
  abandon();
  for (const { sent } of stop()) {
    if (sent) emit("fault", { text: t.unanswered(sent) });
  }
  $("enter").disabled = false;
  if (over !== undefined) return leaveWith(over);
  if (me.joined) return connectLater();
  if (!$("fault").textContent) $("fault").textContent = t.unreachable;
});
on("current", () => me.joined && saveSession());
on("language", () => transmit({ type: "lang", lang }));
onLeftover(() => welcomed && restoreLines([me.token]));

/** Shows the form with the last name, and the farewell to a user who has just left. */
export function askName() {
  $("name").value = me.name || load("name") || "";
  $("name").focus();
  $("fault").textContent = load("farewell") ?? "";
  save("farewell", null);
}

$("join-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("name").value.trim();
  if (name) join(name);
});
$("retry").addEventListener("click", connectNow);

// ---- The state of the connection ---------------------------------------------------------------
function status(text, away) {
  $("status-text").textContent = text;
  // A screen reader must not announce the countdown every second.
  const spoken = away ? t.away : t.connected;
  if ($("spoken").textContent !== spoken) $("spoken").textContent = spoken;
  $("status").classList.toggle("away", away);
  $("retry").hidden = !(away && isWaiting());
}
on("connecting", () => status(t.connecting, true));
on("retry", (seconds) => status(t.retryIn(seconds), true));
on("online", () => status(t.connected, false));
on("language", () => me.joined && status(welcomed ? t.connected : t.connecting, !welcomed));
