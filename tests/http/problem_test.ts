import { problem, ProblemError, type ProblemErrorOptions } from "../../http/problem.ts";
import type { ProblemOptions } from "../../http/problem.ts";
import { checkEveryOption, type OptionKind } from "../_support/options.ts";
import { assertEquals, assertThrows } from "@std/assert";

const OPTIONS: Record<keyof Required<ProblemOptions>, OptionKind> = {
  type: "text",
  title: "text",
  detail: "text",
  instance: "text",
  extensions: "none",
  headers: "none",
};

Deno.test("problem() and ProblemError check every option", async () => {
  await checkEveryOption<ProblemOptions>("problem", OPTIONS, (options) => problem(500, options));
  await checkEveryOption<ProblemErrorOptions>(
    "ProblemError",
    { ...OPTIONS, cause: "any" },
    (options) => new ProblemError(500, options),
  );
});

Deno.test("problem() and ProblemError take statuses of errors only", () => {
  for (const status of [200, 399, 600, 404.5, NaN]) {
    const message = `status must be an integer from 400 to 599, got ${status}`;
    assertThrows(() => problem(status), RangeError, message);
    assertThrows(() => new ProblemError(status), RangeError, message);
  }
});

Deno.test("a ProblemError keeps its cause for itself", async () => {
  const error = new ProblemError(404, { detail: "nothing", cause: "a secret" });
  assertEquals(error.cause, "a secret");
  assertEquals(error.options, { detail: "nothing" });
  assertEquals(await problem(error.status, error.options).json(), {
    title: "Not Found",
    status: 404,
    detail: "nothing",
  });
});
