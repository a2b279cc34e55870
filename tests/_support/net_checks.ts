/**
 * Fifteen checks of what a connection must bear, after the ideas of Go's `nettest.TestConn`: data both
 * ways, racing readers and writers, limits in the past, the present and the future, and every method at
 * once. The same for every transport.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Connection } from "../../net/connection/connection.ts";
import { NetError } from "../../net/errors/errors.ts";
import type { MakePair } from "./conformance.ts";

/** One check of a pair of connected ends. */
type Check = (a: Connection, b: Connection) => Promise<void>;

const MIB = 1024 * 1024;

/** Bytes that differ from place to place, so that a swap of two pieces shows. */
function pattern(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let i = 0, seed = 1; i < size; i++) {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    bytes[i] = seed >> 16;
  }
  return bytes;
}

/** Sends back whatever comes, until the peer ends its output. */
async function echo(conn: Connection): Promise<void> {
  for await (const chunk of conn) await conn.write(chunk);
  await conn.closeWrite();
}

/** Sends bytes and takes everything that comes, without ever failing the test. */
async function chatter(conn: Connection): Promise<void> {
  const talking = (async () => {
    while (conn.open) {
      await conn.write(new Uint8Array(1024));
      await new Promise((resolve) => setTimeout(resolve));
    }
  })();
  await Promise.allSettled([talking, Array.fromAsync(conn)]);
}

async function timesOut(run: () => Promise<unknown>): Promise<NetError> {
  const error = await assertRejects(run, NetError);
  assertEquals(error.kind, "timeout", error.message);
  return error;
}

/** A read that may find the other readers of its connection in its way. */
async function raceToRead(conn: Connection, timeout: number): Promise<void> {
  try {
    await conn.read(new Uint8Array(1), { timeout });
  } catch (error) {
    const expected = error instanceof TypeError ||
      error instanceof NetError && ["timeout", "closed"].includes(error.kind);
    assert(expected, `${error}`);
  }
}

/** A message of eight bytes that counts. */
function numbered(n: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(n));
  return bytes;
}

async function stillWorks(a: Connection, b: Connection): Promise<void> {
  await a.write("still here\n");
  let line: string | null = "";
  while (line !== "still here") {
    line = await b.readLine({ timeout: 30_000 });
    assert(line !== null);
  }
}

const CHECKS: ReadonlyArray<readonly [string, Check]> = [
  ["basic input and output: all of a megabyte comes back as it was", async (a, b) => {
    const sent = pattern(MIB);
    const echoing = echo(b);
    const [received] = await Promise.all([a.readExact(MIB), a.write(sent)]);
    assertEquals(received, sent);
    await a.closeWrite();
    assertEquals(await a.readChunk(), null);
    await echoing;
  }],
  ["ping-pong: both ends count by turns", async (a, b) => {
    const count = async (conn: Connection, first: number) => {
      for (let n = first; n < 200; n += 2) {
        assertEquals(await conn.readExact(8), numbered(n));
        await conn.write(numbered(n + 1));
      }
    };
    const both = Promise.all([count(a, 1), count(b, 0)]);
    await a.write(numbered(0));
    await both;
  }],
  ["racing reads lose neither bytes nor the connection", async (a, b) => {
    const chattering = chatter(b);
    const readers = Array.from({ length: 10 }, async (_, reader) => {
      for (let i = 0; i < 10; i++) await raceToRead(a, 1 + reader % 3);
    });
    await Promise.all(readers);
    assert(a.open);
    await Promise.all([a.close(), b.close()]);
    await chattering;
  }],
  ["racing writes are not mixed", async (a, b) => {
    const writers = Array.from({ length: 10 }, async (_, writer) => {
      for (let i = 0; i < 20; i++) await a.write(`${String(writer).repeat(100)}\n`);
    });
    for (let i = 0; i < 200; i++) {
      const line = await b.readLine();
      assertEquals(line, line![0]!.repeat(100));
    }
    await Promise.all(writers);
  }],
  ["a read with a limit ends in time, and writes go on meanwhile", async (a, b) => {
    const reading = timesOut(() => a.readLine({ timeout: 50 }));
    for (let i = 0; i < 20; i++) {
      await a.write(`${i}\n`);
      assertEquals(await b.readLine(), `${i}`);
    }
    await reading;
    await stillWorks(b, a);
  }],
  ["a write with a limit ends in time if the peer does not read", async (a) => {
    const error = await timesOut(async () => {
      while (true) await a.write(new Uint8Array(MIB));
    });
    assertEquals(error.phase, "write");
  }],
  ["a signal of the past fails a read at once, and nothing is lost", async (a, b) => {
    await a.write("kept\n");
    const reason = new Error("past");
    for (let i = 0; i < 3; i++) {
      const reading = () => b.readLine({ signal: AbortSignal.abort(reason) });
      assertEquals(await assertRejects(reading), reason);
    }
    assertEquals(await b.readLine(), "kept");
  }],
  ["a signal of the present fails a read that waits, and nothing is lost", async (a, b) => {
    for (let i = 0; i < 3; i++) {
      const stop = new AbortController();
      const reading = b.readLine({ signal: stop.signal });
      await a.write("pie");
      stop.abort(new Error("present"));
      await assertRejects(() => reading, Error, "present");
    }
    await a.write("ces\n");
    assertEquals(await b.readLine(), "piepiepieces");
  }],
  ["a limit in the future is kept, and the next read has its own", async (a, b) => {
    for (let i = 0; i < 3; i++) {
      const started = performance.now();
      await timesOut(() => b.readChunk({ timeout: 20 }));
      assert(performance.now() - started >= 19, "too early");
    }
    await stillWorks(a, b);
  }],
  ["a close ends reads and writes that have a limit, all of them as closed", async (a) => {
    const ends = [
      a.readChunk({ timeout: 30_000 }),
      ...Array.from({ length: 5 }, () => a.write(new Uint8Array(MIB))),
    ].map((end) => end.then(() => "done", (error: NetError) => error.kind));
    a.abort();
    for (const end of await Promise.all(ends)) assert(end === "closed" || end === "done", end);
    assertEquals(await a.readChunk().catch((error: NetError) => error.kind), "closed");
  }],
  ["all methods at once, over and over", async (a, b) => {
    const chattering = chatter(b);
    for (let i = 0; i < 30; i++) {
      await Promise.all([
        raceToRead(a, 1),
        raceToRead(a, 2),
        a.write("x"),
        a.send("y"),
        a.flush(),
        Promise.resolve(a.trySend("z")),
        Promise.resolve([a.stats(), a.peer, a.localAddr, a.remoteAddr, a.tls, a.open, a.signal]),
      ]);
    }
    assert(a.open);
    await Promise.all([a.close(), a.close(), b.close()]);
    await chattering;
  }],
  ["both ends can end their output first, and still read", async (a, b) => {
    await Promise.all([a.write("from a\n"), b.write("from b\n")]);
    await Promise.all([a.closeWrite(), b.closeWrite()]);
    assertEquals([await a.readLine(), await b.readLine()], ["from b", "from a"]);
    assertEquals([await a.readChunk(), await b.readChunk()], [null, null]);
  }],
  ["nothing is a message: empty writes and empty reads neither wait nor end", async (a, b) => {
    await a.write(new Uint8Array(0));
    await a.write("");
    await a.write("x");
    assertEquals(await b.read(new Uint8Array(0)), 0);
    assertEquals(await b.readExact(0), new Uint8Array(0));
    assertEquals(await b.readExact(1), new TextEncoder().encode("x"));
    await stillWorks(b, a);
  }],
  ["both ends send much at the same time", async (a, b) => {
    const sent = pattern(MIB);
    const [atA, atB] = await Promise.all([
      a.readExact(MIB),
      b.readExact(MIB),
      a.write(sent),
      b.write(sent),
    ]);
    assertEquals([atA, atB], [sent, sent]);
  }],
  ["every use after the end says that it is closed", async (a, b) => {
    await Promise.all([a.close(), b.close()]);
    const uses = [
      () => a.read(new Uint8Array(1)),
      () => a.readChunk(),
      () => a.readLine(),
      () => a.readExact(1),
      () => a.write("x"),
      () => a.send("x"),
      () => a.closeWrite(),
    ];
    for (const use of uses) {
      const error = await assertRejects(async () => await use(), NetError);
      assertEquals(error.kind, "closed");
    }
    assertEquals([a.open, a.trySend("x")], [false, false]);
  }],
];

/** Registers the fifteen checks for one kind of connection. */
export function netChecks(name: string, make: MakePair): void {
  for (const [title, check] of CHECKS) {
    Deno.test(`${name}: ${title}`, async () => {
      const isWriteLimit = title.startsWith("a write with a limit");
      const limits = isWriteLimit ? { writeTimeout: 100 } : { writeTimeout: 0 };
      const [a, b, server] = await make({ lingerTimeout: 50, ...limits });
      try {
        await check(a, b);
      } finally {
        await Promise.all([a.close(), b.close()]);
        await server?.shutdown({ deadline: 0 });
      }
    });
  }
}
