import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { delay } from "@std/async/delay";
import {
  type Faults,
  type MemoryTransport,
  memoryTransports,
} from "../../../net/internal/memory_transports.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

async function read(end: MemoryTransport, size = 64): Promise<string | null> {
  const buffer = new Uint8Array(size);
  const n = await end.read(buffer);
  return n === null ? null : decoder.decode(buffer.subarray(0, n));
}

/** Reads until the end; the chunks as they came. */
async function readAll(end: MemoryTransport, size = 64): Promise<string[]> {
  const chunks: string[] = [];
  for (let chunk; (chunk = await read(end, size)) !== null;) chunks.push(chunk);
  return chunks;
}

/** Whether a promise is still open after everything that can happen at once has happened. */
async function isPending(promise: Promise<unknown>, ms = 20): Promise<boolean> {
  const waiting = Symbol();
  return await Promise.race([promise.catch(() => {}), delay(ms).then(() => waiting)]) === waiting;
}

/** Two raw ends, closed at the end of the test if they are not yet. */
function ends(options?: Parameters<typeof memoryTransports>[0]): {
  a: MemoryTransport;
  b: MemoryTransport;
} & Disposable {
  const [a, b] = memoryTransports(options);
  return {
    a,
    b,
    [Symbol.dispose]() {
      for (const end of [a, b]) {
        try {
          end.close();
        } catch { /* The test has closed it. */ }
      }
    },
  };
}

Deno.test("memoryTransports() carries bytes both ways, each end with its own address", async () => {
  using pair = ends();
  const { a, b } = pair;
  assertEquals(a.localAddr, { transport: "memory", name: "a" });
  assertEquals(a.remoteAddr, b.localAddr);
  assertEquals(b.remoteAddr, a.localAddr);
  assertEquals(await a.write(bytes("ping")), 4);
  assertEquals(await read(b), "ping");
  assertEquals(await b.write(bytes("pong")), 4);
  assertEquals(await read(a), "pong");
});

Deno.test("a read waits for a write, and takes no more than its buffer holds", async () => {
  using pair = ends();
  const reading = read(pair.b, 3);
  assert(await isPending(reading));
  await pair.a.write(bytes("abcde"));
  assertEquals(await reading, "abc");
  assertEquals(await read(pair.b, 3), "de");
});

Deno.test("what is written belongs to the pipe: the writer may use its buffer again", async () => {
  using pair = ends();
  const buffer = bytes("first");
  await pair.a.write(buffer);
  buffer.fill(0x78);
  assertEquals(await read(pair.b), "first");
});

Deno.test("an empty write is done at once", async () => {
  using pair = ends({ capacity: 1 });
  await pair.a.write(bytes("x"));
  assertEquals(await pair.a.write(new Uint8Array(0)), 0);
});

Deno.test("a read into no room is done at once, as on a socket", async () => {
  using pair = ends();
  assertEquals(await pair.b.read(new Uint8Array(0)), 0);
});

Deno.test("closeWrite() ends one direction and leaves the other open", async () => {
  using pair = ends();
  await pair.a.write(bytes("last"));
  await pair.a.closeWrite();
  assertEquals(await read(pair.b), "last");
  assertEquals([await read(pair.b), await read(pair.b)], [null, null]);
  await assertRejects(() => pair.a.write(bytes("more")), Deno.errors.BrokenPipe);
  await pair.b.write(bytes("still"));
  assertEquals(await read(pair.a), "still");
});

Deno.test("close() lets the peer read what was sent, then end", async () => {
  using pair = ends();
  await pair.a.write(bytes("last"));
  pair.a.close();
  assertEquals(await readAll(pair.b), ["last"]);
  await assertRejects(() => pair.b.write(bytes("to nobody")), Deno.errors.BrokenPipe);
});

Deno.test("close() ends what is pending on its own side as a socket does", async () => {
  using pair = ends({ capacity: 1 });
  await pair.a.write(bytes("x"));
  const reading = assertRejects(() => read(pair.a), Deno.errors.Interrupted);
  const writing = assertRejects(() => pair.a.write(bytes("y")), Deno.errors.Interrupted);
  pair.a.close();
  await Promise.all([reading, writing]);
});

Deno.test("a closed end is of no use any more", async () => {
  using pair = ends();
  pair.a.close();
  await assertRejects(() => read(pair.a), Deno.errors.BadResource);
  await assertRejects(() => pair.a.write(bytes("x")), Deno.errors.BadResource);
  await assertRejects(() => pair.a.closeWrite(), Deno.errors.BadResource);
  assertThrows(() => pair.a.close(), Deno.errors.BadResource);
});

Deno.test("capacity: a write is short, then waits until the peer reads", async () => {
  using pair = ends({ capacity: 4 });
  assertEquals(await pair.a.write(bytes("abcdef")), 4);
  const writing = pair.a.write(bytes("ef"));
  assert(await isPending(writing));
  assertEquals(await read(pair.b, 1), "a");
  assertEquals(await writing, 1);
  assertEquals(await read(pair.b), "bcd");
  assertEquals(await read(pair.b), "e");
});

Deno.test("capacity: each direction has its own", async () => {
  using pair = ends({ capacity: 2 });
  await pair.a.write(bytes("aa"));
  assertEquals(await pair.b.write(bytes("bb")), 2);
  assertEquals([await read(pair.b), await read(pair.a)], ["aa", "bb"]);
});

Deno.test("capacity: a write that waits fails when the peer goes", async () => {
  using pair = ends({ capacity: 1 });
  await pair.a.write(bytes("x"));
  const writing = assertRejects(() => pair.a.write(bytes("y")), Deno.errors.BrokenPipe);
  pair.b.close();
  await writing;
});

Deno.test("chunkSize: a read gives no more, and nothing is lost", async () => {
  using pair = ends({ faults: { chunkSize: 2 } });
  await pair.a.write(bytes("abcde"));
  await pair.a.closeWrite();
  assertEquals(await readAll(pair.b), ["ab", "cd", "e"]);
});

Deno.test("delay: every chunk takes its time", async () => {
  using pair = ends({ faults: { chunkSize: 1, delay: 15 } });
  await pair.a.write(bytes("abc"));
  await pair.a.closeWrite();
  const started = performance.now();
  assertEquals(await readAll(pair.b), ["a", "b", "c"]);
  const took = performance.now() - started;
  assert(took >= 3 * 14, `${took} ms`);
});

Deno.test("delay: closing does not wait for what is on its way, nor leave a timer", async () => {
  using pair = ends({ faults: { delay: 60_000 } });
  await pair.a.write(bytes("slow"));
  const reading = assertRejects(() => read(pair.b), Deno.errors.Interrupted);
  pair.b.close();
  await reading;
});

Deno.test("delay: a reset overtakes what is on its way", async () => {
  using pair = ends({ faults: { delay: 60_000 } });
  await pair.a.write(bytes("slow"));
  const reading = assertRejects(() => read(pair.b), Deno.errors.ConnectionReset);
  pair.a.reset();
  await reading;
});

Deno.test("stallAfter: so many bytes arrive, then nothing, and both ends stay open", async () => {
  using pair = ends({ faults: [{ stallAfter: 3 }, {}] });
  await pair.a.write(bytes("abcdef"));
  assertEquals(await read(pair.b), "abc");
  const reading = read(pair.b);
  assert(await isPending(reading));
  await pair.b.write(bytes("hello?"));
  assertEquals(await read(pair.a), "hello?");
  assertEquals(await pair.a.write(bytes("more")), 4);
  assert(await isPending(reading));
  pair.b.close();
  await assertRejects(() => reading, Deno.errors.Interrupted);
});

Deno.test("stallAfter: not even the end arrives", async () => {
  using pair = ends({ faults: { stallAfter: 3 } });
  await pair.a.write(bytes("abc"));
  pair.a.close();
  assertEquals(await read(pair.b), "abc");
  const reading = read(pair.b);
  assert(await isPending(reading));
  pair.b.close();
  await assertRejects(() => reading, Deno.errors.Interrupted);
});

Deno.test("resetAfter: so many bytes arrive, then both ends see a reset", async () => {
  using pair = ends({ faults: [{ resetAfter: 3 }, {}] });
  await pair.a.write(bytes("abcdef"));
  assertEquals(await read(pair.b), "abc");
  const back = assertRejects(() => read(pair.a), Deno.errors.ConnectionReset);
  await assertRejects(() => read(pair.b), Deno.errors.ConnectionReset);
  await back;
  await assertRejects(() => pair.a.write(bytes("x")), Deno.errors.ConnectionReset);
  await assertRejects(() => pair.b.write(bytes("x")), Deno.errors.ConnectionReset);
});

Deno.test("resetAfter 0 resets at the first read", async () => {
  using pair = ends({ faults: { resetAfter: 0 } });
  await assertRejects(() => read(pair.b), Deno.errors.ConnectionReset);
});

Deno.test("truncateAfter: so many bytes arrive, then an orderly end, whatever was written", async () => {
  using pair = ends({ faults: [{ truncateAfter: 3 }, {}] });
  await pair.a.write(bytes("abcdef"));
  assertEquals(await readAll(pair.b), ["abc"]);
  assertEquals(await read(pair.b), null);
  await pair.b.write(bytes("got it"));
  assertEquals(await read(pair.a), "got it");
});

Deno.test("reset(): both ends, what is pending and what is buffered", async () => {
  using pair = ends({ capacity: 4 });
  await pair.a.write(bytes("full"));
  const pending = [
    assertRejects(() => pair.a.write(bytes("x")), Deno.errors.ConnectionReset),
    assertRejects(() => read(pair.a), Deno.errors.ConnectionReset),
  ];
  pair.b.reset();
  await Promise.all(pending);
  await assertRejects(() => read(pair.b), Deno.errors.ConnectionReset);
  await assertRejects(() => pair.b.write(bytes("x")), Deno.errors.ConnectionReset);
});

Deno.test("reset(): beats an orderly end that was not read yet", async () => {
  using pair = ends();
  await pair.a.write(bytes("bye"));
  await pair.a.closeWrite();
  pair.a.reset();
  await assertRejects(() => read(pair.b), Deno.errors.ConnectionReset);
});

Deno.test("one set of faults is for both directions, a pair of them for one each", async () => {
  using same = ends({ faults: { chunkSize: 1 } });
  await same.a.write(bytes("ab"));
  await same.b.write(bytes("ab"));
  assertEquals([await read(same.b), await read(same.a)], ["a", "a"]);

  using each = ends({ faults: [{ chunkSize: 1 }, { chunkSize: 2 }] });
  await each.a.write(bytes("abc"));
  await each.b.write(bytes("abc"));
  assertEquals([await read(each.b), await read(each.a)], ["a", "ab"]);
});

Deno.test("faults combine: the first that is due counts", async () => {
  using pair = ends({ faults: [{ chunkSize: 2, truncateAfter: 5, resetAfter: 9 }, {}] });
  await pair.a.write(bytes("abcdefghij"));
  assertEquals(await readAll(pair.b), ["ab", "cd", "e"]);
});

Deno.test("faults are counted over many writes", async () => {
  using pair = ends({ faults: [{ truncateAfter: 4 }, {}] });
  for (const character of "abcdef") await pair.a.write(bytes(character));
  assertEquals((await readAll(pair.b)).join(""), "abcd");
});

Deno.test("memoryTransports() rejects nonsense", () => {
  for (const capacity of [0, -1, 1.5, NaN]) {
    assertThrows(() => memoryTransports({ capacity }), RangeError, "capacity");
  }
  const rows: Array<[keyof Faults, number[]]> = [
    ["chunkSize", [0, -1, 1.5, NaN]],
    ["delay", [-1, NaN]],
    ["stallAfter", [-1, NaN]],
    ["resetAfter", [-1, NaN]],
    ["truncateAfter", [-1, NaN]],
  ];
  for (const [name, values] of rows) {
    for (const value of values) {
      assertThrows(() => memoryTransports({ faults: { [name]: value } }), RangeError, name);
      assertThrows(() => memoryTransports({ faults: [{}, { [name]: value }] }), RangeError, name);
    }
  }
});
