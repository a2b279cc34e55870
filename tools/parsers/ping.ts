/**
 * A parser for the output of `ping`. It reads numbers and structure, not words. It supports iputils,
 * BusyBox, inetutils, macOS, the BSDs and Windows, in any language and code page.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { escapeControls } from "../../net/text.ts";
import { decodeOutput, findAddresses, readNumber } from "../internal/program_output.ts";

/** One answer to an echo request. */
export interface PingReply {
  /** Address of the sender; undefined if the program prints only its name. */
  readonly from: string | undefined;
  /** Sequence number of the request; undefined on Windows. */
  readonly sequence: number | undefined;
  /** Remaining time to live (hop limit); undefined for IPv6 on Windows. */
  readonly ttl: number | undefined;
  /** Round-trip time in milliseconds; an upper bound if `below`. */
  readonly time: number;
  /** Whether the round trip took less than `time`, as in `time<1ms`. */
  readonly below: boolean;
  /** Whether the request had been answered before. */
  readonly duplicate: boolean;
}

/** A report from a router that a request cannot be delivered. */
export interface PingTrouble {
  /** Address of the router. */
  readonly from: string;
  /** The line, in the language of the system, control characters escaped. */
  readonly text: string;
}

/** Round-trip times in milliseconds. */
export interface PingTimes {
  /** The shortest time. */
  readonly min: number;
  /** The mean of all times. */
  readonly average: number;
  /** The longest time. */
  readonly max: number;
}

/** The result of a run of `ping`. */
export interface PingReport {
  /** The address that the requests were sent to. */
  readonly address: string | undefined;
  /** The answers, in order. */
  readonly replies: readonly PingReply[];
  /** Reports from routers, e.g. that the host is unreachable. */
  readonly troubles: readonly PingTrouble[];
  /** Number of requests. */
  readonly transmitted: number;
  /** Number of requests that the host answered, without duplicates and reports from routers. */
  readonly received: number;
  /** Number of duplicate answers. */
  readonly duplicates: number;
  /** Lost part of the requests, from 0 to 1. */
  readonly loss: number;
  /** Times of the summary, or else of the replies; undefined without an answer. */
  readonly times: PingTimes | undefined;
}

/** The end of `name = number`, from the sign. */
const PAIR_END = /([=<])\s*(\d{1,9}(?:[.,]\d+)?)/g;
const PERCENT = /\d{1,3}(?:[.,]\d+)?\s?%(?![\w])/;

/**
 * Parses the output of `ping`.
 *
 * @param output The output. Only the first 256 KiB are read.
 * @returns The report. Its counters are 0 if the output contains no result.
 *
 * @example macOS, with a duplicate
 * ```ts
 * import { parsePing } from "@portside/kit/tools/parsers";
 * import { assertEquals } from "@std/assert";
 *
 * const { received, duplicates, times } = parsePing(`
 * PING host.test (192.0.2.7): 56 data bytes
 * 64 bytes from 192.0.2.7: icmp_seq=0 ttl=57 time=4.000 ms
 * 64 bytes from 192.0.2.7: icmp_seq=0 ttl=57 time=4.500 ms (DUP!)
 *
 * --- host.test ping statistics ---
 * 1 packets transmitted, 1 packets received, +1 duplicates, 0.0% packet loss
 * round-trip min/avg/max/stddev = 4.000/4.250/4.500/0.250 ms
 * `);
 * assertEquals([received, duplicates], [1, 1]);
 * assertEquals(times, { min: 4, average: 4.25, max: 4.5 });
 * ```
 */
export function parsePing(output: Uint8Array | string): PingReport {
  // The Russian output has a line break before the percentage. The expression is linear.
  const text = decodeOutput(output).replace(
    /(?<!\s)\s+(?=\(\d{1,3}\s?%)/g,
    (blanks) => blanks.includes("\n") ? " " : blanks,
  );
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const header = lines.findIndex((line) => findAddresses(line).length > 0);
  const replies: PingReply[] = [];
  const troubles: PingTrouble[] = [];
  const answered = new Set<number>();
  let counts: Counts | undefined;
  let times: PingTimes | undefined;
  for (const [index, line] of lines.entries()) {
    if (counts === undefined) {
      counts = readCounts(line);
      if (counts !== undefined) continue;
      const reply = readReply(line);
      if (reply !== undefined) {
        const { sequence } = reply;
        // The BSDs do not mark the second answer to a request for a group or a broadcast address.
        const again = sequence !== undefined && answered.has(sequence);
        if (sequence !== undefined) answered.add(sequence);
        replies.push(again ? { ...reply, duplicate: true } : reply);
      } else if (index !== header) {
        const trouble = readTrouble(line);
        if (trouble !== undefined) troubles.push(trouble);
      }
    } else times ??= readTimes(line);
  }
  const marked = replies.filter((reply) => reply.duplicate).length;
  const duplicates = Math.max(marked, counts?.duplicates ?? 0);
  const seen = replies.length + troubles.length > 0;
  const received = seen ? replies.length - marked : counts?.received ?? 0;
  const transmitted = Math.max(counts?.transmitted ?? received + troubles.length, received);
  return {
    address: header === -1 ? undefined : headerAddress(lines[header]!),
    replies,
    troubles,
    transmitted,
    received,
    duplicates,
    loss: transmitted === 0 ? 0 : 1 - received / transmitted,
    times: received === 0 ? undefined : times ?? timesOf(replies),
  };
}

/** Reads `PING name (1.2.3.4): …`, `Ping wird ausgeführt für name [1.2.3.4]`, `PING6(…) a --> b`. */
function headerAddress(line: string): string | undefined {
  const found = findAddresses(line);
  const bracketed = found.find(({ start, end }) =>
    /^[([][\])]$/.test(line[start - 1]! + line[end]!)
  );
  return (bracketed ?? (line.includes("-->") ? found.at(-1) : found[0]))?.address;
}

/** Reads an answer. Its time is the last `name=number` that is neither TTL nor a sequence number. */
function readReply(line: string): PingReply | undefined {
  let ttl: number | undefined;
  let sequence: number | undefined;
  const others: Array<{ value: number; below: boolean; unit: boolean }> = [];
  for (const { name, sign, number, end } of pairsOf(line)) {
    const value = readNumber(number);
    if (/^(ttl|hlim)$/i.test(name)) ttl = value;
    else if (/seq$/i.test(name)) sequence = value;
    else {
      const behind = line.slice(end);
      const unit = /^ ?[^\s\d=<>,.;()]+(?! *[=<])(?=[\s.,;(]|$)/.test(behind);
      others.push({ value, below: sign === "<", unit });
    }
  }
  const time = others.at(-1);
  if (time === undefined || (others.length === 1 && !time.unit && !time.below)) return undefined;
  return {
    from: findAddresses(line)[0]?.address,
    sequence,
    ttl,
    time: time.value,
    below: time.below,
    duplicate: line.includes("DUP!"),
  };
}

interface Pair {
  readonly name: string;
  readonly sign: string;
  readonly number: string;
  /** The index after the number. */
  readonly end: number;
}

/**
 * Finds `name=number` and `name<number`, also with spaces around the sign. It searches for the sign
 * first and then for the name, because the reverse order has a quadratic cost.
 */
function* pairsOf(line: string): Generator<Pair> {
  let from = 0;
  for (const match of line.matchAll(PAIR_END)) {
    const [all, sign = "", number = ""] = match;
    let nameEnd = match.index;
    while (nameEnd > from && /\s/.test(line[nameEnd - 1]!)) nameEnd--;
    let start = nameEnd;
    while (start > from && !/[\s=<>,()]/.test(line[start - 1]!)) start--;
    from = match.index + all.length;
    yield { name: line.slice(start, nameEnd), sign, number, end: from };
  }
}

/** Reads `Reply from X: words`, `From X icmp_seq=1 words`, `92 bytes from X: words`. */
function readTrouble(line: string): PingTrouble | undefined {
  const [first] = findAddresses(line);
  if (first === undefined) return undefined;
  const rest = line.slice(first.end);
  // An answer that is too short to contain its time: `icmp_seq=1 ttl=115 (truncated)`.
  if (/\bttl=\d/i.test(rest)) return undefined;
  if (!/:\s*[^\s\d]|seq=\d+\s+\S/.test(rest)) return undefined;
  return { from: first.address, text: escapeControls(line.trim()) };
}

interface Counts {
  readonly transmitted: number;
  readonly received: number;
  readonly duplicates: number;
}

/**
 * `+2 duplicates` in the languages of iputils; BusyBox writes no sign. `+1 errors` and `+1 corrupted`
 * look alike.
 */
const DUPLICATES =
  /(?<!\d)(\d{1,9}) ?(?:個の|개의 ?)?(?:d[ou]pl|d[ou]ub|dopp|kopya|дубл|重复|重複|중복)/iu;

/** Reads the first two integers before the percentage, and the number of duplicates. */
function readCounts(line: string): Counts | undefined {
  const percent = PERCENT.exec(line);
  if (percent === null) return undefined;
  const before = line.slice(0, percent.index);
  const numbers = before.match(/(?<![\d+.])\d{1,9}(?![\d.])/g);
  if (numbers === null || numbers.length < 2) return undefined;
  const duplicates = Number(DUPLICATES.exec(before)?.[1] ?? 0);
  return { transmitted: Number(numbers[0]), received: Number(numbers[1]), duplicates };
}

/** Reads `= min/avg/max[/mdev] ms` (Unix) or `Minimum = 1ms, Maximum = 3ms, Average = 2ms` (Windows). */
function readTimes(line: string): PingTimes | undefined {
  const slashed = /=\s*([\d.,]+)\/([\d.,]+)\/([\d.,]+)/.exec(line);
  const found = slashed === null
    ? [...line.matchAll(/=\s*(\d+(?:[.,]\d+)?)/g)].map((match) => match[1]!)
    : slashed.slice(1);
  if (found.length !== 3) return undefined;
  const [min, second, third] = found.map(readNumber) as [number, number, number];
  if (![min, second, third].every(Number.isFinite)) return undefined;
  return slashed === null
    ? { min, average: third, max: second }
    : { min, average: second, max: third };
}

function timesOf(replies: readonly PingReply[]): PingTimes | undefined {
  if (replies.length === 0) return undefined;
  const times = replies.map((reply) => reply.time);
  const average = times.reduce((sum, time) => sum + time, 0) / times.length;
  return { min: Math.min(...times), average, max: Math.max(...times) };
}
