import { withRoom } from "../../../http/internal/input_room.ts";
import { assertEquals, assertStrictEquals } from "@std/assert";

Deno.test("withRoom() keeps the unread bytes at the start, with room behind them", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4);
  const moved = withRoom(bytes, 2, 4, 10, true);
  assertEquals([...moved.subarray(0, 2), moved.length], [3, 4, 12]);
  assertEquals([...bytes], [1, 2, 3, 4]);
});

Deno.test("withRoom() moves bytes in place only in memory that it may change", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const other = withRoom(bytes, 5, 8, 2, false);
  assertEquals([[...other.subarray(0, 3)], other.length, bytes[0]], [[6, 7, 8], 6, 1]);
  const same = withRoom(bytes, 5, 8, 2, true);
  assertStrictEquals(same, bytes);
  assertEquals([...same.subarray(0, 3)], [6, 7, 8]);
});

Deno.test("withRoom() doubles the memory, so that small pieces stay cheap", () => {
  const bytes = new Uint8Array(100);
  assertEquals(withRoom(bytes, 0, 100, 1, true).length, 200);
  assertEquals(withRoom(bytes, 0, 60, 1, true).length, 120);
});
