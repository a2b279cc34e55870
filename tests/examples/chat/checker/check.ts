/**
 * The checker of the chat as a program:
 * `deno task chat:check [--minutes N] [--seed S] [--pages N] [--terminals N] [--nodes N --bus]`.
 *
 * It ends with 0 if the chat kept all promises. Otherwise it prints what was broken, writes what everyone
 * saw to a file, and ends with 1.
 *
 * @module
 */

import { badValue, type CliIo, defineCli } from "../../../../tools/cli.ts";
import { check, type Report } from "./driver.ts";

/** The most broken promises that are printed. */
const PRINTED = 20;

const cli = defineCli({
  name: "chat:check",
  summary: "Breaks the chat in every way, and checks that no line is lost, doubled or misdirected.",
  flags: {
    minutes: { type: "number", default: 1, min: 0.05, max: 10_000, help: "Duration in minutes" },
    seed: { type: "integer", default: 1, min: 0, help: "Seed of all random choices" },
    pages: { type: "integer", default: 12, min: 2, max: 200, help: "Pages" },
    terminals: { type: "integer", default: 4, min: 0, max: 200, help: "Terminals at once" },
    nodes: { type: "integer", default: 1, min: 1, max: 9, help: "Nodes; more than one need --bus" },
    bus: { type: "boolean", default: false, help: "Let the nodes share a redis-server" },
  },
  permissions: { "-A": "start the chat and redis-server, mount a small disk" },
  examples: [
    "deno task chat:check --minutes 60 --seed 7",
    "deno task chat:check --minutes 60 --nodes 3 --bus",
  ],
});

/**
 * Runs the program.
 *
 * @param args The arguments of the command line; `--help` lists the flags.
 * @param io The streams of the process, or a replacement for tests.
 * @returns The exit code of the process.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ minutes, seed, pages, terminals, nodes, bus }, ctx) => {
    if (bus !== nodes > 1) throw badValue("--nodes", `${nodes}`, "2 or more with --bus, or else 1");
    const report = await check({
      millis: minutes * 60_000,
      seed,
      pages,
      terminals,
      nodes,
      onProgress: (text) => ctx.log.info("{text}", { text }),
    });
    for (const line of summary(report)) ctx.print(line);
    if (report.violations.length === 0) return;
    const file = await Deno.makeTempFile({ prefix: "chat_check_", suffix: ".json" });
    await Deno.writeTextFile(file, JSON.stringify(report.run));
    ctx.print(`What everyone saw: ${file}`);
    return 1;
  });
}

/** Returns the result of a run as lines. */
export function summary({ violations, counts }: Report): string[] {
  const numbers = [...counts].sort(([a], [b]) => a < b ? -1 : 1);
  return [
    ...numbers.map(([name, count]) => `${name}: ${count}`),
    ...violations.slice(0, PRINTED).map(({ rule, text }) => `${rule}: ${text}`),
    violations.length === 0 ? "All promises were kept" : `${violations.length} broken promises`,
  ];
}

if (import.meta.main) Deno.exit(await main(Deno.args));
