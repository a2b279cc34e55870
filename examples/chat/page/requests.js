// Requests that the server answers with the same id.

import { transmit } from "./connection.js";
import { t } from "./language.js";
import { newId } from "./outbox.js";

const TIMEOUT = 10_000;
/** @type {Map<number, { resolve: Function, reject: Function, timer: number }>} */
const open = new Map();

/** The server has refused a request. The message says why. */
export class Refusal extends Error {}

/** Sends a request. Rejects with a text for the user if the answer is an error, or does not come. */
export function ask(request) {
  const id = newId();
  if (!transmit({ ...request, id })) return Promise.reject(new Error(t.offline));
  const { promise, resolve, reject } = Promise.withResolvers();
  const timer = setTimeout(() => end(id, () => reject(new Error(t.notAnswered))), TIMEOUT);
  open.set(id, { resolve, reject, timer });
  return promise;
}

function end(id, act) {
  const request = open.get(id);
  if (!request) return false;
  open.delete(id);
  clearTimeout(request.timer);
  act(request);
  return true;
}

/** Gives an event to the request that it answers. Returns false if there is none. */
export function answer(event) {
  return end(event.id, ({ resolve, reject }) => {
    if (event.type === "error" || event.type === "reply") reject(new Refusal(event.text));
    else resolve(event);
  });
}

/** Ends all requests, because the connection has ended. */
export function abandon() {
  for (const id of [...open.keys()]) end(id, ({ reject }) => reject(new Error(t.offline)));
}
