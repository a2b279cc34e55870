#!/usr/bin/env -S deno run --allow-net --allow-read=/etc/resolv.conf --allow-run=ping,ping6,traceroute,traceroute6,tracepath,tracert,ip,ifconfig,ipconfig,route
/**
 * Checks the complete path to a host: interfaces, name, route, connection, certificate and HTTP, each
 * with its time. The result says in one sentence where the path fails and what to do.
 *
 * ```sh
 * deno task diagnose https://example.com/
 * deno task diagnose tls 127.0.0.1:8443 --json
 * ```
 *
 * @example A refused connection
 * ```ts
 * import { diagnose } from "@portside/kit/tools/diagnose";
 * import { assertEquals } from "@std/assert";
 *
 * const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const { port } = free.addr;
 * free.close();
 * const found = await diagnose(`http://127.0.0.1:${port}/`, { steps: ["dns", "tcp", "http"] });
 * assertEquals(found.ok, false);
 * assertEquals(found.verdict, `127.0.0.1:${port} refuses connections: nothing listens there`);
 * ```
 *
 * **Permissions**: `--allow-net` for the host, its addresses, its redirects and the name servers;
 * `--allow-read=/etc/resolv.conf` to query the name servers of the system if a name is not found;
 * `--allow-run` for the programs of the system. A step without its permission or program is skipped,
 * and the result names it. `--allow-net` is required.
 *
 * @module
 */

import { createClient } from "../http/client/client.ts";
import { ignoreFailure } from "../net/internal/ignore_failure.ts";
import { checkPair } from "../net/internal/tls_rules.ts";
import { readProxy } from "../http/internal/proxy_server.ts";
import { CliError, type CliIo } from "./cli.ts";
import { cli, COMMANDS, readNames, readSettings, readWhat } from "./diagnose/_cli.ts";
import { look, printText, showProgress } from "./diagnose/_output.ts";
import { checkReport, writeReport } from "./diagnose/_report.ts";
import { watch } from "./diagnose/_watch.ts";
import { showWatch } from "./diagnose/_watch_view.ts";
import { renderDiagnosis } from "./diagnose/_text.ts";
import { ALL_STEPS, DIAGNOSE, STEPS, WATCH } from "./diagnose/_option_rules.ts";
import type {
  DiagnoseStep,
  DiagnoseStepName,
  Diagnosis,
  HttpStep,
  TcpStep,
  TlsStep,
  TraceStep,
} from "./diagnose/diagnosis.ts";
import { dnsStep } from "./diagnose/_step_dns.ts";
import { httpStep } from "./diagnose/_step_http.ts";
import { warmUp } from "./internal/connection_phases.ts";
import { interfacesStep, pingStep, throwIfMissing, traceStep } from "./diagnose/_step_system.ts";
import { mtuStep } from "./diagnose/_step_mtu.ts";
import { tcpStep } from "./diagnose/_step_tcp.ts";
import { tlsStep } from "./diagnose/_step_tls.ts";
import { rootsAt } from "./internal/dns_flags.ts";
import { readServer } from "./internal/name_server.ts";
import { toPlainJson } from "./internal/plain_json.ts";
import { parseTarget } from "./diagnose/_target.ts";
import { explainSlowness, isStuck, judgeSteps } from "./diagnose/_verdict.ts";
import { showTime } from "./internal/text.ts";
import type { DiagnoseOptions } from "./diagnose/options.ts";
import type { WatchedPath, WatchOptions } from "./diagnose/watch_options.ts";
import type { Walk } from "./diagnose/_timed_step.ts";

export type * from "./diagnose/diagnosis.ts";
export type * from "./diagnose/options.ts";
export type * from "./diagnose/watch_options.ts";

/**
 * Checks the path to a host.
 *
 * @param url A URL (http, https, tcp, tls), a host, or a host and port. For a port without a scheme,
 * the function detects the protocol.
 * @param options The steps and the limits. Default: all steps.
 * @returns The findings. A broken path is a finding, not an error.
 * @throws {TypeError | RangeError} If the host or an option is invalid. No step has started then.
 * @throws {NetError} Of kind "permission", if `--allow-net` is missing.
 *
 * @example The times of a response
 * ```ts
 * import { diagnose } from "@portside/kit/tools/diagnose";
 * import { serveTcp } from "@portside/kit/net/tcp";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveTcp({}, async (conn) => {
 *   for (let line = await conn.readLine(); line; line = await conn.readLine());
 *   await conn.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
 * });
 * const url = `http://127.0.0.1:${server.addr.port}/`;
 * const { ok, steps } = await diagnose(url, { steps: ["dns", "tcp", "http"] });
 * const [exchange] = steps.flatMap((step) => step.step === "http" ? step.exchanges : []);
 * assertEquals([ok, exchange?.status, exchange?.bytes], [true, 200, 2]);
 * assertEquals(Object.keys(exchange!.phases), ["dns", "tcp", "tls", "firstByte", "body", "total"]);
 * ```
 */
export async function diagnose(url: string, options: DiagnoseOptions = {}): Promise<Diagnosis> {
  options = DIAGNOSE.check("diagnose", options);
  const { signal, onStep, caCerts = [], types } = options;
  const { timeout = 5000, traceTimeout = 20_000, count = 4 } = options;
  const wanted = new Set(options.steps ?? STEPS);
  const parsed = parseTarget(url);
  // A caller who requests only TLS expects it.
  const alone = parsed.tls === "try" && wanted.has("tls") && !wanted.has("http");
  const target = alone ? { ...parsed, tls: true } : parsed;
  const { compare, trace, roots, rootPort, ...settings } = options.lookUp ?? {};
  if ((trace || compare !== undefined) && (wanted.size !== 1 || !wanted.has("dns"))) {
    throw new TypeError('lookUp.trace and lookUp.compare require that "dns" is the only step');
  }
  signal?.throwIfAborted();
  const stop = new AbortController();
  checkPair(options);
  const proxy = options.proxy === undefined
    ? undefined
    : readProxy("proxy", { url: options.proxy });
  const both = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  if (["tcp", "tls", "http"].some((name) => wanted.has(name as DiagnoseStepName))) await warmUp();
  await using client = createClient({ caCerts: [...caCerts], http2: true });
  const serverAt = (text: string) => readServer(text)!({ client, caCerts });
  const walk: Walk = {
    target,
    timeout,
    traceTimeout,
    count,
    servers: [options.server ?? []].flat().map(serverAt),
    compare: compare === undefined ? undefined : serverAt(compare),
    settings: { timeout, ...settings },
    traced: trace
      ? { ...(roots && { roots: rootsAt(roots) }), ...(rootPort && { port: rootPort }) }
      : undefined,
    types,
    caCerts,
    cert: options.cert,
    key: options.key,
    pin: [options.pin ?? []].flat(),
    headers: new Headers(options.headers),
    proxy,
    family: options.family,
    hop: proxy === undefined ? target : { host: proxy.hostname, port: proxy.port },
    signal: both,
    os: Deno.build.os,
    since: performance.now(),
  };
  const steps: DiagnoseStep[] = [];
  const add = <S extends DiagnoseStep>(step: S): S => {
    steps.push(step);
    onStep?.(step);
    return step;
  };
  if (wanted.has("interfaces")) add(await interfacesStep(walk));
  const dns = ["dns", "tcp", "tls", "http"].some((name) => wanted.has(name as DiagnoseStepName))
    ? await dnsStep(walk, wanted.size === 1)
    : undefined;
  if (dns !== undefined && (wanted.has("dns") || dns.status !== "ok")) add(dns);
  const addresses = dns?.addresses ?? [];
  const connects = addresses.length > 0 &&
    ["tcp", "tls", "http"].some((name) => wanted.has(name as DiagnoseStepName));
  const host = addresses[0] ?? walk.hop.host;
  if (dns === undefined || addresses.length > 0) {
    const connecting = connects ? tcpStep(walk, addresses) : undefined;
    const branches = [
      wanted.has("ping") ? pingStep(walk, host).then(add) : undefined,
      wanted.has("trace") ? traceAfter(connecting, walk, host).then(add) : undefined,
      connecting?.then((tcp) => walkOn(walk, tcp, wanted, add)),
    ];
    try {
      await Promise.all(branches);
    } catch (error) {
      stop.abort(error);
      await Promise.allSettled(branches);
      throw error;
    }
  }
  if (wanted.has("mtu")) add(await mtuStep(walk, host));
  else if (steps.some((step) => step.step !== "tcp" && step.step !== "dns" && isStuck(step))) {
    const mtu = await mtuStep(walk, host);
    if (mtu.blackHole) add(mtu);
  }
  steps.sort((a, b) => ALL_STEPS.indexOf(a.step) - ALL_STEPS.indexOf(b.step));
  const judged = judgeSteps(target, steps, proxy?.hostname);
  // The verdict knows more than the step did, such as the answers to ping.
  const known = steps.map((step) =>
    step.step === "tcp" && step.status === "failed"
      ? { ...step, text: judged.verdict, advice: judged.advice }
      : step
  );
  return { target, ...judged, steps: known };
}

/**
 * Traces the route after the connections. Routers limit the rate of their reports, and would otherwise
 * spend them on the trace.
 */
async function traceAfter(
  connecting: Promise<unknown> | undefined,
  walk: Walk,
  host: string,
): Promise<TraceStep> {
  await ignoreFailure(connecting);
  return await traceStep(walk, host, connecting === undefined);
}

/** Takes the steps after the connections. */
async function walkOn(
  walk: Walk,
  tcp: TcpStep,
  wanted: ReadonlySet<DiagnoseStepName>,
  add: <S extends DiagnoseStep>(step: S) => S,
): Promise<void> {
  if (wanted.has("tcp") || tcp.status !== "ok") add(tcp);
  const address = tcp.attempts.find(({ error }) => error === undefined)?.address;
  if (address === undefined) return;
  const { target } = walk;
  const asksHttp = target.http !== false && wanted.has("http");
  if (target.tls === "try" && asksHttp) return await findOut(walk, address, wanted, add);
  let secured = target.tls === true;
  if (target.tls !== false && (wanted.has("tls") || wanted.has("http"))) {
    const tls = await tlsStep(walk, address, !asksHttp);
    secured = tls.version !== undefined && tls.error === undefined;
    if (wanted.has("tls") || tls.status === "failed") add(tls);
  }
  if (asksHttp && (secured || target.tls === false)) add(await httpStep(walk, target.url, address));
}

/** Detects the protocol of a port: tries TLS and plain HTTP at the same time. */
async function findOut(
  walk: Walk,
  address: string,
  wanted: ReadonlySet<DiagnoseStepName>,
  add: <S extends DiagnoseStep>(step: S) => S,
): Promise<void> {
  const { url } = walk.target;
  const stop = new AbortController();
  const either = { ...walk, signal: AbortSignal.any([stop.signal, walk.signal!]) };
  const plain = httpStep(either, `http://${url}/`, address);
  const secure = tlsStep(either, address, false);
  // A TLS server answers plain HTTP with 400, or not at all.
  const isPlain = ({ exchanges: [first] }: HttpStep) => first !== undefined && first.status !== 400;
  try {
    const winner = await Promise.race([
      secure,
      plain.then<HttpStep | TlsStep>((step) => isPlain(step) ? step : secure),
    ]);
    if (winner.step === "tls" && (winner.version !== undefined || winner.status === "failed")) {
      if (wanted.has("tls") || winner.status === "failed") add(winner);
      if (winner.error === undefined) add(await httpStep(walk, `https://${url}/`, address));
      return;
    }
    const http = winner.step === "http" ? winner : await plain;
    if (wanted.has("tls") && winner.step === "tls" && http.exchanges.length === 0) add(winner);
    const silent = http.exchanges.length === 0 && http.error?.phase !== "read";
    add(
      http.error !== undefined && silent
        ? {
          ...http,
          status: "skipped",
          text: http.text.replace(/^\S+ (?=does not speak HTTP)/, ""),
        }
        : http,
    );
  } finally {
    stop.abort(new DOMException("the other protocol was detected", "AbortError"));
    await Promise.allSettled([plain, secure]);
  }
}

/**
 * Measures the path to a host again and again: loss, times and jitter of each hop, as `mtr` does.
 *
 * @param url A URL, a host, or a host and port. Only the host counts.
 * @param options The mode and the limits. Default: the route, once per second, without an end.
 * @returns The statistics after each round. They end after `rounds`, or when the signal is aborted.
 * @throws {TypeError | RangeError} If the host or an option is invalid.
 * @throws {NetError} Of kind "dns" or "permission".
 * @throws {CliError} If the programs of the system are missing.
 *
 * @example The time to this machine
 * ```ts
 * import { watchPath } from "@portside/kit/tools/diagnose";
 * import { assertEquals } from "@std/assert";
 *
 * for await (const { address, rounds } of watchPath("127.0.0.1", { mode: "ping", rounds: 1 })) {
 *   assertEquals([address, rounds], ["127.0.0.1", 1]);
 * }
 * ```
 */
export function watchPath(
  url: string,
  options: WatchOptions = {},
): AsyncGenerator<WatchedPath, void, void> {
  return watch(url, WATCH.check("watchPath", options));
}

/**
 * Runs the program.
 *
 * @param args The arguments of the command line; `--help` lists the flags.
 * @param io The process, or its replacement in a test. Default: the real process.
 * @returns The exit code of the program.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ what, slo, json, ...flags }, ctx) => {
    const { command, where } = readWhat(what);
    const { timeout, traceTimeout, count = 4, report, anonymous } = flags;
    const names = readNames(command, flags);
    const settings = await readSettings(flags);
    if (flags.watch) {
      if (command !== "ping" && command !== "trace") {
        throw new CliError("Bad flags: --watch is for ping and trace", 2);
      }
      const { interval, count: given } = flags;
      const rounds = given ?? (ctx.io.stdoutIsTerminal ? 0 : ROUNDS);
      const { family } = settings;
      const options: WatchOptions = {
        mode: command,
        interval,
        rounds,
        timeout,
        ...(family && { family }),
      };
      return await orUsage(() =>
        showWatch(ctx, watchPath(where, { ...options, signal: ctx.signal }), json)
      );
    }
    if (report !== undefined) checkReport(report);
    const progress = showProgress(ctx, COMMANDS[command] ?? STEPS);
    let found: Diagnosis;
    try {
      const options = {
        ...settings,
        timeout,
        traceTimeout,
        count,
        steps: COMMANDS[command] ?? STEPS,
        ...names,
        onStep: progress.done,
        signal: ctx.signal,
      };
      found = await orUsage(() => diagnose(where, options));
    } finally {
      progress.end();
    }
    // A missing HTTP server is a failure only if the user asked for HTTP.
    const silent = found.steps.some(({ step, status }) => step === "http" && status === "skipped");
    if (command === "http" && silent) found = { ...found, ok: false };
    if (found.steps.length === 1) throwIfMissing(found.steps[0]!);
    const slow = slo !== undefined && found.ok && (found.time ?? 0) > slo;
    if (slow) {
      found = {
        ...found,
        ok: false,
        verdict: `${found.verdict}, slower than ${showTime(slo)}`,
        advice: explainSlowness(found.steps),
      };
    }
    if (report !== undefined) await writeReport(report, found, anonymous);
    if (json) ctx.printJson(toPlainJson(found));
    else {
      const options = { ...look(ctx), full: command !== "all", all: flags.all };
      printText(ctx, renderDiagnosis(found, options));
    }
    return slow ? TOO_SLOW : found.ok ? 0 : 1;
  });
}

/** The exit code of an answer that is slower than `--slo`. */
const TOO_SLOW = 4;
/** The number of rounds of --watch if there is no terminal, as in `mtr --report`. */
const ROUNDS = 10;

/** Runs a function. An invalid argument is an error of the command line. */
async function orUsage<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new CliError(error.message, 2);
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
