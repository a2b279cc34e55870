/**
 * The benchmarks: ours, the bare API of Deno and named peers side by side in one run.
 *
 * Every figure is the median of several rounds. The rounds are interleaved: in each round every
 * contender gets a new server process and the same load, in an order that turns, so that what
 * else the machine does hits all alike; ratios are taken round by round. Beside each figure
 * stands what limited it, from the CPU time of the server and of the load generator.
 *
 * ```sh
 * deno task bench
 * deno task bench tcp_echo --rounds 7 --seconds 3
 * ```
 *
 * **Permissions**: all; it starts compilers, servers and load generators, and reads /proc.
 *
 * @module
 */

import { basename } from "node:path";
import { formatted } from "../../.tasks/format.ts";
import { badValue, type CliIo, defineCli } from "../../tools/cli.ts";
import type { Bench, Figure } from "./_bench.ts";
import { drawChart } from "./_chart.ts";
import { makeLoadGenerator } from "./_load.ts";
import { describeMachine, loadAverage } from "./_machine.ts";
import { bars, evaluate, missed, page, type Result, table } from "./_report.ts";
import { benchChat } from "./chat.ts";
import { benchChatBus } from "./chat_bus.ts";
import { benchChatFanout } from "./chat_fanout.ts";
import { benchChatLoad } from "./chat_load.ts";
import { benchFtp } from "./ftp.ts";
import { benchHttpBulk } from "./http_bulk.ts";
import { benchHttpClient } from "./http_client.ts";
import { benchHttpServer } from "./http_server.ts";
import { benchHttpWrappers } from "./http_wrappers.ts";
import { benchIdleMemory } from "./idle_memory.ts";
import { benchMail } from "./mail.ts";
import { benchMessages } from "./messages.ts";
import { benchAccepts } from "./accepts.ts";
import { benchPool } from "./pool.ts";
import { benchProxy } from "./proxy.ts";
import { benchReverseProxy } from "./reverse_proxy.ts";
import { benchScan } from "./scan.ts";
import { benchTcpEcho } from "./tcp_echo.ts";
import { benchTls } from "./tls.ts";
import { benchUdp } from "./udp.ts";
import { benchWebSocket } from "./websocket.ts";
import { benchWorkers } from "./workers.ts";

const BENCHMARKS = new Map<string, (bench: Bench) => Promise<Figure[]>>([
  ["tcp_echo", benchTcpEcho],
  ["tls", benchTls],
  ["udp", benchUdp],
  ["accepts", benchAccepts],
  ["pool", benchPool],
  ["workers", benchWorkers],
  ["websocket", benchWebSocket],
  ["scan", benchScan],
  ["mail", benchMail],
  ["ftp", benchFtp],
  ["chat", benchChat],
  ["chat_load", benchChatLoad],
  ["chat_bus", benchChatBus],
  ["chat_fanout", benchChatFanout],
  ["http_client", benchHttpClient],
  ["http_bulk", benchHttpBulk],
  ["http_server", benchHttpServer],
  ["http_wrappers", benchHttpWrappers],
  ["proxy", benchProxy],
  ["reverse_proxy", benchReverseProxy],
  ["idle_memory", benchIdleMemory],
  ["messages", benchMessages],
]);

const KNOWN = [...BENCHMARKS.keys()].join(", ");

const cli = defineCli({
  name: "bench",
  summary: "Measures Portside against bare Deno, Node and Python's asyncio, on this machine.",
  description: `Benchmarks: ${KNOWN}; all of them by default.`,
  flags: {
    rounds: { type: "integer", default: 5, min: 1, max: 99, help: "Rounds; the median counts" },
    seconds: { type: "number", default: 1, min: 0.1, max: 60, help: "Length of a timed round" },
    warmup: { type: "duration", default: "500ms", max: "1m", help: "Load before it is timed" },
    connections: { type: "integer", default: 50, min: 1, max: 1000, help: "Of an echo" },
    listeners: { type: "integer", default: 100, min: 1, max: 900, help: "Of the chat" },
    lines: { type: "integer", default: 5000, min: 1, max: 50000, help: "Said in the chat" },
    idle: { type: "integer", default: 1000, min: 1, max: 20000, help: "Idle connections" },
    files: { type: "integer", default: 500, min: 1, max: 100000, help: "Small files over FTP" },
    load: {
      type: "choice",
      choices: ["auto", "native", "deno"],
      default: "auto",
      help: "Load generator: native if a C compiler is there, else Deno in several processes",
    },
    node: { type: "string", default: "node", help: "The program for the peers on Node" },
    python: { type: "string", default: "/usr/bin/python3", help: "The one for those on asyncio" },
    write: {
      type: "string",
      help: "A file that gets the figures in Markdown, with a chart in FILE.svg",
    },
    check: { type: "boolean", help: "Fail if a target is missed" },
  },
  positionals: { benchmark: { type: "list", optional: true, help: "What to measure" } },
  permissions: { "--allow-all": "start servers and a load generator, and read /proc" },
  examples: ["deno task bench", "deno task bench tcp_echo --rounds 7 --seconds 3"],
});

/**
 * Runs benchmarks.
 *
 * @param args The command line; `--help` lists the flags.
 * @param io The process, or a stand-in for tests.
 * @returns The exit code.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async (given, ctx) => {
    const { benchmark, load, node, python, json, write, check, ...values } = given;
    const names = benchmark.length > 0 ? benchmark : [...BENCHMARKS.keys()];
    for (const name of names) {
      if (!BENCHMARKS.has(name)) throw badValue("benchmark", name, `one of ${KNOWN}`);
    }
    await using generator = await makeLoadGenerator(load);
    const settings = { ...values, measure: values.seconds * 1000 };
    const deno = Deno.execPath();
    const machine = await describeMachine({ deno, node, python }, generator.description);
    const leftOut = new Map<string, string>();
    const bench: Bench = {
      settings,
      load: generator,
      deno,
      node,
      python,
      missing: machine.missing,
      leaveOut: (name, why) => leftOut.set(name, why),
      progress: (text) => ctx.log.info("{text}", { text }),
      signal: ctx.signal,
    };
    const tell = (value: unknown, lines: readonly string[]) => {
      if (json) ctx.printJson(value);
      else lines.forEach(ctx.print);
    };
    tell({ machine: machine.lines }, machine.lines);
    const results: Result[] = [];
    const failed: string[] = [];
    for (const name of names) {
      try {
        for (const figure of await BENCHMARKS.get(name)!(bench)) {
          const result = evaluate(figure);
          results.push(result);
          tell(result, ["", ...table(result)]);
        }
      } catch (error) {
        // The figures of the others took long.
        if (bench.signal.aborted) throw error;
        failed.push(name);
        ctx.log.error("{name} failed: {error}", { name, error });
      }
    }
    if (leftOut.size > 0) {
      const lines = Array.from(leftOut, ([name, why]) => `left out: ${name} (${why})`);
      tell({ leftOut: Object.fromEntries(leftOut) }, ["", ...lines]);
    }
    const after = loadAverage();
    tell({ loadAverageAfter: after }, ["", `load average after: ${after}`]);
    if (write !== undefined) {
      await writePage(write, machine.lines, results);
    }
    if (failed.length > 0) return 1;
    if (!check) return 0;
    const all = results.flatMap(missed);
    for (const one of all) ctx.log.error("target missed: {one}", { one });
    return all.length === 0 ? 0 : 1;
  });
}

/** Writes the page, and the chart beside it if there is anything to draw. */
async function writePage(
  file: string,
  machine: readonly string[],
  results: readonly Result[],
): Promise<void> {
  const drawn = bars(results);
  const picture = `${file.replace(/\.md$/, "")}.svg`;
  if (drawn.length > 0) await Deno.writeTextFile(picture, drawChart(drawn));
  const link = drawn.length > 0 ? basename(picture) : undefined;
  await Deno.writeTextFile(file, await formatted(page(machine, results, link)));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
