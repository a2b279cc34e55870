#!/usr/bin/env -S deno run --allow-net
/**
 * Finds the open TCP ports of hosts, by connecting: open, closed, filtered and error kept apart.
 *
 * ```sh
 * deno task scan 127.0.0.1 -p 1-1024
 * deno task scan 127.0.0.1 -p - --expect 22,443
 * ```
 *
 * @example What is open
 * ```ts
 * import { scan } from "@portside/kit/tools/scan";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const { port } = listener.addr;
 * for await (const found of scan("127.0.0.1", { ports: [port] })) {
 *   assertEquals([found.port, found.state], [port, "open"]);
 * }
 * ```
 *
 * Scan what is yours, or what you were asked to scan.
 *
 * **Permissions**: `--allow-net`, or `--allow-net=127.0.0.1` for the hosts that are scanned;
 * `--allow-read=<file>` for `--file`.
 *
 * @module
 */

import { ahead } from "./scan/_ahead.ts";
import { type CliIo, defineCli } from "./cli.ts";
import { resolveBySystem } from "./internal/phases.ts";
import { probeAll } from "./scan/_engine.ts";
import { readBanner, readTls } from "./scan/_details.ts";
import { readPorts, readTargets, usage } from "./scan/_input.ts";
import { parsePorts } from "./scan/_ports.ts";
import { type ScanFormat, ScanReport } from "./scan/_report.ts";
import type { ScanOptions, ScanResult, ScanState } from "./scan/options.ts";
import { countHosts, type ScanTarget, Targets } from "./scan/_targets.ts";
import { serviceOf, topPorts } from "./scan/_services.ts";

export type { ScannedTls } from "./scan/_details.ts";
export type * from "./scan/options.ts";

const STATES: readonly ScanState[] = ["open", "closed", "filtered", "error"];
/** Open ports that are asked for more at the same time. */
const ASKED = 16;
/** Names that are resolved at the same time. */
const RESOLVED = 16;

/**
 * Scans hosts.
 *
 * @param targets Names, of which the first address counts, addresses, also with a zone such as
 * `fe80::1%eth0`, and networks such as `127.0.0.0/28`; a network is not held as a list.
 * @param options The ports and the limits.
 * @returns Each port of each host once, as it is found, the hosts in their order, their ports in none.
 * @throws {RangeError} If a target, a port or an option is none.
 * @throws {NetError} "permission", if `--allow-net` is missing.
 *
 * @example A gate
 * ```ts
 * import { scan } from "@portside/kit/tools/scan";
 * import { assertEquals } from "@std/assert";
 *
 * const open: number[] = [];
 * for await (const { state, port } of scan(["127.0.0.1"], { ports: "1-9" })) {
 *   if (state === "open") open.push(port);
 * }
 * assertEquals(open, []);
 * ```
 */
export function scan(
  targets: string | Iterable<string> | AsyncIterable<string>,
  options: ScanOptions = {},
): AsyncGenerator<ScanResult, void, void> {
  const ports = checkPorts(options.ports);
  const { adaptive = false, seed = Math.random() * 2 ** 32 } = options;
  const settings = {
    concurrency: whole("concurrency", options.concurrency ?? 100, 1, 10_000),
    timeout: whole("timeout", options.timeout ?? 1000, 1, 2 ** 31 - 1),
    retries: whole("retries", options.retries ?? (adaptive ? 1 : 0), 0, 100),
    rate: whole("rate", options.rate ?? 0, 0, 1_000_000),
    adaptive,
  };
  const listed = typeof targets === "string" ? [targets] : targets;
  const many = Array.isArray(listed)
    ? listed.reduce((sum, target) => sum + countHosts(target), 0) * ports.length >= 10_000
    : false;
  const most = Math.min(navigator.hardwareConcurrency, 4);
  // A rate is kept by one alone.
  const workers = settings.rate > 0 ? 1 : Math.min(
    whole("workers", options.workers ?? (many ? most : 1), 1, 64),
    settings.concurrency,
  );
  const random = generator(seed);
  const failed: ScanResult[] = [];
  async function* hosts() {
    const seen = new Targets();
    for await (const text of listed) yield* seen.read(text);
  }
  const look = (target: ScanTarget) => locate(target, settings.timeout, options.signal);
  async function* jobs() {
    for await (const host of ahead(hosts(), RESOLVED, look)) {
      if ("state" in host) failed.push(host);
      else yield { host, address: host.address, ports: shuffle(ports, random) };
    }
  }
  const probed = probeAll(jobs(), settings, workers, options.signal);
  return results(probed, failed, settings.timeout, options);
}

async function* results(
  probed: ReturnType<typeof probeAll<ScanTarget>>,
  failed: ScanResult[],
  timeout: number,
  { banner = false, tls = false, signal }: ScanOptions,
): AsyncGenerator<ScanResult, void, void> {
  const asking = new Set<Promise<ScanResult>>();
  const settle = async () => {
    const { one, result } = await Promise.race(
      [...asking].map(async (one) => ({ one, result: await one })),
    );
    asking.delete(one);
    return result;
  };
  for await (const batch of probed) {
    if (failed.length > 0) yield* failed.splice(0);
    for (const { host: { host, address }, port, state, ms, code } of batch) {
      const result: ScanResult = {
        host,
        address,
        port,
        state: STATES[state]!,
        service: serviceOf(port),
        rtt: state < 2 ? Math.round(ms * 1000) / 1000 : undefined,
        reason: code === "" ? undefined : code,
      };
      if (state !== 0 || !(banner || tls)) yield result;
      else {
        if (asking.size >= ASKED) yield await settle();
        asking.add(ask(result, timeout, banner, tls, signal));
      }
    }
  }
  while (asking.size > 0) yield await settle();
  yield* failed;
}

async function ask(
  result: ScanResult,
  timeout: number,
  banner: boolean,
  tls: boolean,
  signal: AbortSignal | undefined,
): Promise<ScanResult> {
  const { host, address, port } = result;
  const [said, spoken] = await Promise.all([
    banner ? readBanner(address, port, timeout, signal) : undefined,
    tls ? readTls(host, address, port, timeout, signal) : undefined,
  ]);
  return { ...result, ...(said && { banner: said }), ...(spoken && { tls: spoken }) };
}

/** The address of a target, or a result that says why it has none. */
async function locate(
  target: ScanTarget,
  timeout: number,
  signal: AbortSignal | undefined,
): Promise<ScanTarget | ScanResult> {
  if (!target.named) return target;
  const { host } = target;
  try {
    const limit = Math.max(timeout, 5000);
    const [address] = await resolveBySystem(host, { timeout: limit, signal });
    if (address !== undefined) return { ...target, address };
  } catch (error) {
    signal?.throwIfAborted();
    if ((error as { kind?: string }).kind === "permission") throw error;
  }
  return { host, address: "", port: 0, state: "error", reason: "ENOTFOUND" };
}

function checkPorts(ports: ScanOptions["ports"]): Uint16Array<ArrayBuffer> {
  if (ports === undefined) return Uint16Array.from(topPorts(100));
  if (typeof ports === "string") return Uint16Array.from(parsePorts(ports));
  return Uint16Array.from(new Set(ports.map((port) => whole("ports", port, 1, 65_535))));
}

function whole(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(
    `Cannot use ${name}: it is a whole number from ${min} to ${max}, not ${value}`,
  );
}

/** Numbers below 1 that depend on the seed alone (splitmix32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

function shuffle(
  ports: Uint16Array<ArrayBuffer>,
  random: () => number,
): Uint16Array<ArrayBuffer> {
  const order = ports.slice();
  for (let i = order.length - 1; i > 0; i--) {
    const k = Math.floor(random() * (i + 1));
    const port = order[i]!;
    order[i] = order[k]!;
    order[k] = port;
  }
  return order;
}

/** What `--expect` gives when reality differs. */
const DIFFERENT = 4;

const cli = defineCli({
  name: "scan",
  summary: "Finds the open TCP ports of hosts.",
  description: "Targets: names, addresses, networks (127.0.0.0/28), - for lines of standard input.",
  flags: {
    ports: {
      type: "string",
      alias: "p",
      placeholder: "ports",
      help: "22,80,1-1024, -, 60000-, https",
    },
    topPorts: {
      type: "integer",
      min: 1,
      max: 65_535,
      help: "Those most often open, by this project's own list [default: 100]",
    },
    excludePorts: { type: "string", placeholder: "ports", help: "Never these" },
    concurrency: {
      type: "integer",
      default: 100,
      min: 1,
      max: 10_000,
      alias: "c",
      help: "Connections at once",
    },
    timeout: {
      type: "duration",
      default: "1s",
      min: "1ms",
      alias: "t",
      help: "Then a port is filtered",
    },
    retries: {
      type: "integer",
      min: 0,
      max: 100,
      help: "Tries more without an answer [default: 0, adaptive 1]",
    },
    rate: {
      type: "integer",
      default: 0,
      min: 0,
      max: 1_000_000,
      help: "Connections a second; 0: any",
    },
    adaptive: { type: "boolean", help: "Learn the time limit from the round trips" },
    seed: { type: "integer", min: 0, max: 2 ** 32 - 1, help: "Repeat the order of another scan" },
    open: { type: "boolean", help: "Show open ports alone" },
    banner: { type: "boolean", help: "Read what open ports say first" },
    tls: { type: "boolean", help: "Try TLS on open ports" },
    output: {
      type: "choice",
      choices: ["table", "json", "ndjson", "csv"],
      default: "table",
      alias: "o",
      help: "Form of the results: table, json, ndjson, csv",
    },
    expect: {
      type: "string",
      placeholder: "ports",
      help: 'Exit with 4 unless exactly these are open, or "none"',
    },
    file: { type: "list", placeholder: "file", help: "More targets, one a line" },
    workers: {
      type: "integer",
      min: 1,
      max: 64,
      help: "Threads [default: by the number of ports]",
    },
  },
  positionals: { target: { type: "list", optional: true, help: "What to scan" } },
  permissions: {
    "--allow-net": "connect to any host",
    "--allow-read=<file>": "only with --file",
  },
  exitCodes: { 4: "other ports are open than --expect says" },
  examples: [
    "deno task scan 127.0.0.1 -p 1-1024",
    "deno task scan 127.0.0.1 -p - --open --banner -o ndjson",
    "deno task scan 127.0.0.1 --expect 22,443",
  ],
});

/**
 * Runs the scanner.
 *
 * @param args The command line; `--help` lists the flags.
 * @param io The process, or a stand-in for tests.
 * @returns The exit code.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async (values, ctx) => {
    const { target, file, open, output, json, ...rest } = values;
    const { concurrency, timeout, retries, rate, adaptive, seed, banner, tls, workers } = rest;
    const { wanted, expected } = readPorts(rest);
    const targets = await readTargets(target, file, ctx);
    const hosts = usage(() => targets.reduce((sum, one) => sum + countHosts(one), 0));
    const format: ScanFormat = json ? "ndjson" : output;
    const report = new ScanReport(
      ctx,
      format,
      { open, banner, tls, expected },
      hosts,
      wanted.length,
    );
    try {
      const options = {
        ports: wanted,
        concurrency,
        timeout,
        rate,
        adaptive,
        banner,
        tls,
        signal: ctx.signal,
        ...(retries !== undefined && { retries }),
        ...(seed !== undefined && { seed }),
        ...(workers !== undefined && { workers }),
      };
      for await (const found of scan(targets, options)) report.add(found);
      report.end();
    } catch (error) {
      // Broken off, what is known so far is worth something.
      if (ctx.signal.aborted) report.end();
      throw error;
    }
    if (!report.asExpected()) return DIFFERENT;
    return report.unknownHosts > 0 ? 1 : 0;
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
