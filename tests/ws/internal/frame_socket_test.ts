import { assert, assertEquals } from "@std/assert";
import type { Connection } from "../../../net/connection/connection.ts";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import type { WsCompressionOptions, WsMessage } from "../../../ws/connection/options.ts";
import { WsConnection } from "../../../ws/connection/connection.ts";
import { WsFrameDecoder } from "../../../ws/frame_codec.ts";
import { answerDeflate, offerDeflate } from "../../../ws/internal/deflate_offer.ts";
import type { FrameSocketLimits } from "../../../ws/internal/frame_limits.ts";
import { FrameSocket, type FrameSocketOptions } from "../../../ws/internal/frame_socket.ts";
import { MessageDeflater } from "../../../ws/internal/message_deflate.ts";
import { WsRoom } from "../../../ws/room.ts";
import { concat, frame } from "../../_support/ws_peers.ts";

type Options = Partial<FrameSocketLimits & Pick<FrameSocketOptions, "compression">>;

const LIMITS: FrameSocketLimits = {
  maxMessageSize: 1_000_000,
  pingInterval: Infinity,
  controlRate: undefined,
  closeTimeout: 5000,
  messageTimeout: Infinity,
  minMessageRate: 500,
};

function open(
  connection: Connection,
  role: "server" | "client",
  { compression, ...limits }: Options = {},
): WsConnection {
  const socket = new FrameSocket(Promise.resolve({ connection }), {
    role,
    peer: "peer",
    protocol: "",
    limits: { ...LIMITS, ...limits },
    compression,
  });
  const origin = { peer: "peer", url: "ws://peer", server: role === "server" };
  return new WsConnection(socket, origin, { maxMessageSize: 0 });
}

/** Both sides of a WebSocket in memory. */
async function sockets(options: Options = {}) {
  const [here, there] = memoryPair();
  const server = open(here, "server", options);
  const client = open(there, "client", options);
  await Promise.all([server.opened, client.opened]);
  return { server, client, here, there };
}

function agreed(options: WsCompressionOptions): Options {
  const { parameters } = answerDeflate(offerDeflate(options), options)!;
  return { compression: { parameters, options } };
}

/** A server whose client is raw bytes. */
async function rawClient(options: Options = {}) {
  const [here, raw] = memoryPair();
  const server = open(here, "server", options);
  await server.opened;
  const decoder = new WsFrameDecoder("client");
  const next = async () => {
    for (;;) {
      const event = decoder.next();
      if (event !== undefined) return event;
      const chunk = await raw.readChunk({ timeout: 30_000 });
      if (chunk === null) return undefined;
      decoder.push(chunk);
    }
  };
  return { server, raw, next };
}

Deno.test("a client masks its frames, and the server closes the connection first", async () => {
  const { server, client, here, there } = await sockets();
  for (const message of ["text", new Uint8Array(70_000).fill(7)]) {
    await client.send(message);
    assertEquals(await server.receive(), message);
    await server.send(message);
    assertEquals(await client.receive(), message);
  }
  const closing = client.close(3999, "done");
  assertEquals([(await server.closed).code, (await server.closed).reason], [3999, "done"]);
  assert((await closing).wasClean);
  await Promise.all([server.gone, client.gone]);
  assertEquals([here.open, there.open], [false, false]);
});

Deno.test("messages are compressed from the threshold on, in both directions", async () => {
  const parameters: WsCompressionOptions[] = [
    { threshold: 100 },
    { threshold: 100, serverNoContextTakeover: true, clientNoContextTakeover: true },
    { threshold: 100, serverMaxWindowBits: 9, clientMaxWindowBits: 8, level: 1 },
  ];
  for (const options of parameters) {
    const { server, client, here } = await sockets(agreed(options));
    const messages: WsMessage[] = [
      "short",
      "long ".repeat(10_000),
      new Uint8Array(100_000),
      "é".repeat(500),
    ];
    for (const message of messages) {
      await server.send(message);
      assertEquals(await client.receive(), message);
      await client.send(message);
      assertEquals(await server.receive(), message);
    }
    const { bytesRead, bytesWritten } = here.stats();
    assert(bytesRead + bytesWritten < 5000);
    await client.close();
    await Promise.all([server.gone, client.gone]);
  }
});

Deno.test("members of a room share one compressed frame, whatever they sent before", async () => {
  const all = await Promise.all(
    [{}, {}, { serverMaxWindowBits: 10 }, { serverNoContextTakeover: true }]
      .map((options) => sockets(agreed({ threshold: 10, ...options }))),
  );
  const plain = await sockets();
  const room = new WsRoom();
  for (const { server } of [...all, plain]) room.join(server);
  for (let round = 0; round < 3; round++) {
    for (const { server } of all) await server.send(`only for you, in round ${round}`);
    assertEquals(room.broadcast(`for everyone, in round ${round}`), { sent: 5, slow: 0 });
  }
  for (const { client } of all) {
    for (let round = 0; round < 3; round++) {
      assertEquals(await client.receive(), `only for you, in round ${round}`);
      assertEquals(await client.receive(), `for everyone, in round ${round}`);
    }
  }
  assertEquals(await plain.client.receive(), "for everyone, in round 0");
  for (const { server, client } of [...all, plain]) {
    await client.close();
    await Promise.all([server.gone, client.gone]);
  }
});

Deno.test("a message that is too large once decompressed is refused with 1009", async () => {
  const bomb = agreed({ threshold: 0 });
  const [here, there] = memoryPair();
  const server = open(here, "server", { ...bomb, maxMessageSize: 1000 });
  const client = open(there, "client", bomb);
  await client.opened;
  await client.send(new Uint8Array(900_000));
  assertEquals((await client.closed).code, 1009);
  assertEquals((await server.closed).error?.kind, "limit");
  await Promise.all([server.gone, client.gone]);
});

Deno.test("a compressed message that is malformed is refused with 1007", async () => {
  const { server, raw, next } = await rawClient(agreed({}));
  await raw.write(frame(0xc1, Uint8Array.fromHex("ffffffff")));
  const close = await next();
  assertEquals(close?.kind === "close" && close.code, 1007);
  await raw.close();
  assertEquals((await server.closed).error?.kind, "protocol");
  await server.gone;
});

Deno.test("messages behind the own close frame are not decompressed", async () => {
  const { server, raw, next } = await rawClient(agreed({}));
  const closing = server.close();
  assertEquals((await next())?.kind, "close");
  const [malformed, close] = [Uint8Array.fromHex("ffffffff"), Uint8Array.fromHex("03e8")];
  await raw.write(concat(frame(0xc1, malformed), frame(0xc2, malformed), frame(0x88, close)));
  assertEquals([(await closing).code, (await closing).wasClean], [1000, true]);
  await raw.close();
  await server.gone;
});

Deno.test("large messages of one connection do not keep the others waiting", async () => {
  const { server, raw } = await rawClient(agreed({}));
  const deflater = new MessageDeflater({ windowBits: 15, takeover: false }, 6);
  const bomb = frame(0xc2, deflater.deflate(new Uint8Array(1_000_000)));
  const sending = raw.write(concat(...Array(40).fill(bomb)));
  await server.receive();
  let received = 1;
  const turn = new Promise<number>((resolve) => setImmediate(() => resolve(received)));
  for (; received < 40; received++) await server.receive();
  assert(await turn < 40, "the turn of the others came in between");
  await sending;
  await Promise.all([raw.close(), server.close()]);
  await server.gone;
});

Deno.test("RSV1 is refused without an agreement, on control frames and on later fragments", async () => {
  const cases: [frames: Uint8Array, options: Options][] = [
    [frame(0xc1, "x"), {}],
    [frame(0xc9, "x"), agreed({})],
    [frame(0xc8, ""), agreed({})],
    [concat(frame(0x01, "x"), frame(0xc0, "y")), agreed({})],
    [frame(0xa1, "x"), agreed({})],
    [frame(0xd1, "x"), agreed({})],
  ];
  for (const [frames, options] of cases) {
    const { server, raw, next } = await rawClient(options);
    await raw.write(frames);
    const close = await next();
    assertEquals(close?.kind === "close" && close.code, 1002);
    await raw.close();
    await server.gone;
  }
});

Deno.test("answers to messages before a violation precede the close frame", async () => {
  for (const bad of [frame(0x83, "x"), frame(0xf1, "x"), frame(0x81, "x", false)]) {
    const { server, raw, next } = await rawClient();
    const echo = (async () => {
      for await (const message of server) await server.send(message);
    })().catch(() => {});
    await raw.write(concat(frame(0x81, "one"), frame(0x81, "two"), bad));
    assertEquals(await next(), { kind: "message", data: "one" });
    assertEquals(await next(), { kind: "message", data: "two" });
    const close = await next();
    assertEquals(close?.kind === "close" && close.code, 1002);
    await raw.close();
    await Promise.all([echo, server.gone]);
  }
});

Deno.test("a message that trickles is ended, a steady one and an idle peer are not", async () => {
  const { server, raw, next } = await rawClient({ messageTimeout: 60, minMessageRate: 1_000_000 });
  const large = frame(0x82, new Uint8Array(300_000));
  // 290,000 bytes earn 290 ms.
  await raw.write(large.slice(0, 290_000));
  const since = performance.now();
  const close = await next();
  assert(performance.now() - since > 200);
  assertEquals(close, { kind: "close", code: 1008, reason: "A message is too slow" });
  assertEquals((await server.closed).error?.kind, "timeout");
  await raw.close();
  await server.gone;

  const idle = await rawClient({ messageTimeout: 20, minMessageRate: 0 });
  for (let i = 0; i < 3; i++) {
    await idle.raw.write(large.slice(0, 1000));
    await idle.raw.write(large.slice(1000));
    assertEquals((await idle.server.receive() as Uint8Array).length, 300_000);
    assertEquals(
      await idle.server.receive({ timeout: 50 }).catch((error) => error.kind),
      "timeout",
    );
  }
  await idle.raw.write(frame(0x88));
  await idle.server.closed;
  await idle.raw.close();
  await idle.server.gone;
});

Deno.test("control frames extend no message, and half a head has a limit", async () => {
  for (
    const start of [frame(0x01, "x"), frame(0x81, "x").slice(0, 1), frame(0x89, "x").slice(0, 3)]
  ) {
    const { server, raw, next } = await rawClient({ messageTimeout: 30, minMessageRate: 1000 });
    await raw.write(start);
    if (start.length > 6) await raw.write(frame(0x89, "x".repeat(100)));
    let close = await next();
    if (close?.kind === "pong") close = await next();
    assertEquals(close?.kind === "close" && close.code, 1008);
    await raw.close();
    await server.gone;
  }
});

Deno.test("only a pong answers a ping", async () => {
  const { server, raw, next } = await rawClient({ pingInterval: 30 });
  const flood = (async () => {
    while (raw.open) {
      await raw.write(concat(frame(0x81, "busy"), frame(0x8a, "unasked"), frame(0x89, "?")));
      await server.receive();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })().catch(() => {});
  let event = await next();
  while (event?.kind === "pong" || event?.kind === "ping") event = await next();
  assertEquals(event?.kind === "close" && event.code, 1001);
  assertEquals((await server.closed).error?.kind, "timeout");
  await raw.close();
  await Promise.all([flood, server.gone]);
});
