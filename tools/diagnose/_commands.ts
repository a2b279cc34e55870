import { Alarm } from "../../net/internal/timer.ts";
import { escapeControls } from "../../net/text.ts";
import { isAddress, isIPv6 } from "../internal/program_output.ts";
import {
  type Interface,
  parseIfconfig,
  parseIpAddr,
  parseIpconfig,
} from "../parsers/interfaces.ts";
import { parsePing, type PingReport } from "../parsers/ping.ts";
import { parseTraceroute, parseTracert, type TraceReport } from "../parsers/traceroute.ts";

/** A program of the system, its arguments, and the parser of its output. */
export interface Command<T> {
  readonly program: string;
  readonly args: readonly string[];
  /** The package that contains it, for messages. */
  readonly packageName: string;
  readonly parse: (output: Uint8Array) => T;
  /** Whether a report is useful. If not, the next program runs. @default true */
  readonly isUseful?: (report: T) => boolean;
}

/** The result of the first of several programs that is installed. */
export type CommandResult<T> =
  | {
    readonly ran: Command<T>;
    readonly report: T;
    readonly complaint: string;
    readonly late: boolean;
  }
  | { readonly missing: readonly Command<T>[] }
  | { readonly forbidden: Command<T> };

const PACKAGES: Readonly<Record<string, string>> = {
  ping: "iputils-ping",
  traceroute: "traceroute",
  tracepath: "iputils-tracepath",
  ip: "iproute2",
  ifconfig: "net-tools",
};

/**
 * Returns a host that is safe in a command line: an address, or a name of letters, digits, `.`, `-`
 * and `_` that does not begin with `.` or `-`. Throws a TypeError for any other text.
 */
export function checkHost(host: string): string {
  const name = host.length <= 253 && /^[\p{L}\p{N}_][\p{L}\p{N}\p{M}_.-]*$/u.test(host);
  if (name || isAddress(host)) return host;
  const shown = escapeControls(host.slice(0, 100));
  throw new TypeError(`Cannot use the host "${shown}": it is neither a name nor an address`);
}

/** Returns a program with its arguments. */
export function command<T>(
  program: string,
  args: readonly string[],
  parse: (output: Uint8Array) => T,
): Command<T> {
  return { program, args, packageName: PACKAGES[program] ?? "part of the system", parse };
}

/** Returns the programs that send echo requests. */
export function pingCommands(os: string, host: string, count: number): Command<PingReport>[] {
  checkHost(host);
  if (os === "windows") return [command("ping", ["-n", `${count}`, host], parsePing)];
  // On macOS and the BSDs, `ping` supports only IPv4.
  const program = os !== "linux" && isIPv6(host) ? "ping6" : "ping";
  // Without -n, ping waits for the names of routers. BusyBox does not know it.
  const isUseful = ({ transmitted }: PingReport) => transmitted > 0;
  return [
    { ...command(program, ["-n", "-c", `${count}`, "--", host], parsePing), isUseful },
    command(program, ["-c", `${count}`, "--", host], parsePing),
  ];
}

/**
 * Returns the programs that trace a route, the best first.
 *
 * They resolve no names: while they wait for a name server, they miss answers of routers.
 *
 * @param options `hops`: the maximum number of hops; `once`: whether one packet for each hop is enough.
 */
export function traceCommands(
  os: string,
  host: string,
  { hops, once = false }: { hops?: number; once?: boolean } = {},
): Command<TraceReport>[] {
  checkHost(host);
  const limit = hops === undefined ? [] : [os === "windows" ? "-h" : "-m", `${hops}`];
  const each = once ? ["-q", "1"] : [];
  if (os === "windows") {
    return [command("tracert", ["-d", "-w", "1000", ...limit, host], parseTracert)];
  }
  if (os === "linux") {
    // Hosts limit the rate of answers to UDP, not of answers to echo requests (ICMP). These need a
    // permission of the system.
    const isUseful = ({ hops }: TraceReport) => hops.length > 0;
    const traceroute = command(
      "traceroute",
      ["-n", "-I", "-w", "1", ...each, ...limit, "--", host],
      parseTraceroute,
    );
    return [
      { ...traceroute, isUseful },
      command(
        "traceroute",
        ["-n", "-w", "1", "-N", "6", ...each, ...limit, "--", host],
        parseTraceroute,
      ),
      command("tracepath", ["-n", ...limit, "--", host], parseTraceroute),
    ];
  }
  const program = isIPv6(host) ? "traceroute6" : "traceroute";
  return [command(program, ["-n", "-w", "1", "-q", "1", ...limit, "--", host], parseTraceroute)];
}

/** Returns the programs that list the interfaces, the best first. */
export function interfaceCommands(os: string): Command<Interface[]>[] {
  if (os === "windows") return [command("ipconfig", ["/all"], parseIpconfig)];
  const ifconfig = command("ifconfig", ["-a"], parseIfconfig);
  return os === "linux" ? [command("ip", ["addr"], parseIpAddr), ifconfig] : [ifconfig];
}

/** Time for a program to print its results after an interrupt, in milliseconds. */
const GRACE = 300;

/** Most bytes of an output to keep. */
const MAX_BYTES = 256 * 1024;

/**
 * Runs the first program that is installed. After a timeout, the output so far is used.
 *
 * @throws The reason of `signal`, when it is aborted.
 */
export async function runFirst<T>(
  commands: readonly Command<T>[],
  options: { timeout: number; signal?: AbortSignal | undefined },
): Promise<CommandResult<T>> {
  for (const one of commands) {
    try {
      const found = await run(one, options);
      const isLast = one === commands.at(-1);
      if (!isLast && !found.late && one.isUseful?.(found.report) === false) continue;
      return { ran: one, ...found };
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) return { forbidden: one };
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return { missing: commands };
}

async function run<T>(
  { program, args, parse }: Command<T>,
  { timeout, signal }: { timeout: number; signal?: AbortSignal | undefined },
): Promise<{ report: T; complaint: string; late: boolean }> {
  signal?.throwIfAborted();
  // The C locale selects English, the language of the other messages.
  const child = new Deno.Command(program, {
    args: [...args],
    env: { LC_ALL: "C" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let late = false;
  const end = (name: Deno.Signal) => {
    try {
      child.kill(name);
    } catch { /* The program has ended in the meantime. */ }
  };
  // At an interrupt, ping prints its statistics.
  const kill = new Alarm(() => end("SIGKILL"));
  const alarm = new Alarm(() => {
    late = true;
    end("SIGINT");
    kill.start(GRACE);
  });
  alarm.start(timeout);
  const onAbort = () => end("SIGKILL");
  signal?.addEventListener("abort", onAbort);
  try {
    const [stdout, stderr] = await Promise.all([collect(child.stdout), collect(child.stderr)]);
    await child.status;
    signal?.throwIfAborted();
    const [line = ""] = new TextDecoder().decode(stderr).trim().split("\n");
    return { report: parse(stdout), complaint: escapeControls(line.slice(0, 200)), late };
  } finally {
    alarm.stop();
    kill.stop();
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Returns the beginning of a stream. Reads and discards the rest, so that the program can end. */
async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    if (length >= MAX_BYTES) continue;
    chunks.push(chunk);
    length += chunk.length;
  }
  return new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer()).subarray(
    0,
    MAX_BYTES,
  );
}
