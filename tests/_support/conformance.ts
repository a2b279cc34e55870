/**
 * One suite over everything that calls itself a connection: what holds for TCP
 * holds for TLS and in memory.
 */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import type { Connection, ConnectionOptions } from "../../net/connection/connection.ts";
import { NetError, type NetErrorKind } from "../../net/errors/errors.ts";

/** What ends when both ends have; sooner it would cut the one that still reads. */
type Ender = { shutdown(options: { deadline: number }): Promise<unknown> };

/** Makes two connected ends with the same limits, and the server behind them if there is one. */
export type MakePair = (
  options?: ConnectionOptions,
) => Promise<[a: Connection, b: Connection, server?: Ender]>;

const encoder = new TextEncoder();

/** A text of `n` bytes. */
function text(n: number): string {
  return "x".repeat(n);
}

async function rejectsWith(kind: NetErrorKind, run: () => Promise<unknown>): Promise<NetError> {
  const error = await assertRejects(run, NetError);
  assertEquals(error.kind, kind, error.message);
  return error;
}

async function readAll(conn: Connection): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of conn) chunks.push(chunk);
  const all = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** Registers the suite for one kind of connection; `bulk` bytes are much for it. */
export function conformance(name: string, make: MakePair, bulk = 1024 * 1024): void {
  const test = (
    title: string,
    run: (a: Connection, b: Connection) => Promise<void>,
    options: ConnectionOptions = {},
  ) =>
    Deno.test(`${name}: ${title}`, async () => {
      const [a, b, server] = await make({ lingerTimeout: 50, ...options });
      try {
        await run(a, b);
      } finally {
        await Promise.all([a.close(), b.close()]);
        await server?.shutdown({ deadline: 0 });
      }
    });

  test("read() gives what is there and null at the end", async (a, b) => {
    await a.write("hello");
    const buffer = new Uint8Array(64);
    let got = 0;
    while (got < 5) got += (await b.read(buffer.subarray(got)))!;
    assertEquals(new TextDecoder().decode(buffer.subarray(0, got)), "hello");
    await a.closeWrite();
    assertEquals(await b.read(buffer), null);
    assertEquals(await b.read(buffer), null);
  });

  test("readChunk() gives memory that later reads leave alone", async (a, b) => {
    await a.write("one");
    const first = await b.readChunk();
    await a.write("two");
    const second = await b.readChunk();
    assertEquals(new TextDecoder().decode(first!), "one".slice(0, first!.length));
    assertEquals(
      new TextDecoder().decode(second!),
      "onetwo".slice(first!.length).slice(0, second!.length),
    );
  });

  test("a half-close keeps the other direction alive", async (a, b) => {
    await a.write("question");
    await a.closeWrite();
    assertEquals(new TextDecoder().decode(await readAll(b)), "question");
    const answer = text(bulk);
    const sent = b.write(answer).then(() => b.closeWrite());
    assertEquals((await readAll(a)).length, bulk);
    await sent;
    await rejectsWith("closed", () => a.write("more"));
  });

  test("readable and writable survive a half-close", async (a, b) => {
    const writer = a.writable.getWriter();
    await writer.write("ping");
    await writer.close();
    assertEquals(await new Response(b.readable).text(), "ping");
    const sending = b.write(text(bulk)).then(() => b.closeWrite());
    assertEquals((await new Response(a.readable).text()).length, bulk);
    await sending;
  });

  test("lines() joins what packets cut: UTF-8, CR and LF", async (a, b) => {
    const bytes = encoder.encode("grüße 🎉\r\n漢字\n\nlast");
    const sending = (async () => {
      for (const byte of bytes) await a.write(new Uint8Array([byte]));
      await a.closeWrite();
    })();
    assertEquals(await Array.fromAsync(b.lines()), ["grüße 🎉", "漢字", "", "last"]);
    await sending;
  });

  test("readLine() takes a line of exactly the maximum with CR LF", async (a, b) => {
    await a.write(`${text(100)}\r\n${text(100)}\n`);
    assertEquals(await b.readLine({ max: 100 }), text(100));
    assertEquals(await b.readLine({ max: 100 }), text(100));
  });

  test("readLine() refuses one byte more, goes on after it, and can still answer", async (a, b) => {
    const sending = a.write(`${text(101)}\nnext\n${text(bulk)}\nafter\n`);
    await rejectsWith("limit", () => b.readLine({ max: 100 }));
    assertEquals(await b.readLine({ max: 100 }), "next");
    await rejectsWith("limit", () => b.readLine({ max: 100 }));
    assertEquals(await b.readLine({ max: 100 }), "after");
    await sending;
    await b.write("too long\n");
    assertEquals(await a.readLine(), "too long");
  });

  test("an error reply reaches a peer that is still sending when we close", async (a, b) => {
    const flood = a.write(text(bulk)).catch(() => {});
    await rejectsWith("limit", () => b.readLine({ max: 10 }));
    await b.write("line too long\n");
    const closing = b.close();
    assertEquals(await a.readLine({ timeout: 2000 }), "line too long");
    await flood;
    await a.close();
    await closing;
  }, { lingerTimeout: 2000 });

  test("readLine() with fatal refuses invalid UTF-8", async (a, b) => {
    await a.write(new Uint8Array([0x61, 0xff, 0x0a, 0x61, 0xff, 0x0a]));
    assertEquals(await b.readLine(), "a\ufffd");
    await rejectsWith("protocol", () => b.readLine({ fatal: true }));
  });

  test("frames() keeps borders, and tells a clean end from a cut", async (a, b) => {
    await a.writeFrame("one");
    await a.writeFrame(new Uint8Array(0));
    const sending = a.writeFrame(text(70_000))
      .then(() => a.write(new Uint8Array([0, 0, 0, 9, 1, 2])))
      .then(() => a.closeWrite());
    assertEquals(new TextDecoder().decode((await b.readFrame())!), "one");
    assertEquals(await b.readFrame(), new Uint8Array(0));
    assertEquals((await b.readFrame())!.length, 70_000);
    await rejectsWith("truncated", () => b.readFrame());
    await sending;
  });

  test("frames() ends where the peer ends between two frames", async (a, b) => {
    await a.writeFrame("x", { lengthBytes: 2, littleEndian: true });
    await a.closeWrite();
    const frames = await Array.fromAsync(b.frames({ lengthBytes: 2, littleEndian: true }));
    assertEquals(frames, [encoder.encode("x")]);
  });

  test("readFrame() refuses 0xFFFFFFFF before it allocates", async (a, b) => {
    await a.write(new Uint8Array([0xff, 0xff, 0xff, 0xff]));
    const error = await rejectsWith("limit", () => b.readFrame({ max: 1024 }));
    assert(error.message.includes("4294967295"), error.message);
  });

  test("a write that fails and that nobody awaits does not end the process", async (a, b) => {
    const large = new Uint8Array(8 * 1024 * 1024);
    // One is in flight, one is queued, two come too late; none of them is awaited.
    void a.write(large);
    void a.write(large);
    void a.send(large);
    void a.send(large);
    b.abort();
    assert(await a.closed instanceof NetError);
    void a.write("late");
    void a.send("late");
    void a.writeFrame("late");
    void a.closeWrite();
    void a.flush();
    // An unhandled rejection would be told by now, and fail this test.
    await delay(0);
  });

  test("readExact() waits for all, and says what was missing", async (a, b) => {
    const reading = b.readExact(6);
    await a.write("abc");
    await a.write("def");
    assertEquals(new TextDecoder().decode(await reading), "abcdef");
    await a.write("xy");
    await a.closeWrite();
    const error = await rejectsWith("truncated", () => b.readExact(3));
    assert(error.message.includes("after 2 bytes"), error.message);
  });

  test("a timed-out read loses no byte", async (a, b) => {
    await rejectsWith("timeout", () => b.read(new Uint8Array(10), { timeout: 20 }));
    await rejectsWith("timeout", () => b.readLine({ timeout: 20 }));
    await a.write("whole li");
    await rejectsWith("timeout", () => b.readLine({ timeout: 30 }));
    await a.write("ne\nrest");
    assertEquals(await b.readLine({ timeout: 30_000 }), "whole line");
    assertEquals(new TextDecoder().decode(await b.readExact(4)), "rest");
  });

  test("readTimeout holds for every read", async (_a, b) => {
    await rejectsWith("timeout", () => b.readChunk());
    await rejectsWith("timeout", () => b.readLine());
  }, { readTimeout: 20 });

  test("a signal gives a read up with its reason, and loses no byte", async (a, b) => {
    const reason = new Error("enough");
    const stop = new AbortController();
    const reading = b.readLine({ signal: stop.signal });
    stop.abort(reason);
    assertStrictEquals(await assertRejects(() => reading), reason);
    assertStrictEquals(
      await assertRejects(() => b.readChunk({ signal: stop.signal })),
      reason,
    );
    await a.write("kept\n");
    assertEquals(await b.readLine(), "kept");
  });

  test("nonsense is refused before it can do harm", async (a, b) => {
    for (const timeout of [NaN, -1]) {
      await assertRejects(() => b.readChunk({ timeout }), RangeError);
      await assertRejects(async () => await b.read(new Uint8Array(1), { timeout }), RangeError);
    }
    for (const size of [-1, 1.5, NaN]) await assertRejects(() => b.readExact(size), RangeError);
    await a.write("intact\n");
    assertEquals(await b.readLine({ timeout: 30_000 }), "intact");
  });

  test("a chunk may be transferred while the next one is read", async (a, b) => {
    for (const word of ["one", "two", "three"]) {
      await a.write(word);
      let text = "";
      while (text.length < word.length) {
        const chunk = (await b.readChunk())!;
        text += new TextDecoder().decode(chunk);
        structuredClone(chunk, { transfer: [chunk.buffer] });
      }
      assertEquals(text, word);
    }
  });

  test("closeWrite() twice is harmless", async (a, b) => {
    await Promise.all([a.closeWrite(), a.closeWrite()]);
    await a.closeWrite();
    assertEquals(await b.readChunk(), null);
  });

  test("a second reader is refused", async (a, b) => {
    const reading = b.readLine();
    await assertRejects(() => b.readLine(), TypeError);
    await a.write("first\n");
    assertEquals(await reading, "first");
  });

  test("writes that overlap keep their order", async (a, b) => {
    const sent: Promise<unknown>[] = [];
    let expected = "";
    for (let i = 0; i < 300; i++) {
      const line = `${i} ${text((i * 7) % Math.min(bulk / 50, 2000))}\n`;
      expected += line;
      if (i % 3 === 0) sent.push(a.write(line));
      else if (i % 3 === 1) sent.push(a.send(line));
      else assert(a.trySend(line));
    }
    sent.push(a.closeWrite());
    assertEquals(new TextDecoder().decode(await readAll(b)), expected);
    await Promise.all(sent);
  });

  test("much data arrives whole", async (a, b) => {
    const bytes = new Uint8Array(bulk).map((_, i) => i * 31);
    const sending = a.write(bytes).then(() => a.closeWrite());
    assertEquals(await readAll(b), bytes);
    await sending;
    assertEquals(a.stats().bytesWritten, bytes.length);
    assertEquals(b.stats().bytesRead, bytes.length);
    assertEquals(a.stats().queuedBytes, 0);
  });

  test("idleTimeout closes a silent connection, never early, not a busy one", async (a, b) => {
    await delay(450);
    for (let i = 0; i < 12; i++) {
      await delay(40);
      await a.write("x");
      assertEquals((await b.readExact(1)).length, 1);
    }
    const quietSince = performance.now();
    const error = await rejectsWith("timeout", () => b.readExact(1));
    assert(performance.now() - quietSince >= 395, "too early");
    assertEquals(await b.closed, error);
    await rejectsWith("timeout", () => b.write("x"));
  }, { idleTimeout: 400 });

  test("close() is harmless twice and fails pending reads as closed", async (_a, b) => {
    const reading = rejectsWith("closed", () => b.readLine());
    const direct = b.close();
    await Promise.all([direct, b.close(), reading]);
    await b.close();
    await rejectsWith("closed", () => b.read(new Uint8Array(1)));
    await rejectsWith("closed", () => b.write("x"));
    assertEquals(await b.closed, undefined);
    assertEquals((b.signal.reason as NetError).kind, "closed");
  });

  test("close() sends what is queued first", async (a, b) => {
    for (let i = 0; i < 100; i++) assert(a.trySend(`line ${i}\n`));
    const closing = a.close();
    const lines = await Array.fromAsync(b.lines());
    assertEquals(lines.length, 100);
    await b.close();
    await closing;
  }, { lingerTimeout: 2000 });

  test("abort() fails everything that waits with the reason", async (a, b) => {
    const reading = rejectsWith("limit", () => a.readChunk());
    a.abort(new NetError("kicked", { kind: "limit", phase: "close" }));
    await reading;
    assertEquals((await a.closed)?.message, "kicked");
    assertEquals(a.trySend("x"), false);
    const end = await b.readChunk().catch((error: NetError) => error.kind);
    assert(end === null || end === "reset" || end === "truncated", `${end}`);
  });

  test("drain() ends reads between two messages, not inside one", async (a, b) => {
    await a.write("half a li");
    const line = b.readLine();
    await delay(10);
    b.drain();
    await delay(150);
    await a.write("ne\n");
    assertEquals(await line, "half a line");
    assertEquals(await b.readLine(), null);
  });

  test("drain() ends a plain read that waits", async (_a, b) => {
    const reading = b.read(new Uint8Array(10));
    b.drain();
    assertEquals(await reading, null);
  });

  // These fill every buffer between the two ends, which takes for ever byte by byte.
  if (bulk < 1024 * 1024) return;

  test("the policy disconnect ends a peer that does not read", async (a) => {
    const chunk = new Uint8Array(64 * 1024);
    let sent = 0;
    while (a.trySend(chunk)) {
      sent++;
      await delay(0);
      assert(sent < 10_000, "never full");
    }
    const error = await a.closed;
    assertEquals(error?.kind, "limit");
    assertEquals(a.signal.aborted, true);
    await rejectsWith("limit", () => a.write("x"));
  }, { sendQueue: { limit: 256 * 1024, policy: "disconnect" }, writeTimeout: 0 });

  test("the policy drop-oldest keeps the newest and counts", async (a, b) => {
    const chunk = (n: number) => new Uint8Array(64 * 1024).fill(n);
    for (let i = 0; i < 400; i++) {
      a.trySend(chunk(i % 256));
      await delay(0);
    }
    assert(a.stats().dropped > 0);
    assert(a.stats().queuedBytes <= 256 * 1024);
    const closing = a.closeWrite();
    const all = await readAll(b);
    await closing;
    assertEquals(all.length % (64 * 1024), 0, "whole messages only");
    assertEquals(all.at(-1), 399 % 256);
  }, { sendQueue: { limit: 256 * 1024, policy: "drop-oldest" }, writeTimeout: 0 });

  test("the policy wait makes the sender wait, in bounded memory", async (a, b) => {
    const chunk = new Uint8Array(64 * 1024);
    let sent = 0;
    const sending = (async () => {
      for (; sent < 400; sent++) {
        await a.send(chunk);
        assert(a.stats().queuedBytes <= 256 * 1024);
      }
      await a.closeWrite();
    })();
    await delay(100);
    assert(sent < 400, "the sender did not wait");
    assertEquals((await readAll(b)).length, 400 * chunk.length);
    await sending;
  }, { sendQueue: { limit: 256 * 1024, policy: "wait" }, writeTimeout: 0 });

  test("writeTimeout ends a peer that takes nothing", async (a) => {
    const started = performance.now();
    const error = await rejectsWith("timeout", async () => {
      while (true) await a.write(new Uint8Array(256 * 1024));
    });
    assertEquals(error.phase, "write");
    assert(performance.now() - started >= 100, "too early");
    assertEquals((await a.closed)?.kind, "timeout");
  }, { writeTimeout: 100 });
}
