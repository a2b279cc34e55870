import { assertEquals } from "@std/assert";
import { within } from "../../../examples/chat/within.ts";

Deno.test("within() waits for the end of the work, or of the time", async () => {
  const done: string[] = [];
  const work = Promise.resolve().then(() => void done.push("work"));
  await within(work, Infinity);
  assertEquals(done, ["work"]);
  await within(new Promise(() => {}), 0);
});
