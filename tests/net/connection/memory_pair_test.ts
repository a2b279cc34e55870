import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { NetError } from "../../../net/errors/errors.ts";
import { memoryPair, type MemoryPairOptions } from "../../../net/connection/memory_pair.ts";

const decoder = new TextDecoder();

/** Two connections, both closed at the end of the test. */
async function withPair(
  options: MemoryPairOptions,
  use: (...pair: ReturnType<typeof memoryPair>) => Promise<void>,
): Promise<void> {
  const [a, b] = memoryPair({ lingerTimeout: 0, ...options });
  try {
    await use(a, b);
  } finally {
    a.abort();
    b.abort();
  }
}

Deno.test("capacity: a connection writes through a pipe that is much too small", async () => {
  await withPair({ capacity: 3 }, async (a, b) => {
    const text = "a long message through a thin pipe";
    const writing = a.write(text);
    assertEquals(decoder.decode(await b.readExact(text.length)), text);
    await writing;
  });
});

Deno.test("chunkSize 1 cuts characters, line ends and lengths apart", async () => {
  await withPair({ faults: { chunkSize: 1 } }, async (a, b) => {
    await a.write("grüße\r\n😀\n");
    assertEquals([await b.readLine(), await b.readLine()], ["grüße", "😀"]);
    await a.writeFrame("frame");
    assertEquals(decoder.decode((await b.readFrame())!), "frame");
  });
});

Deno.test("any bytes in chunks of any size come out as they went in", async () => {
  const size = fc.integer({ min: 1, max: 20 });
  const lines = fc.array(fc.stringMatching(/^[^\r\n]{0,20}$/), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(lines, size, size, async (lines, chunkSize, capacity) => {
      await withPair({ faults: { chunkSize }, capacity }, async (a, b) => {
        const sending = a.write(lines.map((line) => `${line}\r\n`).join("")).then(() =>
          a.closeWrite()
        );
        const got: string[] = [];
        for await (const line of b.lines()) got.push(line);
        await sending;
        assertEquals(got, lines.map((line) => line.toWellFormed()));
      });
    }),
    { numRuns: 200 },
  );
});

Deno.test("stallAfter: the writer feels it once the capacity is used up", async () => {
  await withPair({ capacity: 8, writeTimeout: 40, faults: { stallAfter: 2 } }, async (a) => {
    const error = await assertRejects(() => a.write("x".repeat(100)), NetError);
    assertEquals([error.kind, error.phase], ["timeout", "write"]);
  });
});

Deno.test("stallAfter: a time limit is what helps a reader", async () => {
  await withPair({ faults: { stallAfter: 2 } }, async (a, b) => {
    await a.write("line\n");
    const error = await assertRejects(() => b.readLine({ timeout: 30 }), NetError);
    assertEquals([error.kind, error.phase], ["timeout", "read"]);
  });
});

Deno.test("resetAfter: a connection says reset, in the middle of a line too", async () => {
  await withPair({ faults: [{ resetAfter: 6 }, {}] }, async (a, b) => {
    await a.write("one\ntwo\n");
    assertEquals(await b.readLine(), "one");
    const error = await assertRejects(() => b.readLine(), NetError);
    assertEquals([error.kind, error.phase], ["reset", "read"]);
  });
});

Deno.test("truncateAfter: a connection says that the frame was cut", async () => {
  await withPair({ faults: [{ truncateAfter: 6 }, {}] }, async (a, b) => {
    await a.writeFrame("four");
    const error = await assertRejects(() => b.readFrame(), NetError);
    assertEquals([error.kind, error.phase], ["truncated", "read"]);
  });
});

Deno.test("memoryPair() hands its limits to both connections", async () => {
  await withPair({ readTimeout: 20 }, async (a, b) => {
    assertEquals([a.peer, b.peer], ["memory:b", "memory:a"]);
    for (const end of [a, b]) {
      const error = await assertRejects(() => end.readLine(), NetError);
      assertEquals(error.kind, "timeout");
    }
  });
  assertThrows(() => memoryPair({ idleTimeout: -1 }), RangeError, "idleTimeout");
});

Deno.test("a pair closes cleanly, with nothing left behind", async () => {
  const [a, b] = memoryPair();
  await a.write("bye\n");
  await Promise.all([a.close(), b.close()]);
  assertEquals([await a.closed, await b.closed], [undefined, undefined]);
});
