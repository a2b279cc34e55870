/** In a file of its own: the first timer of a process runs microtasks, and may not do so within a read. @module */

import { assertEquals } from "@std/assert";
import { memoryPair } from "../../../net/connection/memory_pair.ts";

Deno.test("bytes that arrive while the first timer starts reach the reader", async () => {
  const [a, b] = memoryPair();
  await using _a = a;
  await using _b = b;
  b.trySend("hello\n");
  assertEquals(await a.readLine({ timeout: 30_000 }), "hello");
});
