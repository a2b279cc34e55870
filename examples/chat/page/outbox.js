// Lines that the server has not confirmed. They are kept in the browser, each under a key of its own, so
// that they survive a reload and two tabs do not overwrite each other's lines. The server takes a line
// with the same id once, so sending it again is safe.

import { transmit } from "./connection.js";
import { emit, on } from "./signals.js";
import { me } from "./state.js";
import { keysOf, loadValue, onOtherTab, save, saveValue } from "./store.js";

const KEY = "out.";
/** Lines on their way at once, because of the rate limit of the server. */
const FLIGHT = 20;
/** Limits of unconfirmed lines. Then the text stays in the composer. */
const MOST = 1000, MOST_BYTES = 2 * 1024 * 1024;

/** Unconfirmed lines by id, in order. */
export const pending = new Map();
let flying = 0, bytes = 0, ready = false;

/** Returns the number of lines on their way. */
export function inFlight() {
  return flying;
}

/** Makes a random id, because all users see ids and must not guess the next one. */
export function newId() {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high >>> 11) * 2 ** 32 + low;
}

/** Returns whether the outbox takes another line. */
export function hasRoom(size) {
  return pending.size < MOST && bytes + size <= MOST_BYTES;
}

/**
 * Takes a line: `request` is sent, `item` is the message in the list. Only lines with `kept` survive a
 * reload; the rest are commands.
 */
export function post(id, line) {
  pending.set(id, line);
  bytes += sizeOf(line);
  if (line.kept) keep(id, line);
  pump();
}
const sizeOf = ({ request }) => request.text?.length ?? 0;

function keep(id, { request, at, place, state }) {
  const stored = saveValue(KEY + id, {
    request,
    at,
    place,
    lost: state === "lost",
    token: me.token,
  });
  if (!stored) emit("unkept");
}

/** Removes a line that is answered, and sends the next ones. */
export function settle(id) {
  const line = pending.get(id);
  if (!line) return undefined;
  forget(id);
  pump();
  return line;
}
/** Removes a line without an answer. */
export function forget(id) {
  const line = pending.get(id);
  if (!line) return;
  pending.delete(id);
  bytes -= sizeOf(line);
  if (line.state === "sending") flying--;
  if (line.kept) save(KEY + id, null);
}

/** Marks a line as refused. It waits for a decision of the user. */
export function refuse(id) {
  const line = pending.get(id);
  if (!line) return undefined;
  setState(line, "lost");
  if (line.kept) keep(id, line);
  pump();
  return line;
}
/** Sends a refused line again. */
export function retry(id) {
  const line = pending.get(id);
  if (!line) return;
  setState(line, "waiting");
  keep(id, line);
  pump();
}

function setState(line, state) {
  if (line.state === "sending") flying--;
  if (state === "sending") flying++;
  line.state = state;
  emit("state", line);
}

/** Sends waiting lines in order. */
export function pump() {
  if (!ready) return;
  for (const [id, line] of pending) {
    if (line.state === "sending" || line.state === "lost") continue;
    const waited = me.traces ? { waited: Date.now() - line.at } : {};
    if (flying >= FLIGHT || !transmit({ ...line.request, id, ...waited })) return;
    setState(line, "sending");
    // The answer to a ping tells that the server has carried out the command before it.
    if (!line.kept) transmit({ type: "ping", id });
  }
}

/** Begins to send, after the welcome. The lines belong to the token of the user. */
export function start() {
  ready = true;
  for (const [id, line] of pending) if (line.kept) keep(id, line);
  pump();
}

/** Takes all lines back that were on their way. Commands are not repeated: they are returned. */
export function stop() {
  ready = false;
  const commands = [];
  for (const [id, line] of [...pending]) {
    if (line.kept) {
      if (line.state === "sending") setState(line, "waiting");
    } else {
      forget(id);
      commands.push(line);
    }
  }
  return commands;
}

/** Forgets all lines in memory; the browser still has them. */
export function clear() {
  pending.clear();
  flying = bytes = 0;
}

/** Nobody can send the lines of a user who has quit. */
on("quit", () => {
  for (const key of keysOf(KEY)) {
    if (loadValue(KEY + key)?.token === me.token) save(KEY + key, null);
  }
});

/** Returns the kept lines of a session that are not in memory, in the order in which they were written. */
export function restore(tokens) {
  const lines = keysOf(KEY).flatMap((key) => {
    const id = Number(key);
    const stored = loadValue(KEY + key);
    if (!stored?.request || pending.has(id) || !tokens.includes(stored.token)) return [];
    return [{ ...stored, id }];
  });
  return lines.sort((a, b) => a.at - b.at);
}

/** Calls back when another tab has left a line, after the time that it needs to send the line itself. */
export function onLeftover(act) {
  onOtherTab(KEY, (_id, value) => value && setTimeout(act, 3000));
}
