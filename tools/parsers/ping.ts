/**
 * What `ping` prints, as data. It reads numbers and structure and no words, so it takes the output
 * of iputils, BusyBox, inetutils, macOS, the BSDs and Windows in any language and code page.
 *
 * @example Windows in Russian
 * ```ts
 * import { parsePing } from "@portside/kit/tools/parsers";
 * import { assertEquals } from "@std/assert";
 *
 * const report = parsePing(`
 * Обмен пакетами с 192.0.2.7 по с 32 байтами данных:
 * Ответ от 192.0.2.7: число байт=32 время=37мс TTL=57
 * Ответ от 192.0.2.1: Заданный узел недоступен.
 *
 * Статистика Ping для 192.0.2.7:
 *     Пакетов: отправлено = 2, получено = 2, потеряно = 0
 *     (0% потерь)
 * `);
 * assertEquals([report.transmitted, report.received, report.loss], [2, 1, 0.5]);
 * assertEquals(report.replies[0]?.time, 37);
 * assertEquals(report.troubles[0]?.from, "192.0.2.1");
 * ```
 *
 * **Permissions**: none; it is pure.
 *
 * @module
 */

import { escapeControls } from "../../net/text.ts";
import { decodeOutput, findAddresses, readNumber } from "../internal/structure.ts";

/** One answer to an echo request. */
export interface PingReply {
  /** Who answered; undefined where a program prints its name alone. */
  readonly from: string | undefined;
  /** The number of the request; Windows prints none. */
  readonly sequence: number | undefined;
  /** What was left of the time to live (hop limit); Windows prints none for IPv6. */
  readonly ttl: number | undefined;
  /** The round trip in milliseconds; an upper bound if `below`. */
  readonly time: number;
  /** Whether it took less than `time`, as in `time<1ms`. */
  readonly below: boolean;
  /** Whether the request had been answered before. */
  readonly duplicate: boolean;
}

/** Somebody on the way said that a request cannot be delivered. */
export interface PingTrouble {
  /** Who said so. */
  readonly from: string;
  /** The line, in the language of the system, control characters escaped. */
  readonly text: string;
}

/** Round trips in milliseconds. */
export interface PingTimes {
  /** The shortest. */
  readonly min: number;
  /** The mean. */
  readonly average: number;
  /** The longest. */
  readonly max: number;
}

/** What a run of `ping` came to. */
export interface PingReport {
  /** The address that was asked. */
  readonly address: string | undefined;
  /** The answers in their order. */
  readonly replies: readonly PingReply[];
  /** What others said instead, e.g. that the host is unreachable. */
  readonly troubles: readonly PingTrouble[];
  /** Requests sent. */
  readonly transmitted: number;
  /** Requests answered by the host; duplicates and troubles do not count, whatever Windows says. */
  readonly received: number;
  /** Answers that came twice. */
  readonly duplicates: number;
  /** What was lost, 0 to 1. */
  readonly loss: number;
  /** The summary's times, or else those of the replies; undefined if nobody answered. */
  readonly times: PingTimes | undefined;
}

/** The end of `name = number`, from its sign on. */
const PAIR_END = /([=<])\s*(\d{1,9}(?:[.,]\d+)?)/g;
const PERCENT = /\d{1,3}(?:[.,]\d+)?\s?%(?![\w])/;

/**
 * Reads the output of `ping`.
 *
 * @param output What it printed, at most 256 KiB of it.
 * @returns What it says; zeros if it says nothing.
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
  // Russian breaks the line before the percentage. Each run of blanks is looked at once.
  const text = decodeOutput(output).replace(
    /(?<!\s)\s+(?=\(\d{1,3}\s?%)/g,
    (blanks) => blanks.includes("\n") ? " " : blanks,
  );
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const header = lines.findIndex((line) => findAddresses(line).length > 0);
  const replies: PingReply[] = [];
  const troubles: PingTrouble[] = [];
  let counts: { transmitted: number; received: number } | undefined;
  let times: PingTimes | undefined;
  for (const [index, line] of lines.entries()) {
    if (counts === undefined) {
      counts = readCounts(line);
      if (counts !== undefined || index === header) continue;
      const reply = readReply(line);
      if (reply !== undefined) replies.push(reply);
      else {
        const trouble = readTrouble(line);
        if (trouble !== undefined) troubles.push(trouble);
      }
    } else times ??= readTimes(line);
  }
  const duplicates = replies.filter((reply) => reply.duplicate).length;
  const seen = replies.length + troubles.length > 0;
  const received = seen ? replies.length - duplicates : counts?.received ?? 0;
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

/** `PING name (1.2.3.4): …`, `Ping wird ausgeführt für name [1.2.3.4]`, `PING6(…) a --> b`. */
function headerAddress(line: string): string | undefined {
  const found = findAddresses(line);
  const bracketed = found.find(({ start, end }) =>
    /^[([][\])]$/.test(line[start - 1]! + line[end]!)
  );
  return (bracketed ?? (line.includes("-->") ? found.at(-1) : found[0]))?.address;
}

/** An answer has a time: the last `name=number` that is neither TTL nor a sequence number. */
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
  /** The index behind the number. */
  readonly end: number;
}

/**
 * Finds `name=number` and `name<number`, also with blanks around the sign. The sign is found first,
 * then the name in front of it: to look for names first would cost the square of a line of letters.
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

/** `Reply from X: words`, `From X icmp_seq=1 words`, `92 bytes from X: words`. */
function readTrouble(line: string): PingTrouble | undefined {
  const [first] = findAddresses(line);
  if (first === undefined) return undefined;
  const rest = line.slice(first.end);
  // An answer too short to hold its time: `icmp_seq=1 ttl=115 (truncated)`.
  if (/\bttl=\d/i.test(rest)) return undefined;
  if (!/:\s*[^\s\d]|seq=\d+\s+\S/.test(rest)) return undefined;
  return { from: first.address, text: escapeControls(line.trim()) };
}

/** The first two whole numbers before the percentage, `+1 duplicates` left out. */
function readCounts(line: string): { transmitted: number; received: number } | undefined {
  const percent = PERCENT.exec(line);
  if (percent === null) return undefined;
  const before = line.slice(0, percent.index);
  const numbers = before.match(/(?<![\d+.])\d{1,9}(?![\d.])/g);
  if (numbers === null || numbers.length < 2) return undefined;
  return { transmitted: Number(numbers[0]), received: Number(numbers[1]) };
}

/** Unix: `= min/avg/max[/mdev] ms`. Windows: `Minimum = 1ms, Maximum = 3ms, Average = 2ms`. */
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
