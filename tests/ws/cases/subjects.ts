/** The sides under test: servers on both transports, and the client. @module */

import { assertEquals } from "@std/assert";
import { connectWebSocket } from "../../../ws/client/client.ts";
import type { WsConnection } from "../../../ws/connection/connection.ts";
import { serveWebSocket } from "../../../ws/server/server.ts";
import { concat, echo, openingRequest, openingResponse } from "../../_support/ws_peers.ts";
import { type Agreement, extensionOf } from "./compression.ts";
import { directionFrom, Inflater } from "./deflater.ts";
import { MOST } from "./limits.ts";
import { Wire } from "./wire.ts";

/** An open connection between the tester and a subject. */
export interface Opened {
  /** The end of the tester. */
  readonly wire: Wire;
  /** The end of the program. */
  readonly conn: WsConnection;
  /** Decompresses the messages of the subject, if both sides agreed on compression. */
  readonly inflater?: Inflater;
  /** Waits until the program has released the connection. */
  done(): Promise<void>;
}

/** A side under test, which sends every message back. */
export interface Subject extends AsyncDisposable {
  readonly side: "server" | "client";
  /** Whether it follows the RFC exactly; otherwise it is the WebSocket of Deno. */
  readonly strict: boolean;
  /** Opens one connection. */
  open(): Promise<Opened>;
}

/** Options of a subject. */
export interface SubjectOptions {
  /** The parameters of permessage-deflate. @default no compression */
  readonly agreement?: Agreement;
  /** As in the options of a connection. @default 2000 */
  readonly closeTimeout?: number;
  /** The certificate of the server, and its authority, for TLS. @default no TLS */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

const limitsOf = ({ closeTimeout = 2000 }: SubjectOptions) => ({
  maxMessageSize: MOST,
  closeTimeout,
});

/** Starts a server: on our own transport if `hardened`, otherwise on the one of Deno. */
export function serverSubject(hardened: boolean, options: SubjectOptions = {}): Subject {
  const { agreement, tls } = options;
  const waiting: ((conn: WsConnection) => void)[] = [];
  const compression = agreement !== undefined && { threshold: 0 };
  const certificate = tls && { cert: tls.cert, key: tls.key };
  const server = serveWebSocket(
    { port: 0, hardened, ...limitsOf(options), ...certificate, compression },
    (conn) => {
      waiting.shift()?.(conn);
      return echo(conn);
    },
  );
  return {
    side: "server",
    strict: hardened,
    async open() {
      const { promise, resolve } = Promise.withResolvers<WsConnection>();
      waiting.push(resolve);
      const { port } = server.addr;
      const to = { hostname: "127.0.0.1", port };
      const wire = new Wire(
        tls ? await Deno.connectTls({ ...to, caCerts: [tls.ca] }) : await Deno.connect(to),
        true,
      );
      const offer = agreement && extensionOf(agreement);
      const lines = offer === undefined ? [] : [`Sec-WebSocket-Extensions: ${offer}`];
      const head = await handshakeAsClient(wire, port, lines);
      if (agreement !== undefined) {
        assertEquals(extensionsIn(head), extensionOf(answerTo(agreement)));
      }
      const conn = await promise;
      const inflater = agreement && new Inflater(directionFrom("server", agreement));
      return { wire, conn, ...inflater && { inflater }, done: () => conn.gone };
    },
    async [Symbol.asyncDispose]() {
      await server.shutdown({ deadline: 2000 });
    },
  };
}

/** Returns a subject that connects to the tester for each case. */
export function clientSubject(options: SubjectOptions = {}): Subject {
  const { agreement, tls } = options;
  // Clients of other tests may still call a port of 127.0.0.1 that their server has left. The certificates
  // are for that address.
  const hostname = tls ? "127.0.0.1" : "127.0.0.96";
  const on = { hostname, port: 0 };
  const listener = tls ? Deno.listenTls({ ...on, cert: tls.cert, key: tls.key }) : Deno.listen(on);
  return {
    side: "client",
    strict: true,
    async open() {
      const url = `${tls ? "wss" : "ws"}://${hostname}:${listener.addr.port}/`;
      const compression = agreement !== undefined && { threshold: 0, ...agreement };
      const trust = tls && { caCerts: [tls.ca] };
      const dialling = connectWebSocket(url, { ...limitsOf(options), ...trust, compression });
      const wire = new Wire(await listener.accept(), false);
      const accepted = agreement && extensionOf(agreement);
      await handshakeAsServer(
        wire,
        accepted === undefined ? [] : [`Sec-WebSocket-Extensions: ${accepted}`],
      );
      const conn = await dialling;
      const echoing = echo(conn).catch(() => {});
      const inflater = agreement && new Inflater(directionFrom("client", agreement));
      return {
        wire,
        conn,
        ...inflater && { inflater },
        async done() {
          await echoing;
          await conn.gone;
        },
      };
    },
    [Symbol.asyncDispose]() {
      listener.close();
      return Promise.resolve();
    },
  };
}

/** Returns what a server answers. It may leave out a client's window of 15 bits (RFC 7692 §7.1.2.2). */
function answerTo({ clientMaxWindowBits: bits, ...rest }: Agreement): Agreement {
  return bits === undefined || bits === 15 ? rest : { ...rest, clientMaxWindowBits: bits };
}

/** Returns the extensions in the head of a response; empty if there are none. */
function extensionsIn(head: string): string {
  return /^sec-websocket-extensions: *(.*)\r$/im.exec(head)?.[1] ?? "";
}

/** Sends the opening handshake, and returns the head of the response. */
async function handshakeAsClient(
  wire: Wire,
  port: number,
  lines: readonly string[] = [],
): Promise<string> {
  await wire.write(openingRequest(port, lines));
  return await wire.readHead();
}

/** Answers the opening handshake; `rest` follows in the same packet. */
export async function handshakeAsServer(
  wire: Wire,
  lines: readonly string[] = [],
  rest: Uint8Array = new Uint8Array(),
): Promise<void> {
  await wire.write(concat(await openingResponse(await wire.readHead(), lines), rest));
}
