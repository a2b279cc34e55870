/**
 * Messages in memory: how fast `lines()` and `frames()` cut a stream up, without a network, and
 * how many timers that takes. One process; the loops on the bare transport do what a program
 * without the library would.
 *
 * @module
 */

import { Connection } from "../../net/connection/connection.ts";
import { encodeFrame } from "../../net/connection/frame_codec.ts";
import type { Transport } from "../../net/connection/transport.ts";
import type { Bench, Figure, Measurement, Series } from "./_bench.ts";

/** What one read gives, as a socket does. */
const CHUNK = 64 * 1024;
const TEXT = "the quick brown fox jumps over it";

/** Reads every message of a transport and tells how many there were. */
type Reader = (transport: Transport) => Promise<number>;

/** Measures messages per second. */
export async function benchMessages(bench: Bench): Promise<Figure[]> {
  const line = new TextEncoder().encode(`${TEXT}\n`);
  const frame = encodeFrame(TEXT);
  const common = { unit: "messages/s", targets: [{ against: ["bare loop"] }] };
  return [
    {
      ...common,
      ...await compare(bench, `lines() in memory, ${line.length} bytes each`, line, [
        ["ours", countLines],
        ["bare loop", countLinesBare],
      ]),
    },
    {
      ...common,
      ...await compare(bench, `frames() in memory, ${TEXT.length} bytes each`, frame, [
        ["ours", countFrames],
        ["bare loop", countFramesBare],
      ]),
    },
  ];
}

async function compare(
  bench: Bench,
  title: string,
  message: Uint8Array<ArrayBuffer>,
  readers: ReadonlyArray<[string, Reader]>,
): Promise<Pick<Figure, "title" | "series" | "note">> {
  const chunk = repeat(message, CHUNK);
  const series = readers.map(([name]) => ({ name, rounds: new Array<Measurement>() }));
  let timers = 0;
  let messages = 0;
  for (const [, read] of readers) await read(endless(chunk, bench.settings.warmup));
  for (let round = 0; round < bench.settings.rounds; round++) {
    for (let i = 0; i < readers.length; i++) {
      bench.signal.throwIfAborted();
      const at = (round + i) % readers.length;
      const [name, read] = readers[at]!;
      bench.progress(`${title}: round ${round + 1} of ${bench.settings.rounds}, ${name}`);
      const begin = performance.now();
      const made = await countTimers(async () => {
        const count = await read(endless(chunk, bench.settings.measure));
        series[at]!.rounds.push({ value: count / ((performance.now() - begin) / 1000) });
        if (at === 0) messages += count;
      });
      if (at === 0) timers += made;
    }
  }
  const note =
    `one process, all of it CPU; ${CHUNK / 1024} KiB a read; ours made ${timers} timers ` +
    `for ${messages} messages`;
  return { title, note, series: series satisfies Series[] };
}

/** Counts the timers that are made meanwhile. */
async function countTimers(work: () => Promise<void>): Promise<number> {
  const { setTimeout, setInterval } = globalThis;
  let made = 0;
  const counted = <F extends typeof setTimeout | typeof setInterval>(make: F): F =>
    new Proxy(make, { apply: (target, self, args) => (made++, Reflect.apply(target, self, args)) });
  globalThis.setTimeout = counted(setTimeout);
  globalThis.setInterval = counted(setInterval);
  try {
    await work();
  } finally {
    Object.assign(globalThis, { setTimeout, setInterval });
  }
  return made;
}

/** A transport that gives the same bytes over and over, cut wherever the reader's buffer ends. */
function endless(chunk: Uint8Array, duration: number): Transport {
  const address = { transport: "memory", name: "bench" } as const;
  const until = performance.now() + duration;
  let at = 0;
  return {
    read(into) {
      if (at === 0 && performance.now() > until) return Promise.resolve(null);
      const bytes = chunk.subarray(at, at + into.length);
      into.set(bytes);
      at = (at + bytes.length) % chunk.length;
      return Promise.resolve(bytes.length);
    },
    write: (data) => Promise.resolve(data.length),
    closeWrite: () => Promise.resolve(),
    close() {},
    localAddr: address,
    remoteAddr: address,
  };
}

function repeat(message: Uint8Array, size: number): Uint8Array {
  const times = Math.floor(size / message.length);
  const chunk = new Uint8Array(times * message.length);
  for (let i = 0; i < times; i++) chunk.set(message, i * message.length);
  return chunk;
}

async function countLines(transport: Transport): Promise<number> {
  await using conn = new Connection(transport, { idleTimeout: 60_000 });
  let count = 0;
  for await (const line of conn.lines()) count += line.length > 0 ? 1 : 0;
  return count;
}

async function countLinesBare(transport: Transport): Promise<number> {
  const buffer = new Uint8Array(CHUNK);
  const decoder = new TextDecoder();
  let rest = "";
  let count = 0;
  for (let n; (n = await transport.read(buffer)) !== null;) {
    const lines = (rest + decoder.decode(buffer.subarray(0, n), { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) count += line.length > 0 ? 1 : 0;
  }
  return count;
}

async function countFrames(transport: Transport): Promise<number> {
  await using conn = new Connection(transport, { idleTimeout: 60_000 });
  let count = 0;
  for await (const frame of conn.frames()) count += frame.length > 0 ? 1 : 0;
  return count;
}

async function countFramesBare(transport: Transport): Promise<number> {
  const buffer = new Uint8Array(CHUNK);
  const view = new DataView(buffer.buffer);
  let end = 0;
  let count = 0;
  for (let n; (n = await transport.read(buffer.subarray(end))) !== null;) {
    end += n;
    let at = 0;
    for (let size; end - at >= 4 && end - at >= 4 + (size = view.getUint32(at)); at += 4 + size) {
      count += buffer.slice(at + 4, at + 4 + size).length > 0 ? 1 : 0;
    }
    buffer.copyWithin(0, at, end);
    end -= at;
  }
  return count;
}
