/** `tools/scan/_services.ts`: names of services, and the common ports. @module */

import { assertEquals } from "@std/assert";
import { topPorts } from "../../../tools/scan/_services.ts";

Deno.test("topPorts() returns that many different ports, for every number", () => {
  const all = topPorts(65_535);
  assertEquals(all.toSorted((a, b) => a - b), Array.from({ length: 65_535 }, (_, i) => i + 1));
  for (let count = 1; count <= 1000; count++) {
    const top = topPorts(count);
    assertEquals([top.length, new Set(top).size], [count, count]);
    assertEquals(top, all.slice(0, count));
  }
});
