/**
 * The fuzzer: random inputs for every codec and parser.
 *
 * ```sh
 * deno task fuzz                                   # all targets, one minute
 * deno task fuzz --seconds 3600 --seed 7
 * deno task fuzz --only WsFrameDecoder --seconds 10
 * ```
 *
 * An input that breaks a property becomes a file in `tests/fuzz/cases/`. `tests/fuzz_test.ts` repeats all
 * of these cases.
 *
 * **Permissions**: all; some targets are servers, and the cases are files.
 *
 * @module
 */

import { badValue, type CliIo, defineCli } from "../../tools/cli.ts";
import { writeCase } from "./cases.ts";
import { fuzz } from "./fuzz.ts";
import { FUZZ_TESTS, runFuzzTest } from "./sessions.ts";
import type { FuzzTarget } from "./target.ts";
import { TARGETS } from "./targets/all.ts";
import { Watchdog } from "./watchdog.ts";

/** Minimum time for the tests of sessions of one file, in milliseconds. */
const SESSION = 5000;

const cli = defineCli({
  name: "fuzz",
  summary:
    "Feeds every codec and parser with random inputs, and keeps those that break a property.",
  flags: {
    seconds: { type: "number", default: 60, min: 1, max: 1_000_000, help: "Duration in seconds" },
    seed: { type: "integer", default: 1, min: 0, help: "Seed of all random choices" },
    only: { type: "string", help: "Only targets whose names contain this" },
    list: { type: "boolean", help: "Prints the names of the targets" },
  },
  permissions: { "-A": "start servers and tests, write the cases" },
  examples: ["deno task fuzz --seconds 3600 --seed 7"],
});

/**
 * Runs the program.
 *
 * @param args The arguments of the command line; `--help` lists the flags.
 * @param io The streams of the process, or a replacement for tests.
 * @returns The exit code of the process.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ seconds, seed, only = "", list }, ctx) => {
    const targets = TARGETS.filter(({ name }) => name.includes(only));
    const sessions = FUZZ_TESTS.filter((name) => name.includes(only));
    const names = [...targets.map(({ name }) => name), ...sessions];
    if (names.length === 0) {
      throw badValue("only", only, "part of the name of a target: see --list");
    }
    if (list) return names.forEach((name) => ctx.print(name));
    const slice = seconds * 1000 / names.length;
    let failures = 0;
    const report = async (target: FuzzTarget, watchdog: Watchdog) => {
      const end = performance.now() + slice;
      const more = () => performance.now() < end && !ctx.signal.aborted;
      watchdog.target = target.name;
      const onInput = (input: string) => watchdog.feed(input);
      const { tried, kinds, failure } = await fuzz(target, { seed, more, measured: true, onInput });
      ctx.print(`${target.name}: ${tried} inputs, ${kinds} kinds of results`);
      if (failure === undefined) return;
      failures++;
      for (const line of failure.problem.split("\n").slice(0, 4)) ctx.print(`  ${line}`);
      ctx.print(`  ${await writeCase(failure)}`);
    };
    {
      using watchdog = new Watchdog();
      for (const target of targets) if (!ctx.signal.aborted) await report(target, watchdog);
    }
    for (const name of sessions) {
      if (ctx.signal.aborted) break;
      const output = await runFuzzTest(name, Math.max(slice, SESSION), seed);
      ctx.print(`${name}: ${output === undefined ? "ok" : "FAILED"}`);
      if (output === undefined) continue;
      failures++;
      for (const line of output.split("\n")) ctx.print(`  ${line}`);
    }
    ctx.print(failures === 0 ? "No input broke a property" : `${failures} targets failed`);
    return failures === 0 ? 0 : 1;
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
