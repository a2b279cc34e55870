import { ignoreFailure } from "../../../net/internal/ignore_failure.ts";
import { assertEquals } from "@std/assert";

Deno.test("ignoreFailure() resolves when the work has ended, either way", async () => {
  assertEquals(await ignoreFailure(Promise.reject(new Error("no"))), undefined);
  assertEquals(await ignoreFailure(Promise.resolve(1)), undefined);
  assertEquals(await ignoreFailure(undefined), undefined);
});
