import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { NetError } from "../../../net/errors/errors.ts";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import type { Connection } from "../../../net/connection/connection.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

async function readText(conn: Connection, size: number): Promise<string> {
  return decoder.decode(await conn.readExact(size));
}

Deno.test("unread() puts bytes in front of those that have arrived", async () => {
  const [a, b] = memoryPair();
  await using _a = a;
  await using _b = b;
  await a.write("one\ntwo\n");
  assertEquals(await b.readLine(), "one");
  b.unread(encoder.encode("zero\nhalf a "));
  b.unread(encoder.encode("first\n"));
  const lines = [await b.readLine(), await b.readLine(), await b.readLine()];
  assertEquals(lines, ["first", "zero", "half a two"]);
});

Deno.test("unread() copies the bytes, counts them as unread and not as read again", async () => {
  const [a, b] = memoryPair();
  await using _a = a;
  await using _b = b;
  await a.write("abc");
  const chunk = (await b.readChunk())!;
  b.unread(chunk);
  chunk.fill(0);
  const { bytesRead, unreadBytes } = b.stats();
  assertEquals([bytesRead, unreadBytes], [3, 3]);
  assertEquals(await readText(b, 3), "abc");
});

Deno.test("unread() takes a part of a chunk that is lent", async () => {
  const [a, b] = memoryPair();
  await using _a = a;
  await using _b = b;
  await a.write("head|body");
  const chunk = (await b.readChunk({ lent: true }))!;
  b.unread(chunk.subarray(5));
  assertEquals(await readText(b, 4), "body");
});

Deno.test("unread() works while a read that was given up is still in flight", async () => {
  const [a, b] = memoryPair();
  await using _a = a;
  await using _b = b;
  const stop = new AbortController();
  const read = b.readChunk({ signal: stop.signal });
  stop.abort(new Error("given up"));
  await assertRejects(() => read, Error, "given up");
  b.unread(encoder.encode("second "));
  b.unread(encoder.encode("first ".repeat(1000)));
  await a.write("third");
  assertEquals(await readText(b, 6000 + 7 + 5), `${"first ".repeat(1000)}second third`);
  await a.write("fourth");
  assertEquals(await readText(b, 6), "fourth");
});

Deno.test("unread() gives bytes to readers after the peer has ended and after close()", async () => {
  const [a, b] = memoryPair();
  await using _a = a;
  await a.closeWrite();
  assertEquals(await b.readChunk(), null);
  b.unread(encoder.encode("late"));
  assertEquals(await b.readLine(), "late");
  assertEquals(await b.readLine(), null);
  await b.close();
  b.unread(encoder.encode("later"));
  assertEquals(await readText(b, 5), "later");
});

Deno.test("unread() rejects other values, and calls during a read or an upgrade", async () => {
  const [a, b] = memoryPair();
  await using _a = a;
  await using _b = b;
  const text = "text" as unknown as Uint8Array;
  assertThrows(() => b.unread(text), TypeError, 'bytes must be a Uint8Array, got string "text"');
  const read = b.readLine();
  assertThrows(() => b.unread(new Uint8Array(1)), TypeError, "another read");
  await a.write("line\n");
  assertEquals(await read, "line");
  await b.upgrade((transport) => {
    assertThrows(() => b.unread(new Uint8Array(1)), TypeError, "is being upgraded");
    return Promise.resolve({ transport });
  });
});

Deno.test("upgrade() takes bytes that were put back for bytes that came too early", async () => {
  const [a, b] = memoryPair();
  await using _a = a;
  await using _b = b;
  b.unread(encoder.encode("EHLO"));
  const error = await assertRejects(
    () => b.upgrade((transport) => Promise.resolve({ transport })),
    NetError,
  );
  assertEquals(error.kind, "protocol");
});

Deno.test("unread() keeps the order of bytes in any sequence of reads", async () => {
  const step = fc.record({
    write: fc.nat(3000),
    read: fc.constantFrom("chunk", "lent", "into", "exact", "given up"),
    back: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const [a, b] = memoryPair({ capacity: 100_000 });
      await using _a = a;
      await using _b = b;
      let written = 0;
      let read = 0;
      for (const { write, read: how, back } of steps) {
        const data = Uint8Array.from({ length: write }, () => written++ % 251);
        if (write > 0) await a.write(data);
        if (how === "given up" && written === read) {
          const signal = AbortSignal.abort();
          const given = new AbortController();
          const waiting = b.readChunk({ signal: given.signal });
          given.abort();
          await waiting.catch(() => {});
          await b.readChunk({ signal }).catch(() => {});
        }
        if (written === read) continue;
        const chunk = await readSome(b, how, written - read);
        for (const byte of chunk) assertEquals(byte, read++ % 251);
        const rest = chunk.subarray(Math.floor(chunk.length * back));
        b.unread(rest);
        read -= rest.length;
      }
      await a.closeWrite();
      for await (const chunk of b) {
        for (const byte of chunk) assertEquals(byte, read++ % 251);
      }
      assertEquals(read, written);
    }),
    { numRuns: 60 },
  );
});

async function readSome(conn: Connection, how: string, available: number): Promise<Uint8Array> {
  if (how === "exact") return await conn.readExact(Math.ceil(available / 2));
  if (how !== "into") return (await conn.readChunk({ lent: how === "lent" }))!;
  const buffer = new Uint8Array(1000);
  return buffer.subarray(0, (await conn.read(buffer))!);
}
