/** What the tests of `net/errors/errors.ts` share. @module */

import { assert } from "@std/assert";
import { once } from "node:events";
import type { Server, Socket } from "node:net";

export { deadPort } from "./ports.ts";

/** The address that everything here happens on. */
export const LOOPBACK = "127.0.0.1";

/** What a promise rejects with; fails if it does not. */
export function thrown(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`nothing was thrown, but ${value} given`);
    },
    (error) => error,
  );
}

/** The port that a server of Node listens on. */
export function portOf(server: Server): number {
  const address = server.address();
  assert(address !== null && typeof address === "object");
  return address.port;
}

/** The error event of a socket of Node, which is gone afterwards. */
export async function errorOf(socket: Socket): Promise<unknown> {
  const closed = once(socket, "close").catch(() => {});
  const error = await new Promise((resolve) => socket.once("error", resolve));
  socket.destroy();
  await closed;
  return error;
}
