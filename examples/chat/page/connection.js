// The WebSocket: opens it again after every end, and notices a connection that has died silently.

import { emit } from "./signals.js";

/** The page asks for a sign of life after this silence, in milliseconds, and then waits so long. */
const QUIET = 20_000, PATIENCE = 15_000;

let socket, retryTimer, tries = 0, heardAt = 0, askedAt = 0;

/** Returns whether a new attempt is due later. */
export function isWaiting() {
  return retryTimer !== undefined;
}

/** Sends a message. Returns false if there is no connection. */
export function transmit(message) {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify(message));
  return true;
}

/** Opens the connection. The signals are "opened", "event" and "closed". */
export function connect() {
  clearInterval(retryTimer);
  retryTimer = undefined;
  emit("connecting");
  const url = new URL("ws", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.search = url.hash = "";
  const mine = socket = new WebSocket(url);
  heardAt = Date.now();
  askedAt = 0;
  mine.onopen = () => emit("opened");
  mine.onmessage = ({ data }) => {
    if (socket !== mine) return;
    heardAt = Date.now();
    askedAt = 0;
    emit("event", JSON.parse(data));
  };
  mine.onclose = () => {
    if (socket === mine) ended();
  };
}

function ended() {
  socket = undefined;
  emit("closed");
}

/** Ends the connection at once, without waiting for the other side. */
export function disconnect() {
  const old = socket;
  if (!old) return;
  ended();
  old.close();
}

/** Resets the waiting time after a success. */
export function succeeded() {
  tries = 0;
}

/** Tries again after a while. The signal "retry" has the seconds that are left. */
export function connectLater() {
  const wait = Math.min(15, 0.5 * 2 ** tries++) * (0.5 + Math.random());
  const due = Date.now() + wait * 1000;
  clearInterval(retryTimer);
  const tick = () => {
    const left = due - Date.now();
    if (left <= 0) connect();
    else emit("retry", Math.ceil(left / 1000));
  };
  retryTimer = setInterval(tick, 250);
  tick();
}

/** Stops waiting for the next attempt. */
export function giveUp() {
  clearInterval(retryTimer);
  retryTimer = undefined;
}

/** Tries at once if an attempt is due later. */
export function connectNow() {
  if (isWaiting()) connect();
}

/** Looks for a dead connection. A test passes the time. */
export function checkLife(now = Date.now()) {
  if (socket?.readyState === WebSocket.CONNECTING) {
    if (now - heardAt > QUIET + PATIENCE) disconnect();
  } else if (askedAt) {
    if (now - askedAt > PATIENCE) disconnect();
  } else if (now - heardAt > QUIET && transmit({ type: "ping" })) {
    askedAt = now;
  }
}

setInterval(() => checkLife(), 2000);
addEventListener("online", connectNow);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) connectNow();
});
