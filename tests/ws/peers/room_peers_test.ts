/** A room whose members compress in different ways, or not at all: npm ws and our client. */

import { WebSocket as NpmSocket } from "ws";
import { assertEquals } from "@std/assert";
import { connectWebSocket } from "../../../ws/client/client.ts";
import { WsRoom } from "../../../ws/room.ts";
import { serveWebSocket } from "../../../ws/server/server.ts";
import { until } from "../../_support/ws_peers.ts";
import { contentOf } from "../cases/compression.ts";

/** How the members offer compression. */
const OFFERS = [
  false,
  true,
  { threshold: 0 },
  { threshold: 0, serverNoContextTakeover: true },
  { threshold: 0, clientNoContextTakeover: true },
  { threshold: 0, serverMaxWindowBits: 9 },
  { threshold: 0, serverMaxWindowBits: 12, clientMaxWindowBits: 9 },
] as const;

const SIZES = [10, 1500, 40_000, 300];

/** Returns a text that is similar to the others, so that a compressor refers to earlier ones. */
function textOf(number: number): string {
  const size = SIZES[number % SIZES.length]!;
  return new TextDecoder().decode(contentOf({ content: "json", size, count: 1 }, number % 3)) +
    ` #${number}`;
}

interface Member {
  readonly received: string[];
  send(text: string): void;
  close(): Promise<unknown>;
}

async function npmMember(
  url: string,
  perMessageDeflate: typeof OFFERS[number],
): Promise<Member> {
  const socket = new NpmSocket(url, { perMessageDeflate });
  const received: string[] = [];
  socket.on("message", (data: Uint8Array) => received.push(`${data}`));
  socket.on("error", (error: Error) => received.push(`${error}`));
  await new Promise((resolve) => socket.once("open", resolve));
  return {
    received,
    send: (text) => socket.send(text),
    close() {
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.close(1000);
      return closed;
    },
  };
}

async function ourMember(url: string, compression: typeof OFFERS[number]): Promise<Member> {
  const conn = await connectWebSocket(url, { compression });
  const received: string[] = [];
  const reading = (async () => {
    for await (const message of conn) received.push(`${message}`);
  })();
  return {
    received,
    send: (text) => void conn.send(text),
    async close() {
      await conn.close();
      await reading;
    },
  };
}

Deno.test("members of a room that compress in different ways receive the same messages", async () => {
  const room = new WsRoom();
  await using server = serveWebSocket(
    { port: 0, hardened: true, compression: { threshold: 200 } },
    async (conn) => {
      room.join(conn);
      // A reply uses the window of one member, a broadcast the window of none.
      for await (const message of conn) {
        await conn.send(`to you: ${message}`);
        room.broadcast(`to all: ${message}`);
      }
    },
  );
  const members = await Promise.all(
    OFFERS.flatMap((offer) => [npmMember(server.url, offer), ourMember(server.url, offer)]),
  );
  await until(() => room.members.size === members.length);
  const sent: string[] = [];
  for (let round = 0; round < 8; round++) {
    for (const [i, member] of members.entries()) {
      const text = textOf(round * members.length + i);
      sent.push(text);
      member.send(text);
      // Each broadcast arrives before the next one, so that the order is known.
      const all = members.map(({ received }) => received);
      const arrived = () => all.every((one) => one.at(-1) === `to all: ${text}`);
      await until(arrived);
    }
  }
  for (const [i, { received, close }] of members.entries()) {
    const expected = sent.flatMap((text, number) =>
      number % members.length === i ? [`to you: ${text}`, `to all: ${text}`] : [`to all: ${text}`]
    );
    assertEquals(received, expected);
    await close();
  }
});
