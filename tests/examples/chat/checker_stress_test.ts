/**
 * The checker against the real chat: one minute in CI, some seconds elsewhere. `CHECK_SECONDS` and
 * `CHECK_SEED` set the duration and the random choices; `deno task chat:check` runs for hours.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { summary } from "./checker/check.ts";
import { check } from "./checker/driver.ts";
import { redisTools } from "../../_support/redis.ts";

/** The refusals that a good chat can give: the disk is full, or a recipient has never joined. */
const EXPECTED = new Set(["not-stored", "no-such-user", "no-such-peer"]);

Deno.test("a chat that is killed between two steps of a line keeps all promises", async () => {
  const report = await check({ millis: 0, seed: 1, pages: 6, terminals: 2, stepsOnly: true });
  assertEquals(report.violations.length, 0, summary(report).join("\n"));
  const steps = [...report.counts.keys()].filter((name) => name.startsWith("kill -9 at "));
  assertEquals(steps, ["kill -9 at number", "kill -9 at commit", "kill -9 at confirm"]);
});

Deno.test("the chat loses, doubles and misdirects no line, whatever breaks", async () => {
  const given = Number(Deno.env.get("CHECK_SECONDS"));
  const seconds = given || (Deno.env.has("CI") ? 60 : 12);
  const seed = Number(Deno.env.get("CHECK_SEED") ?? Date.now() % 100_000);
  const report = await check({ millis: seconds * 1000, seed, pages: 10, terminals: 3 });
  const text = [`seed ${seed}`, ...summary(report)].join("\n");
  assertEquals(report.violations.length, 0, text);
  assert((report.counts.get("confirmed") ?? 0) > 100, text);
  for (const { name, observations, complete } of report.run.witnesses) {
    // A page that changes its rooms can be late with a line. Others must not be refused anything else.
    if (!complete.some((place) => place.startsWith("#"))) continue;
    for (const one of observations) {
      if (one.type === "refused") assert(EXPECTED.has(one.code), `${name}: ${one.code}\n${text}`);
    }
  }
});

Deno.test({
  name:
    `three nodes on one Redis lose, double and misdirect no line, whatever breaks${redisTools.suffix}`,
  ignore: redisTools.ignore,
  async fn() {
    const seconds = Number(Deno.env.get("CHECK_SECONDS")) || (Deno.env.has("CI") ? 30 : 10);
    const seed = Number(Deno.env.get("CHECK_SEED") ?? Date.now() % 100_000);
    const options = { millis: seconds * 1000, seed, pages: 8, terminals: 2, nodes: 3 };
    const report = await check(options);
    const text = [`seed ${seed}`, ...summary(report)].join("\n");
    assertEquals(report.violations.length, 0, text);
    assert((report.counts.get("confirmed") ?? 0) > 100, text);
  },
});
