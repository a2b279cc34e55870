/**
 * Parsers for the output of `traceroute`, `tracepath` and `tracert` (Windows). They read numbers and
 * structure, in any language and code page.
 *
 * @example Several routers at one hop, and a silent one
 * ```ts
 * import { parseTraceroute } from "@portside/kit/tools/parsers";
 * import { assertEquals } from "@std/assert";
 *
 * const { hops, reached } = parseTraceroute(`
 * traceroute to host.test (192.0.2.7), 30 hops max, 60 byte packets
 *  1  a.test (198.51.100.1)  0.5 ms b.test (198.51.100.2)  0.7 ms *
 *  2  * * *
 *  3  host.test (192.0.2.7)  9.1 ms  9.2 ms  9.0 ms
 * `);
 * assertEquals(hops.map((hop) => hop.probes.map((probe) => probe.time)), [
 *   [0.5, 0.7, undefined],
 *   [undefined, undefined, undefined],
 *   [9.1, 9.2, 9],
 * ]);
 * assertEquals([hops[0]?.probes[1]?.address, reached], ["198.51.100.2", true]);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { escapeControls } from "../../net/text.ts";
import { decodeOutput, findAddresses, isAddress, readNumber } from "../internal/program_output.ts";

/** One packet to find a hop. */
export interface TraceProbe {
  /** Round-trip time in milliseconds; undefined without an answer. */
  readonly time: number | undefined;
  /** Whether the round trip took less than `time`, as in `<1 ms`. */
  readonly below: boolean;
  /** Address of the router; undefined if the program does not print it. */
  readonly address: string | undefined;
  /** Name of the router; undefined if the program prints only the address. */
  readonly name: string | undefined;
  /** The numbers of its autonomous systems, e.g. `AS64500`. */
  readonly asn: string | undefined;
  /** The reason of an unreachable host: `!H`, `!N`, `!X`, `!<500>`, or the text of `tracert`. */
  readonly note: string | undefined;
}

/** One router of the route. */
export interface TraceHop {
  /** Its distance, from 1. */
  readonly hop: number;
  /** The probes of this hop. */
  readonly probes: readonly TraceProbe[];
}

/** A route. */
export interface TraceReport {
  /** Address of the target; undefined if the program does not print it. */
  readonly address: string | undefined;
  /** The hops, in order. */
  readonly hops: readonly TraceHop[];
  /** Whether the host itself answered. */
  readonly reached: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Hop = { hop: number; probes: Array<Mutable<TraceProbe>> };
type Host = Pick<TraceProbe, "address" | "name" | "asn">;

const NOBODY: Host = { address: undefined, name: undefined, asn: undefined };

const HOST = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u;

/** Most hops of an IP packet. */
const MAX_HOPS = 255;
const MAX_PROBES = 32;

/**
 * Parses the output of `traceroute` (Linux, BSD, macOS, BusyBox, inetutils) or `tracepath`.
 *
 * @param output The output. Only the first 256 KiB are read.
 * @returns The route. It has no hops if the output contains none.
 *
 * @example An unreachable host, with numbers of autonomous systems
 * ```ts
 * import { parseTraceroute } from "@portside/kit/tools/parsers";
 * import { assertEquals } from "@std/assert";
 *
 * const { hops, reached } = parseTraceroute(" 1  r (192.0.2.1) [AS64500]  3 ms !H  3 ms !<500>");
 * assertEquals(hops[0]?.probes.map(({ asn, note }) => [asn, note]), [
 *   ["AS64500", "!H"],
 *   ["AS64500", "!<500>"],
 * ]);
 * assertEquals(reached, false);
 * ```
 */
export function parseTraceroute(output: Uint8Array | string): TraceReport {
  const hops: Hop[] = [];
  let address: string | undefined;
  let host: Host = NOBODY;
  let resumed = false;
  for (const line of decodeOutput(output).split("\n")) {
    const start = /^\s*(\d{1,3})(\??:)?(?=\s)/.exec(line);
    const hop = Number(start?.[1] ?? 0);
    const last = hops.at(-1);
    if (start !== null && hop >= 1 && hop <= MAX_HOPS && hop >= (last?.hop ?? 0)) {
      // `1?: [LOCALHOST]  pmtu 1500` is a line of tracepath about this machine.
      if (start[2] === "?:" && !/\dms\b/.test(line)) continue;
      const current: Hop = last?.hop === hop ? last : { hop, probes: [] };
      if (current !== last) hops.push(current);
      host = readProbes(line.slice(start[0].length), current, NOBODY, start[2] !== undefined);
    } else if (last === undefined) address ??= findAddresses(line)[0]?.address;
    // `Resume: pmtu 1500 hops 4 back 4` has a second number only if the host was reached.
    else if (/^\s+\S+:\s+\S+ \d+ \S+ \d+/.test(line)) resumed = true;
    else if (/^\s+\S/.test(line) && !/^\s+\S+:\s/.test(line)) {
      host = readProbes(line, last, host, false);
    }
  }
  return { address, hops, reached: resumed || isReached(hops, address) };
}

/** Reads the text after the number of a hop; returns the last named host. */
function readProbes(text: string, { probes }: Hop, last: Host, tracepath: boolean): Host {
  let host = last;
  const known = probes.length;
  let named = false;
  const add = (time: number | undefined, who: Host) => {
    if (probes.length < MAX_PROBES) probes.push({ time, below: false, ...who, note: undefined });
  };
  const tokens = text.trim().split(/\s+/).slice(0, 200);
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    const inBrackets = /^[([](.+)[)\]]$/.exec(token)?.[1];
    const attached = /^<?(\d+(?:[.,]\d+)?)(?:ms)$/.exec(token);
    const asn = /^\[?(AS\d+(?:[/,]AS\d+)*|AS\?)\]?$/i.exec(token)?.[1];
    if (token === "*") add(undefined, NOBODY);
    else if (attached !== null) add(readNumber(attached[1]!), host);
    else if (/^\d+(?:[.,]\d+)?$/.test(token) && /^[^\d\s*!([]{1,4}$/.test(tokens[i + 1] ?? "")) {
      add(readNumber(token), host);
      i++;
    } else if (token.startsWith("!")) {
      const probe = probes.at(-1);
      if (probe !== undefined) probe.note = escapeControls(token);
    } else if (asn !== undefined) {
      // BSD prints it before the name, Linux after it.
      host = named ? { ...host, asn } : { ...NOBODY, asn };
    } else if (inBrackets !== undefined) {
      if (isAddress(inBrackets)) host = { ...host, address: inBrackets };
    } else if (tracepath && named) {
      // Old versions write `host asymm  1   0.390ms`, new ones put `asymm  1` after the time.
      if (probes.length > known) break;
    } else if (isAddress(token) || (HOST.test(token) && !/^\d+$/.test(token))) {
      host = { ...(named ? NOBODY : host), ...identify(token) };
      named = true;
    }
  }
  if (tracepath && probes.length === 0) add(undefined, NOBODY);
  // `9  *  26 ms  *  host`: the host follows the times.
  if (named) {
    for (const probe of probes) {
      if (probe.time !== undefined && !probe.address && !probe.name) Object.assign(probe, host);
    }
  }
  return host;
}

function identify(text: string): Pick<TraceProbe, "address" | "name"> {
  return isAddress(text)
    ? { address: text, name: undefined }
    : { address: undefined, name: escapeControls(text.slice(0, 255)) };
}

/**
 * Parses the output of `tracert` (Windows), in which the times precede the host.
 *
 * @param output The output. Only the first 256 KiB are read.
 * @returns The route. It has no hops if the output contains none.
 *
 * @example In German
 * ```ts
 * import { parseTracert } from "@portside/kit/tools/parsers";
 * import { assertEquals } from "@std/assert";
 *
 * const { hops, reached } = parseTracert(`
 * Routenverfolgung zu host.test [192.0.2.7]
 * über maximal 30 Hops:
 *
 *   1    <1 ms    <1 ms     1 ms  fritz.box [198.51.100.1]
 *   2     *        *        *     Zeitüberschreitung der Anforderung.
 *   3     *       26 ms     *     host.test [192.0.2.7]
 * `);
 * assertEquals(hops[0]?.probes[0], {
 *   time: 1,
 *   below: true,
 *   address: "198.51.100.1",
 *   name: "fritz.box",
 *   asn: undefined,
 *   note: undefined,
 * });
 * assertEquals([hops[1]?.probes[0]?.time, reached], [undefined, true]);
 * ```
 */
export function parseTracert(output: Uint8Array | string): TraceReport {
  const hops: Hop[] = [];
  let address: string | undefined;
  for (const line of decodeOutput(output).split("\n")) {
    const start = /^\s*(\d{1,3})\s+/.exec(line);
    const hop = Number(start?.[1] ?? 0);
    const rest = line.slice(start?.[0].length ?? 0);
    const last = hops.at(-1)?.hop ?? 0;
    const row = /^((?:(?:\*|<?\d+\s*[^\s\d*<]{1,6})\s+){3})(.*)$/.exec(rest);
    if (row !== null && hop > last && hop <= MAX_HOPS) {
      hops.push({ hop, probes: readRow(row[1]!, row[2]!) });
    } else if (start === null || hop !== last + 1) {
      if (last === 0) address ??= findAddresses(line)[0]?.address;
    } else {
      // `4  192.0.2.1  reports: Destination host unreachable.`
      const [who] = findAddresses(rest);
      if (who === undefined) continue;
      const note = escapeControls(rest.slice(who.end).replace(/^[\s\])]+/, "").trim());
      hops.push({
        hop,
        probes: [{ ...NOBODY, address: who.address, time: undefined, below: false, note }],
      });
    }
  }
  return { address, hops, reached: isReached(hops, address) };
}

function readRow(times: string, rest: string): TraceProbe[] {
  const probes = [...times.matchAll(/\*|(<?)(\d+)/g)].map((match) => ({
    time: match[2] === undefined ? undefined : Number(match[2]),
    below: match[1] === "<",
  }));
  const found = findAddresses(rest)[0];
  const name = /^[^\s[]+/.exec(rest.trim())?.[0];
  const host: Host = {
    ...NOBODY,
    address: found?.address,
    name: name === undefined || isAddress(name) ? undefined : escapeControls(name.slice(0, 255)),
  };
  return probes.map((probe) => ({
    ...(probe.time === undefined ? NOBODY : host),
    ...probe,
    note: undefined,
  }));
}

/** Returns whether the target itself answered. */
function isReached(hops: readonly Hop[], address: string | undefined): boolean {
  return address !== undefined &&
    hops.some(({ probes }) =>
      probes.some((probe) => probe.address === address && probe.time !== undefined && !probe.note)
    );
}
