import { utf8Stream } from "../../net/internal/stream_decoder.ts";
import { type CliContext, CliError } from "../cli.ts";
import { formatPorts, parsePorts, uniquePorts } from "./_ports.ts";
import { topPorts } from "./_services.ts";
import { COMMON_UDP, topUdpPorts } from "./_udp_payloads.ts";

/** Calls `read` and converts a RangeError to an error with exit code 2 that names `flag`. */
export function usage<T>(read: () => T, flag?: string): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const message = flag === undefined
      ? error.message
      : error.message.replace(/^Cannot (use the ports|scan)/, `Bad value for ${flag}:`);
    throw new CliError(message, 2);
  }
}

/** Returns the ports to scan, and the expected ports. The scan always includes the expected ports. */
export function readPorts(
  flags: {
    ports?: string;
    topPorts?: number;
    excludePorts?: string;
    expect?: string;
    udp?: boolean;
  },
): { wanted: number[]; expected: ReadonlySet<number> | undefined } {
  const { ports, topPorts: top, excludePorts, expect, udp = false } = flags;
  const read = (flag: string, text: string) => usage(() => parsePorts(text), flag);
  if (ports !== undefined && top !== undefined) {
    throw new CliError("Give --ports or --top-ports, not both", 2);
  }
  const common = () => udp ? topUdpPorts(top ?? COMMON_UDP) : topPorts(top ?? 100);
  const chosen = ports === undefined ? common() : read("--ports", ports);
  const not = new Set(excludePorts === undefined ? [] : read("--exclude-ports", excludePorts));
  const expected = expect === undefined
    ? undefined
    : new Set(expect === "none" ? [] : read("--expect", expect));
  const both = [...expected?.intersection(not) ?? []];
  if (both.length > 0) {
    throw new CliError(`--expect and --exclude-ports both name ${formatPorts(both)}`, 2);
  }
  const all = expected === undefined ? chosen : uniquePorts([...chosen, ...expected]);
  const wanted = not.size === 0 ? all : all.filter((port) => !not.has(port));
  if (wanted.length === 0) throw new CliError("No port is left to scan", 2);
  return { wanted, expected };
}

/** Throws if a flag is given that has no effect on a scan of UDP. */
export function refuseWithUdp(
  flags: { banner: boolean; tls: boolean; service: boolean; workers?: number },
): void {
  for (const name of ["banner", "tls", "service", "workers"] as const) {
    if (flags[name]) throw new CliError(`--${name} does not apply to --udp`, 2);
  }
}

/** Reads the targets from the arguments, the files and standard input. */
export async function readTargets(
  given: readonly string[],
  files: readonly string[],
  { log, signal }: CliContext,
): Promise<string[]> {
  const targets = new Set<string>();
  const addLines = (text: string) => {
    for (const line of text.split("\n")) {
      const target = line.replace(/#.*/, "").trim();
      if (target !== "") targets.add(target);
    }
  };
  for (const one of new Set(given)) {
    if (one !== "-") {
      targets.add(one);
      continue;
    }
    log.debug("reading targets from standard input");
    addLines(await readAll(Deno.stdin.readable, signal));
  }
  for (const file of files) addLines(await Deno.readTextFile(file, { signal }));
  if (targets.size === 0) throw new CliError("Missing argument: target (see --help)", 2);
  return [...targets];
}

/** Reads a text to its end, or until the signal is aborted. */
async function readAll(stream: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<string> {
  let text = "";
  await stream.pipeThrough(utf8Stream(), { signal })
    .pipeTo(new WritableStream({ write: (chunk) => void (text += chunk) }), { signal });
  return text;
}
