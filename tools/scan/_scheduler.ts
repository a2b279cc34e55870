import { formatAddress } from "../../net/address.ts";
import { NetError, toNetError } from "../../net/errors/errors.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { Pace, type PaceSettings } from "../internal/scan_pace.ts";
import { denoDial, handleDial } from "../internal/scan_dial.ts";
import {
  type OnProbe,
  type ProbeChunk,
  type Prober,
  type ProbeState,
  SocketProber,
} from "./_probe.ts";

/** Most ports in one message to a prober. */
const CHUNK = 1024;
/** Number of ports that a prober holds, so that it is never idle. */
const AHEAD = 4 * CHUNK;
/** Numbers of a result in a message of a Worker: chunk, port, state, time, and index of the code. */
const FIELDS = 5;
/** Most unread results. */
const MOST_WAITING = 20_000;

/** Limits of a scan. */
export interface ProbeSettings extends PaceSettings {
  /** Most probes per second; 0 lifts the limit. */
  readonly rate: number;
}

/** The ports of one host. */
export interface HostJob<H> {
  readonly host: H;
  readonly address: string;
  readonly ports: Uint16Array<ArrayBuffer>;
}

/** The result for one port. */
export interface Probed<H> {
  readonly host: H;
  readonly port: number;
  readonly state: ProbeState;
  /** Duration of the probe, in milliseconds. */
  readonly ms: number;
  /** Error code of the operating system; empty if there is none. */
  readonly code: string;
}

/** Probes every port of every host. Yields all available results at once, as soon as there are any. */
export async function* probeAll<H>(
  jobs: AsyncIterable<HostJob<H>>,
  settings: ProbeSettings,
  workers: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Probed<H>[], void, void> {
  signal?.throwIfAborted();
  const queue = new Queue<Probed<H>>();
  const open = new Map<number, { host: H; address: string; left: number; slot: Slot }>();
  const onProbe: OnProbe = (id, port, state, ms, code) => {
    const chunk = open.get(id);
    if (chunk === undefined) return;
    if (state === 3 && code === "ENOTCAPABLE") {
      return void tellPermission(chunk.address, port, chunk.left > 1, queue);
    }
    queue.push({ host: chunk.host, port, state, ms, code });
    chunk.slot.ports--;
    if (--chunk.left > 0) return;
    open.delete(id);
    queue.changed();
  };
  const fail = (error: unknown) => queue.fail(error);
  const slots = makeSlots(settings, workers, onProbe, fail);
  const onAbort = () => queue.fail(signal?.reason);
  signal?.addEventListener("abort", onAbort);
  const ahead = Math.max(AHEAD, 2 * (settings.concurrency ?? settings.most));
  const vacant = () => {
    if (queue.size >= MOST_WAITING) return undefined;
    const least = slots.reduce((a, b) => b.ports < a.ports ? b : a);
    return least.ports < ahead ? least : undefined;
  };
  const feeding = (async () => {
    let id = 0;
    const coming = jobs[Symbol.asyncIterator]();
    while (true) {
      // The source of hosts may wait without a limit; the end of the scan must not.
      const next = await queue.orOver(coming.next());
      if (next === undefined) return leave(coming);
      if (next.done) break;
      const { host, address, ports } = next.value;
      for (let at = 0; at < ports.length; at += CHUNK) {
        const slot = await queue.until(vacant);
        if (slot === undefined) return leave(coming);
        const part = ports.slice(at, at + CHUNK);
        slot.ports += part.length;
        open.set(++id, { host, address, left: part.length, slot });
        slot.prober.push({ id, address, ports: part });
      }
    }
    await queue.until(() => open.size === 0 ? true : undefined);
    queue.end();
  })().catch(fail);
  try {
    yield* queue;
  } finally {
    signal?.removeEventListener("abort", onAbort);
    queue.end();
    for (const { prober } of slots) prober.stop();
    await feeding;
  }
}

/** Ends the source of hosts without waiting for it. */
function leave(coming: AsyncIterator<unknown>): void {
  void ignoreFailure(coming.return?.());
}

/** Connects again without a permission, to obtain the error that names the flag. */
async function tellPermission(
  hostname: string,
  port: number,
  many: boolean,
  queue: Queue<unknown>,
): Promise<void> {
  try {
    (await Deno.connect({ hostname, port })).close();
  } catch (error) {
    const found = toNetError(error, { phase: "connect", hostname, port });
    if (!many || found.kind !== "permission") return queue.fail(found);
    // A flag for one port would not be enough for the others.
    const host = formatAddress({ hostname, port }).replace(/:\d+$/, "");
    const permission = `--allow-net=${host}`;
    queue.fail(
      new NetError(`Cannot scan ${host}: permission is missing, run again with ${permission}`, {
        ...{ kind: "permission", phase: "connect" } as const,
        ...{ permission, address: hostname, cause: error },
      }),
    );
  }
}

/** A prober and the number of ports that it holds. */
interface Slot {
  readonly prober: Prober;
  ports: number;
}

/** Creates a prober in this thread, which connects with the least CPU time, and the others in Workers. */
function makeSlots(
  settings: ProbeSettings,
  workers: number,
  onProbe: OnProbe,
  fail: (error: unknown) => void,
): Slot[] {
  const zoned = denoDial();
  const dials = { plain: handleDial() ?? zoned, zoned };
  return Array.from({ length: workers }, (_, i) => {
    const share = (total: number) =>
      Math.max(1, Math.floor(total * (i + 1) / workers) - Math.floor(total * i / workers));
    const { concurrency, start, most, ...rest } = settings;
    const own = {
      ...rest,
      ...(concurrency !== undefined && { concurrency: share(concurrency) }),
      start: share(start),
      most: share(most),
    };
    const prober = i === 0
      ? new SocketProber(new Pace(own), own.rate, dials, onProbe)
      : makeWorker(own, onProbe, fail);
    return { prober, ports: 0 };
  });
}

/** Creates a prober in a Worker. A Worker from the text of the classes needs no permission. */
function makeWorker(
  settings: ProbeSettings,
  onProbe: OnProbe,
  fail: (error: unknown) => void,
): Prober {
  const code = `const Pace = ${Pace};
const SocketProber = ${SocketProber};
const zoned = (${denoDial})();
const dials = { plain: (${handleDial})() ?? zoned, zoned };
const found = new Float64Array(${FIELDS * 512});
let length = 0;
let codes = [""];
const flush = () => {
  if (length === 0) return;
  const numbers = found.slice(0, length);
  postMessage({ numbers, codes }, [numbers.buffer]);
  length = 0;
  codes = [""];
};
const settings = ${JSON.stringify(settings)};
const onProbe = (chunk, port, state, ms, code) => {
  let which = codes.indexOf(code);
  if (which === -1) which = codes.push(code) - 1;
  found[length++] = chunk;
  found[length++] = port;
  found[length++] = state;
  found[length++] = ms;
  found[length++] = which;
  if (length === found.length) flush();
};
const prober = new SocketProber(new Pace(settings), settings.rate, dials, onProbe);
onmessage = ({ data }) => prober.push(data);
setInterval(flush, 20);`;
  const url = `data:application/javascript,${encodeURIComponent(code)}`;
  const worker = new Worker(url, { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<{ numbers: Float64Array; codes: string[] }>) => {
    const { numbers, codes } = data;
    for (let at = 0; at < numbers.length; at += FIELDS) {
      const state = numbers[at + 2] as ProbeState;
      onProbe(numbers[at]!, numbers[at + 1]!, state, numbers[at + 3]!, codes[numbers[at + 4]!]!);
    }
  };
  worker.onerror = (event) => {
    event.preventDefault();
    fail(new Error(`A Worker of the scan failed: ${event.message}`));
  };
  return {
    push: (chunk: ProbeChunk) => worker.postMessage(chunk),
    stop: () => worker.terminate(),
  };
}

/** The queue of results between the probers and the reader. */
class Queue<T> implements AsyncIterable<T[]> {
  #items: T[] = [];
  #ended = false;
  #failure: { error: unknown } | undefined;
  #change = Promise.withResolvers<void>();
  #leave: () => void = () => {};

  get size(): number {
    return this.#items.length;
  }

  push(item: T): void {
    this.#items.push(item);
    this.changed();
  }

  end(): void {
    this.#ended = true;
    this.#leave();
    this.changed();
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#leave();
    this.changed();
  }

  /** Wakes all waiting calls. */
  changed(): void {
    this.#change.resolve();
  }

  /** Waits until `check` returns a value; returns undefined if the queue ends before. */
  async until<R>(check: () => R | undefined): Promise<R | undefined> {
    while (!this.#ended && this.#failure === undefined) {
      const found = check();
      if (found !== undefined) return found;
      await this.#wait();
    }
    return undefined;
  }

  /** Waits for a promise; returns undefined if the queue ends before. */
  orOver<R>(promise: Promise<R>): Promise<R | undefined> {
    const { promise: first, resolve, reject } = Promise.withResolvers<R | undefined>();
    this.#leave = () => resolve(undefined);
    promise.then(resolve, reject);
    if (this.#ended || this.#failure !== undefined) this.#leave();
    return first;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T[], void, void> {
    while (true) {
      const items = this.#items;
      this.#items = [];
      if (items.length > 0) {
        this.changed();
        yield items;
      } else if (this.#failure !== undefined) throw this.#failure.error;
      else if (this.#ended) return;
      else await this.#wait();
    }
  }

  async #wait(): Promise<void> {
    const { promise } = this.#change;
    await promise;
    if (this.#change.promise === promise) this.#change = Promise.withResolvers();
  }
}
