#!/usr/bin/env -S deno run --allow-net
/**
 * Finds the open TCP ports of hosts by connecting to them, or the open UDP ports by datagrams that
 * services answer. A port is open, closed, filtered, or an error; a silent UDP port is open|filtered.
 *
 * ```sh
 * deno task scan 127.0.0.1 -p 1-1024
 * deno task scan 127.0.0.1 -p - --expect 22,443
 * ```
 *
 * @example Scan one port
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
 * Scan only hosts that you own or that you are allowed to scan.
 *
 * **Permissions**: `--allow-net`, or `--allow-net=127.0.0.1` for the scanned hosts;
 * `--allow-read=<file>` for `--file`; `--allow-ffi` for `--udp` on Linux, to see closed ports.
 *
 * @module
 */

import { ignoreFailure } from "../net/internal/ignore_failure.ts";
import { ahead } from "./scan/_concurrent_map.ts";
import { type CliContext, type CliIo, defineCli } from "./cli.ts";
import { probeAll } from "./scan/_scheduler.ts";
import { readPorts, readTargets, refuseWithUdp, usage } from "./scan/_input.ts";
import type { Listener } from "./scan/_identify.ts";
import { generator, shuffle } from "./scan/_order.ts";
import { parsePorts, uniquePorts } from "./scan/_ports.ts";
import { type ScanFormat, ScanReport } from "./scan/_report.ts";
import { SCAN, targetsRule } from "./scan/_option_rules.ts";
import type { ScanOptions, ScanResult, ScanState } from "./scan/options.ts";
import { checkSize, countHosts, type ScanTarget, Targets } from "./scan/_targets.ts";
import { serviceOf, topPorts } from "./scan/_services.ts";
import { COMMON_UDP, topUdpPorts } from "./scan/_udp_payloads.ts";

export type { ScannedService } from "./scan/_identify.ts";
export type { ScannedTls } from "./scan/_open_port_details.ts";
export type * from "./scan/options.ts";

const STATES: readonly ScanState[] = ["open", "closed", "filtered", "error"];
/** First and largest number of connections at once, unless it is given. */
const [START, MOST] = [200, 1000];
/** Time limit for the details of an open port, unless it is given, in milliseconds. */
const DETAILS = 3000;
/** Most probes, unless it is given. */
const MAX_PROBES = 10_000_000;
/** Number of probes from which several threads are faster. */
const MANY = 10_000;
/** Number of open ports whose details are read at the same time. */
const ASKED = 16;
/** Number of names that are resolved at the same time. */
const RESOLVED = 16;
/** Time limit for the addresses of a name, in milliseconds. */
const RESOLVE = 10_000;

/**
 * Scans hosts.
 *
 * @param targets One target, or several: names, addresses (also with a zone such as `fe80::1%eth0`),
 * networks such as `127.0.0.0/28`, and ranges such as `127.0.0.1-50`. All addresses of a name are
 * scanned. A network is expanded lazily.
 * @param options The ports, the limits, and the details to read. Default: the 100 most common ports.
 * @returns Each port of each host once, as soon as it is known. Hosts are in order, ports are not.
 * @throws {RangeError | TypeError} If a target, a port or an option is invalid, or if the scan has more than
 * `maxProbes` probes.
 * @throws {NetError} "permission", if `--allow-net` is missing.
 *
 * @example Check that no port is open
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
  targetsRule("targets", targets);
  options = SCAN.check("scan", options);
  const ports = readPortOption(options.ports, options.udp);
  const { concurrency, timeout, retries, rate = 0, seed = Math.random() * 2 ** 32 } = options;
  const { maxProbes = MAX_PROBES } = options;
  const settings = { concurrency, timeout, retries, rate, start: START, most: MOST };
  const listed = typeof targets === "string" ? [targets] : targets;
  const size = (hosts: number) => checkSize(hosts, ports.length, maxProbes, "maxProbes");
  const hostsOf = (sum: number, target: string) => sum + countHosts(target);
  const counted = Array.isArray(listed) ? listed.reduce(hostsOf, 0) : 0;
  size(counted);
  const many = counted * ports.length >= MANY;
  const most = Math.min(navigator.hardwareConcurrency, 4);
  // A rate limit needs a single thread.
  const workers = rate > 0
    ? 1
    : Math.min(options.workers ?? (many ? most : 1), concurrency ?? MOST);
  const random = generator(seed);
  const failed: ScanResult[] = [];
  const known = new Targets(options.exclude);
  async function* hosts() {
    let sum = 0;
    for await (const text of listed) {
      size(sum = hostsOf(sum, text));
      yield* known.read(text);
    }
  }
  const look = (target: ScanTarget) => locate(target, options.signal);
  async function* jobs() {
    for await (const found of ahead(hosts(), RESOLVED, look)) {
      if (!Array.isArray(found)) failed.push(found);
      else {
        for (const host of found) {
          if (host.named && known.excludes(host.address)) continue;
          yield { host, address: host.address, ports: shuffle(ports, random) };
        }
      }
    }
  }
  if (options.udp) return udpResults(jobs(), failed, options);
  const probed = probeAll(jobs(), settings, workers, options.signal);
  return results(probed, failed, timeout ?? DETAILS, options);
}

async function* results(
  probed: ReturnType<typeof probeAll<ScanTarget>>,
  failed: ScanResult[],
  timeout: number,
  { banner = false, tls = false, service: whole = false, signal }: ScanOptions,
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
      if (state !== 0 || !(banner || tls || whole)) yield result;
      else {
        if (asking.size >= ASKED) yield await settle();
        const listener = { host, address, port, timeout, signal };
        const asked = whole
          ? described(result, listener)
          : ask(result, timeout, banner, tls, signal);
        // The scan may end before its turn.
        void ignoreFailure(asked);
        asking.add(asked);
      }
    }
  }
  while (asking.size > 0) yield await settle();
  yield* failed;
}

// Most scans do without the modules that the following functions import.

async function* udpResults(
  jobs: AsyncIterable<{ host: ScanTarget; ports: Iterable<number> }>,
  failed: ScanResult[],
  { concurrency = 100, timeout = 500, retries = 2, rate = 0, signal }: ScanOptions,
): AsyncGenerator<ScanResult, void, void> {
  const { probeUdp } = await import("./scan/_udp.ts");
  yield* probeUdp(jobs, { concurrency, timeout, retries, rate, signal });
  yield* failed;
}

async function described(result: ScanResult, listener: Listener): Promise<ScanResult> {
  const { identify } = await import("./scan/_identify.ts");
  return { ...result, ...await identify(listener) };
}

async function ask(
  result: ScanResult,
  timeout: number,
  banner: boolean,
  tls: boolean,
  signal: AbortSignal | undefined,
): Promise<ScanResult> {
  const { host, address, port } = result;
  const { readBanner, readTls } = await import("./scan/_open_port_details.ts");
  const [said, spoken] = await Promise.all([
    banner ? readBanner(address, port, timeout, signal) : undefined,
    tls ? readTls(host, address, port, timeout, signal) : undefined,
  ]);
  return { ...result, ...(said && { banner: said }), ...(spoken && { tls: spoken }) };
}

/** Returns a target for each address of a name, or the result for a name without an address. */
async function locate(
  target: ScanTarget,
  signal: AbortSignal | undefined,
): Promise<ScanTarget[] | ScanResult> {
  if (!target.named) return [target];
  const { host } = target;
  const { resolveBySystem } = await import("./internal/connection_phases.ts");
  try {
    const addresses = await resolveBySystem(host, { timeout: RESOLVE, signal });
    if (addresses.length > 0) return addresses.map((address) => ({ ...target, address }));
  } catch (error) {
    signal?.throwIfAborted();
    if ((error as { kind?: string }).kind === "permission") throw error;
  }
  return { host, address: "", port: 0, state: "error", reason: "ENOTFOUND" };
}

function readPortOption(ports: ScanOptions["ports"], udp = false): Uint16Array<ArrayBuffer> {
  if (ports === undefined) return new Uint16Array(udp ? topUdpPorts(COMMON_UDP) : topPorts(100));
  return new Uint16Array(typeof ports === "string" ? parsePorts(ports) : uniquePorts(ports));
}

/** The exit code if the open ports differ from `--expect`. */
const DIFFERENT = 4;

const cli = defineCli({
  name: "scan",
  summary: "Finds the open ports of hosts.",
  description:
    "Targets: names, addresses, networks (127.0.0.0/28), ranges (127.0.0.1-50), - for standard input.",
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
      help: "Number of common ports, from a list of this project [default: 100]",
    },
    excludePorts: { type: "string", placeholder: "ports", help: "Ports to leave out" },
    exclude: { type: "list", placeholder: "target", help: "Host or network to leave out" },
    concurrency: {
      type: "integer",
      min: 1,
      max: 10_000,
      alias: "c",
      help: "Connections at once [default: 200, grows to 1000 without loss]",
    },
    timeout: {
      type: "duration",
      min: "1ms",
      alias: "t",
      help: "Time limit of an attempt [default: 1.2 s to 6 s, by round-trip times]",
    },
    retries: {
      type: "integer",
      min: 0,
      max: 100,
      help: "Further attempts without an answer [default: 1 to 4, by loss]",
    },
    rate: {
      type: "integer",
      default: 0,
      min: 0,
      max: 1_000_000,
      help: "Most connections per second; 0 for any",
    },
    maxProbes: {
      type: "integer",
      default: MAX_PROBES,
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      help: "Largest scan: addresses multiplied by ports; 0 for any",
    },
    seed: { type: "integer", min: 0, max: 2 ** 32 - 1, help: "Repeat the order of another scan" },
    open: { type: "boolean", help: "Show only open ports" },
    banner: { type: "boolean", help: "Read the first line from open ports" },
    tls: { type: "boolean", help: "Try TLS on open ports" },
    udp: { type: "boolean", help: "Scan UDP; --allow-ffi shows closed ports on Linux" },
    service: { type: "boolean", help: "Identify the services of open ports" },
    output: {
      type: "choice",
      choices: ["table", "json", "ndjson", "csv"],
      default: "table",
      alias: "o",
      help: "Format: table (sorted, at the end), json, ndjson, csv (as ports are found)",
    },
    expect: {
      type: "string",
      placeholder: "ports",
      help: 'Exit with 4 unless exactly these are open, or "none"',
    },
    file: { type: "list", placeholder: "file", help: "File with more targets, one per line" },
    workers: {
      type: "integer",
      min: 1,
      max: 64,
      help: "Number of threads [default: by the number of ports]",
    },
  },
  positionals: { target: { type: "list", optional: true, help: "Host or network to scan" } },
  permissions: {
    "--allow-net": "connect to any host",
    "--allow-read=<file>": "only with --file",
    "--allow-ffi": "only with --udp, to see closed ports",
  },
  exitCodes: { 4: "the open ports differ from --expect" },
  examples: [
    "deno task scan 127.0.0.1 -p 1-1024",
    "deno task scan 127.0.0.1 -p - --open --banner -o ndjson",
    "deno task scan 127.0.0.1 --expect 22,443",
  ],
});

/**
 * Runs the program.
 *
 * @param args The arguments of the command line; `--help` lists the flags.
 * @param io The process, or its replacement in a test. Default: the real process.
 * @returns The exit code of the program.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async (values, ctx) => {
    const { target, file, exclude, open, output, json, maxProbes, ...rest } = values;
    const { concurrency, timeout, retries, rate, seed, banner, tls, service, udp, workers } = rest;
    if (udp) refuseWithUdp(rest);
    const { wanted, expected } = readPorts(rest);
    const targets = await readTargets(target, file, ctx);
    usage(() => new Targets(exclude), "--exclude");
    const hosts = usage(() => targets.reduce((sum, one) => sum + countHosts(one), 0));
    usage(() => checkSize(hosts, wanted.length, maxProbes, "--max-probes"));
    const format: ScanFormat = json ? "ndjson" : output;
    const report = new ScanReport(
      ctx,
      format,
      { open, banner, tls: tls || service, service, json, expected },
      hosts,
      wanted.length,
    );
    try {
      const options = {
        ports: wanted,
        exclude,
        udp,
        rate,
        maxProbes,
        banner,
        tls,
        service,
        signal: ctx.signal,
        ...(concurrency !== undefined && { concurrency }),
        ...(timeout !== undefined && { timeout }),
        ...(retries !== undefined && { retries }),
        ...(seed !== undefined && { seed }),
        ...(workers !== undefined && { workers }),
      };
      for await (const found of scan(targets, options)) report.add(found);
      report.end();
    } catch (error) {
      // An interrupted scan still shows its results so far.
      if (ctx.signal.aborted) report.end();
      throw error;
    }
    if (udp) await adviseFfi(report, ctx);
    if (!report.asExpected()) return DIFFERENT;
    return report.unknownHosts > 0 ? 1 : 0;
  });
}

/** Says which permission distinguishes closed UDP ports from those of silent services. */
async function adviseFfi(report: ScanReport, { log }: CliContext): Promise<void> {
  if (report.silent === 0 || Deno.build.os !== "linux") return;
  const { state } = await Deno.permissions.query({ name: "ffi" });
  if (state === "granted") return;
  log.info("open|filtered includes closed ports; --allow-ffi shows which ports are closed");
}

if (import.meta.main) Deno.exit(await main(Deno.args));
