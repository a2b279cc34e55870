/**
 * The soak test: the chat, the proxy, HTTP, WebSockets and mail together, on a network that delays,
 * cuts and resets. Nothing may be lost or doubled, and nothing may grow.
 *
 * ```sh
 * deno task soak --minutes 60 --seed 7
 * ```
 *
 * It prints a line each minute and a verdict, and ends with 1 after a failure.
 *
 * **Permissions**: all; it starts servers, and reads /proc.
 *
 * @module
 */

import { type CliIo, defineCli } from "../../tools/cli.ts";
import { kib, memoryGrowth } from "./measures.ts";
import { soak } from "./soak.ts";

const cli = defineCli({
  name: "soak",
  summary:
    "Runs chat, proxy, HTTP, WebSockets and mail on a bad network; looks for losses and leaks.",
  flags: {
    minutes: { type: "number", default: 1, min: 0.01, max: 100_000, help: "Duration in minutes" },
    seed: { type: "integer", default: 1, min: 0, help: "Seed of all random choices" },
  },
  permissions: { "-A": "start servers, read /proc" },
  examples: ["deno task soak --minutes 60 --seed 7"],
});

/**
 * Runs the program.
 *
 * @param args The arguments of the command line; `--help` lists the flags.
 * @param io The streams of the process, or a replacement for tests.
 * @returns The exit code of the process.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ minutes, seed }, ctx) => {
    let next = 1;
    const told = new Set<string>();
    const { book, samples, leaks } = await soak({
      millis: minutes * 60_000,
      seed,
      signal: ctx.signal,
      onRound: ({ minute, heap, rss, descriptors, resources, timers }, { counts, faults }) => {
        for (const [kind, { examples }] of faults) {
          if (!told.has(kind)) ctx.print(`${minute.toFixed(1)} min: ${kind}: ${examples[0]}`);
          told.add(kind);
        }
        if (minute < next) return;
        next = Math.floor(minute) + 1;
        const done = ["chat lines", "proxy requests answered", "HTTP requests answered"];
        const traffic = [...done, "WebSocket messages", "messages sent"]
          .map((name) => `${counts.get(name) ?? 0} ${name}`).join(", ");
        ctx.print(
          `${minute.toFixed(1)} min: ${traffic}; heap ${kib(heap)}, RSS ${kib(rss)}, ` +
            `${descriptors} descriptors, ${resources.length} resources, ${timers} time limits, ` +
            `${faults.size} kinds of faults`,
        );
      },
    });
    for (const [name, count] of [...book.counts].sort()) ctx.print(`${name}: ${count}`);
    for (const [kind, { count, examples }] of book.faults) {
      ctx.print(`${count} × ${kind}: ${examples[0]}`);
    }
    for (const leak of leaks) ctx.print(`It grows: ${leak}`);
    const growth = memoryGrowth(samples);
    if (growth) ctx.print(`Memory: ${kib(growth.slope)} ± ${kib(growth.error)} a minute`);
    const isGood = book.faults.size === 0 && leaks.length === 0;
    ctx.print(isGood ? "Nothing was lost or doubled, and nothing grows" : "FAILED");
    return isGood ? 0 : 1;
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
