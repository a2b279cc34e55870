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

import { parseHostPort } from "../net/address.ts";
import { DNS_TYPES, type DnsType } from "../net/dns/record.ts";
import { ignoreFailure } from "../net/internal/ignore_failure.ts";
import { checkPair } from "../net/internal/tls_rules.ts";
import { PIN_FORM, readPin } from "../net/internal/x509/pin.ts";
import { readProxy } from "../http/internal/proxy_server.ts";
import { badValue, CliError, type CliIo, defineCli, readPem } from "./cli.ts";
import { look, printText, showProgress } from "./diagnose/_output.ts";
import { renderDiagnosis } from "./diagnose/_text.ts";
import { DIAGNOSE, STEPS } from "./diagnose/_option_rules.ts";
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
import { tcpStep } from "./diagnose/_step_tcp.ts";
import { tlsStep } from "./diagnose/_step_tls.ts";
import { toPlainJson } from "./internal/plain_json.ts";
import { isAddress } from "./internal/program_output.ts";
import { parseTarget } from "./diagnose/_target.ts";
import { explainSlowness, judgeSteps } from "./diagnose/_verdict.ts";
import { showTime } from "./internal/text.ts";
import type { DiagnoseOptions } from "./diagnose/options.ts";
import type { Walk } from "./diagnose/_timed_step.ts";

export type * from "./diagnose/diagnosis.ts";
export type * from "./diagnose/options.ts";

/** The types that the command dns asks for. */
const TYPES: readonly DnsType[] = [
  ...["A", "AAAA", "CNAME", "MX", "NS", "TXT"] as const,
  ...["SRV", "CAA", "PTR", "SOA", "HTTPS"] as const,
];

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
  const server = options.server === undefined ? undefined : readServer(options.server);
  signal?.throwIfAborted();
  const stop = new AbortController();
  checkPair(options);
  const proxy = options.proxy === undefined
    ? undefined
    : readProxy("proxy", { url: options.proxy });
  const both = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  if (["tcp", "tls", "http"].some((name) => wanted.has(name as DiagnoseStepName))) await warmUp();
  const walk: Walk = {
    target,
    timeout,
    traceTimeout,
    count,
    server,
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
  steps.sort((a, b) => STEPS.indexOf(a.step) - STEPS.indexOf(b.step));
  return { target, ...judgeSteps(target, steps, proxy?.hostname), steps };
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

function readServer(text: string): { hostname: string; port: number } {
  if (isAddress(text)) return { hostname: text, port: 53 };
  const server = /:\d+$/.test(text) ? parseHostPort(text) : undefined;
  if (server !== undefined && isAddress(server.hostname) && server.port > 0) return server;
  const given = JSON.stringify(text);
  throw new TypeError(`Cannot use the name server ${given}: it must be an IP address`);
}

const COMMANDS: Readonly<Record<string, readonly DiagnoseStepName[]>> = {
  interfaces: ["interfaces"],
  ping: ["ping"],
  trace: ["trace"],
  dns: ["dns"],
  tcp: ["dns", "tcp"],
  tls: ["dns", "tcp", "tls"],
  http: ["dns", "tcp", "tls", "http"],
  all: STEPS,
};

/** The exit code of an answer that is slower than `--slo`. */
const TOO_SLOW = 4;

const cli = defineCli({
  name: "diagnose",
  summary: "Checks the path to a host, says where it fails and what to do.",
  description: "WHAT is HOST, HOST:PORT or a URL, after an optional command: all (the default), " +
    "interfaces, ping, trace, dns, tcp, tls, http. The schemes are http, https, tcp, tls; smtp, imap, " +
    "pop3, ftp and postgres, which begin with STARTTLS; smtps, imaps, pop3s, ftps and ldaps.",
  flags: {
    server: { type: "string", placeholder: "address", help: "Another name server to query" },
    type: {
      type: "list",
      placeholder: "type",
      help: "Record type for dns, e.g. MX [default: all]",
    },
    timeout: {
      type: "duration",
      default: "5s",
      min: "1ms",
      alias: "t",
      help: "Time limit of each wait",
    },
    traceTimeout: {
      type: "duration",
      default: "20s",
      min: "1ms",
      help: "Time limit of the route trace",
    },
    count: { type: "integer", default: 4, min: 1, max: 1000, alias: "c", help: "Echo requests" },
    slo: { type: "duration", min: "1ms", help: "Longest acceptable time of the answer" },
    ca: { type: "list", placeholder: "file", help: "Authority to trust, PEM" },
    cert: { type: "string", placeholder: "file", help: "Certificate of this client, PEM" },
    key: { type: "string", placeholder: "file", help: "Private key of --cert, PEM" },
    pin: {
      type: "list",
      placeholder: "pin",
      help: "Key or certificate that identifies the server",
    },
    header: {
      type: "list",
      alias: "H",
      placeholder: "header",
      help: 'Header of the HTTP requests, "name: value"',
    },
    proxy: { type: "string", placeholder: "url", help: "Proxy to the host: http, https or socks5" },
    ipv4: { type: "boolean", alias: "4", help: "Use IPv4 addresses only" },
    ipv6: { type: "boolean", alias: "6", help: "Use IPv6 addresses only" },
  },
  positionals: { what: { type: "list", help: "A command, and a host or URL" } },
  permissions: {
    "--allow-net": "reach any host",
    "--allow-read=/etc/resolv.conf": "query the name servers of the system",
    "--allow-run=ping,ping6,traceroute,traceroute6,tracepath,tracert,ip,ifconfig,ipconfig,route":
      "run the programs of the system; a missing one is skipped",
    "--allow-read=<file>": "only with --ca, --cert and --key",
  },
  exitCodes: { 4: "the answer is slower than --slo" },
  examples: [
    "deno task diagnose https://example.com/",
    "deno task diagnose dns example.com --server 192.0.2.53 --type MX",
    "deno task diagnose tls 127.0.0.1:8443 --json",
    "deno task diagnose http 127.0.0.1:8080 --slo 300ms",
  ],
});

/** Returns the command and the target of the command line. */
function readWhat(what: readonly string[]): { command: string; where: string } {
  const [first = "", ...rest] = what;
  const named = Object.hasOwn(COMMANDS, first) && (rest.length > 0 || first === "interfaces");
  const command = named ? first : "all";
  const [where, ...others] = named ? rest : what;
  if (where === undefined && command !== "interfaces") {
    throw new CliError("Missing argument: a host or a URL", 2);
  }
  if (Object.hasOwn(COMMANDS, where ?? "") && !named) {
    throw new CliError(`Missing argument: a host or a URL for ${where}`, 2);
  }
  if (others.length > 0) {
    throw new CliError(`Unexpected argument: ${JSON.stringify(others[0])}`, 2);
  }
  return { command, where: where ?? "localhost" };
}

/**
 * Runs the program.
 *
 * @param args The arguments of the command line; `--help` lists the flags.
 * @param io The process, or its replacement in a test. Default: the real process.
 * @returns The exit code of the program.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ what, slo, type, server, json, ...flags }, ctx) => {
    const { command, where } = readWhat(what);
    const { timeout, traceTimeout, count } = flags;
    const settings = await readSettings(flags);
    const types = type.length > 0 ? type.map(readType) : command === "dns" ? TYPES : undefined;
    const progress = showProgress(ctx, COMMANDS[command] ?? STEPS);
    let found: Diagnosis;
    try {
      found = await diagnose(where, {
        ...settings,
        timeout,
        traceTimeout,
        count,
        steps: COMMANDS[command] ?? STEPS,
        ...(server !== undefined && { server }),
        ...(types !== undefined && { types }),
        onStep: progress.done,
        signal: ctx.signal,
      });
    } catch (error) {
      if (error instanceof TypeError || error instanceof RangeError) {
        const named = error.message.replace(
          /^Cannot use the name server/,
          "Bad value for --server:",
        );
        throw new CliError(named, 2);
      }
      throw error;
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
    if (json) ctx.printJson(toPlainJson(found));
    else printText(ctx, renderDiagnosis(found, { ...look(ctx), full: command !== "all" }));
    return slow ? TOO_SLOW : found.ok ? 0 : 1;
  });
}

/** The flags for the connection and for HTTP. */
interface ConnectionFlags {
  readonly ca: readonly string[];
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly pin: readonly string[];
  readonly header: readonly string[];
  readonly proxy?: string | undefined;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

/** Reads the files and the values of these flags. */
async function readSettings(
  { ca, cert, key, pin, header, proxy, ipv4, ipv6 }: ConnectionFlags,
): Promise<DiagnoseOptions> {
  if (ipv4 && ipv6) throw new CliError("Bad flags: --ipv4 and --ipv6 exclude each other", 2);
  if ((cert === undefined) !== (key === undefined)) {
    throw new CliError("Bad flags: --cert and --key must be given together", 2);
  }
  const wrong = pin.find((one) => readPin(one) === undefined);
  if (wrong !== undefined) throw badValue("--pin", wrong, PIN_FORM);
  const headers = new Headers();
  for (const line of header) addHeader(headers, line);
  if (proxy !== undefined) checkProxy(proxy);
  return {
    caCerts: await Promise.all(ca.map((file) => readPem(file, "CERTIFICATE"))),
    headers,
    ...(cert !== undefined && { cert: await readPem(cert, "CERTIFICATE") }),
    ...(key !== undefined && { key: await readPem(key, "PRIVATE KEY") }),
    ...(pin.length > 0 && { pin }),
    ...(proxy !== undefined && { proxy }),
    ...(ipv4 && { family: 4 as const }),
    ...(ipv6 && { family: 6 as const }),
  };
}

function addHeader(headers: Headers, line: string): void {
  const [, name = "", value = ""] = /^([^:]+):(.*)$/s.exec(line) ?? [];
  try {
    headers.append(name, value);
  } catch {
    throw badValue("--header", line, 'a field such as "Accept: text/html"');
  }
}

function checkProxy(proxy: string): void {
  try {
    readProxy("--proxy", { url: proxy });
  } catch (error) {
    throw error instanceof TypeError ? new CliError(`Bad value for ${error.message}`, 2) : error;
  }
}

/** Reads a record type, in upper or lower case. */
function readType(text: string): DnsType {
  const type = text.toUpperCase();
  if ((DNS_TYPES as readonly string[]).includes(type) || /^TYPE\d{1,5}$/.test(type)) {
    return type as DnsType;
  }
  throw badValue("--type", text, `one of ${DNS_TYPES.join(", ")}, or a number such as TYPE99`);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
