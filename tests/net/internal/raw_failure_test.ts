import { assertEquals } from "@std/assert";
import { rawFailure } from "../../../net/internal/raw_failure.ts";
import { toNetError } from "../../../net/errors/errors.ts";

const address = "192.0.2.1:80";

function reset(properties: object = { code: "ECONNRESET" }): Error {
  const error = new Deno.errors.ConnectionReset("Connection reset by peer (os error 104)");
  return Object.assign(error, properties);
}

const hostile = new Proxy(reset(), {
  getPrototypeOf() {
    throw new Error("no");
  },
});

const cases: ReadonlyArray<readonly [string, unknown]> = [
  ["a reset", reset()],
  ["a reset without a code", reset({})],
  ["a reset with the code of something else", reset({ code: "ETIMEDOUT" })],
  ["a reset with a cause", reset({ code: "ECONNRESET", cause: new Deno.errors.TimedOut("late") })],
  ["another error", new Deno.errors.BrokenPipe("Broken pipe (os error 32)")],
  ["a string", "why not"],
  ["nothing", undefined],
  ["a proxy that throws", hostile],
];

for (const phase of ["read", "write", "close"] as const) {
  for (const [name, error] of cases) {
    Deno.test(`rawFailure() in phase ${phase} classifies ${name} as toNetError() does`, () => {
      const found = rawFailure(error, { phase, address });
      const expected = toNetError(error, { phase, address });
      assertEquals({ ...found, message: found.message }, {
        ...expected,
        message: expected.message,
      });
      assertEquals(found.cause === error, true);
    });
  }
}
