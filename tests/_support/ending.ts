/** How a peer that knows nothing of this package sees a connection end. @module */

import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** What a raw peer saw. */
export interface Ending {
  /** "reset" for ECONNRESET, "end" for an orderly end, else the code of the error. */
  readonly how: string;
  /** How many bytes came before. */
  readonly bytes: number;
}

/** Reads a socket to its end. */
export function ending(socket: Socket): Promise<Ending> {
  let bytes = 0;
  return new Promise((resolve) => {
    socket.on("data", (chunk: Uint8Array) => bytes += chunk.length);
    socket.on("end", () => {
      socket.destroy();
      resolve({ how: "end", bytes });
    });
    socket.on("error", (error: Error & { code?: string }) => {
      resolve({ how: error.code === "ECONNRESET" ? "reset" : error.code ?? "error", bytes });
    });
  });
}

/** Dials a server as a raw client. */
export function rawClient(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

/** Starts a raw server for one connection. */
export async function rawServer(): Promise<{ port: number; accepted: Promise<Socket> }> {
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    server.close();
    resolve(socket);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return { port: (server.address() as AddressInfo).port, accepted };
}
