/**
 * One server on several cores. Workers share a port, and the kernel distributes connections among
 * them. A Worker that ends or stops responding is replaced. {@linkcode WorkerServer.reload} replaces
 * the Workers one by one while the others serve. One call of `shutdown` ends all of them.
 *
 * Each Worker runs the module of the option `module`, which calls {@linkcode runWorker}.
 *
 * @example A module for Workers, and the program that starts them
 * ```ts
 * import { runWorker, serveTcp, serveWithWorkers, type WorkerServer } from "@portside/kit/net";
 *
 * function work(): void { // The module worker.ts calls this.
 *   runWorker(({ hostname, port }) =>
 *     serveTcp({ hostname, port, sharePort: true }, (conn) => conn.write("hello\n"))
 *   );
 * }
 *
 * async function main(): Promise<WorkerServer> { // The program main.ts calls this.
 *   const module = new URL("./worker.ts", import.meta.url);
 *   return await serveWithWorkers({ module, workers: 4, port: 8000 });
 * }
 * ```
 *
 * **Permissions**: `--allow-net` as for the server itself, and `--allow-read` for the files of the
 * module if they are local.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { delay } from "@std/async/delay";
import { getLogger } from "@logtape/logtape";
import { formatAddress } from "../address.ts";
import { NetError, toNetError } from "../errors/errors.ts";
import { Alarm } from "../internal/timer.ts";
import type { ShutdownOptions, ShutdownReport } from "./server_options.ts";
import { hostName } from "../internal/host_rules.ts";
import { SHUTDOWN } from "../internal/listening_server.ts";
import {
  anything,
  integer,
  listenPort,
  milliseconds,
  OptionRules,
  required,
  rule,
  signal,
} from "../internal/options.ts";
import type {
  ReloadOptions,
  ServeWithWorkersOptions,
  WorkerServer,
  WorkerStats,
} from "./worker_options.ts";
import { WorkerHandle } from "./_worker_handle.ts";

export { runWorker } from "./run_worker.ts";
export type * from "./worker_options.ts";

/**
 * Pauses before a Worker is replaced, in milliseconds. The first failures in a row cause no pause.
 * Then the pause doubles each time, up to the maximum.
 */
const QUICK_TIMES = 10;
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 30_000;
/** Time in milliseconds after which the failures of a Worker are no longer counted. */
const STABLE = 60_000;
/** Maximum time between two pings of a Worker in milliseconds. */
const BEAT = 2000;

const moduleUrl = rule(
  "an absolute URL, as a string or a URL",
  (value) => value instanceof URL || (typeof value === "string" && URL.canParse(value)),
);

const SERVE_WITH_WORKERS = new OptionRules<ServeWithWorkersOptions>({
  module: required(moduleUrl),
  folder: moduleUrl,
  workers: integer(1, Number.MAX_SAFE_INTEGER),
  hostname: hostName,
  port: listenPort,
  startTimeout: milliseconds,
  stuckTimeout: milliseconds,
  data: anything,
  signal,
});

const RELOAD = new OptionRules<ReloadOptions>({
  module: moduleUrl,
  data: anything,
  ...SHUTDOWN.rules,
});

const logger = getLogger(["portside", "net", "workers"]);

/**
 * Starts a server on several cores.
 *
 * @param options The module, the number of Workers, and the address to listen on.
 * @returns The group of servers. All of them listen.
 * @throws {NetError} In phase "listen". Of kind "permission" if the module may not be read, "timeout"
 * if a Worker does not listen in time, usually because its module never calls {@linkcode runWorker}.
 * @throws {RangeError | TypeError} If an option is invalid.
 * @throws {DOMException} If `data` cannot be cloned.
 * @throws The signal's reason if it is aborted before all Workers listen.
 *
 * @example An invalid number of Workers
 * ```ts
 * import { serveWithWorkers } from "@portside/kit/net/workers";
 * import { assertRejects } from "@std/assert";
 *
 * const module = new URL("data:text/javascript,");
 * await assertRejects(() => serveWithWorkers({ module, workers: 0 }), RangeError);
 * ```
 */
export async function serveWithWorkers(options: ServeWithWorkersOptions): Promise<WorkerServer> {
  options = SERVE_WITH_WORKERS.check("serveWithWorkers", options);
  const { hostname = "127.0.0.1", port = 0, workers = navigator.hardwareConcurrency } = options;
  options.signal?.throwIfAborted();
  structuredClone(options.data); // It throws here, where the caller can catch it.
  checkReadable(options.folder ?? new URL(".", new URL(options.module)));
  const group = new Group(options, hostname, port === 0 ? freePort(hostname) : port);
  try {
    for (let i = 0; i < workers; i++) {
      await group.add();
      options.signal?.throwIfAborted();
    }
    return group;
  } catch (error) {
    await group.shutdown({ deadline: 0 });
    throw options.signal?.aborted ? options.signal.reason : error;
  }
}

/** Checks the permission first, because a Worker without it prints a stack trace to the terminal. */
function checkReadable(folder: string | URL): void {
  const url = new URL(folder);
  if (url.protocol !== "file:") return;
  const path = fileURLToPath(url).replace(/(?<=.)[/\\]$/, "");
  if (Deno.permissions.querySync({ name: "read", path: url }).state === "granted") return;
  const cause = `Requires read access to "${path}", run again with the --allow-read flag`;
  throw toNetError(new Deno.errors.NotCapable(cause), { phase: "listen" });
}

/** Returns a free port. Workers can only share a port that is known before they start. */
function freePort(hostname: string): number {
  try {
    using listener = Deno.listen({ hostname, port: 0 });
    return listener.addr.port;
  } catch (error) {
    throw toNetError(error, { phase: "listen", hostname, port: 0 });
  }
}

/** The slot of one Worker and of its replacements. */
interface Slot {
  readonly index: number;
  /** The Worker, or undefined during the pause before its replacement. */
  handle: WorkerHandle | undefined;
  restarts: number;
  /** Number of times in a row that the Worker ended soon after its start. */
  failures: number;
  lastEnd: string | undefined;
}

class Group implements WorkerServer {
  readonly finished: Promise<void>;
  readonly addr: Deno.NetAddr;

  #module: string | URL;
  #data: unknown;
  readonly #startTimeout: number;
  readonly #stuckTimeout: number;
  readonly #signal: AbortSignal | undefined;
  readonly #slots: Slot[] = [];
  /** Workers that are shutting down because of a reload. */
  readonly #leaving = new Set<WorkerHandle>();
  readonly #finish = Promise.withResolvers<void>();
  readonly #stop = new AbortController();
  readonly #onAbort = () => void this.shutdown();
  #scheme = "tcp";
  /** Pings the Workers. It does not keep the process alive: the Workers do. */
  readonly #heart: Alarm = new Alarm(() => this.#beat(), false);
  /** Time between two pings, in milliseconds. */
  readonly #pause: number;
  #beatAt = performance.now();
  #reloading: Promise<void> = Promise.resolve();
  #shutdown: Promise<ShutdownReport> | undefined;

  constructor(options: ServeWithWorkersOptions, hostname: string, port: number) {
    this.#module = options.module;
    this.#data = options.data;
    this.#startTimeout = options.startTimeout ?? 30_000;
    this.#stuckTimeout = options.stuckTimeout ?? 30_000;
    this.#signal = options.signal;
    this.addr = { transport: "tcp", hostname, port };
    this.finished = this.#finish.promise;
    this.#signal?.addEventListener("abort", this.#onAbort);
    this.#pause = Math.min(BEAT, this.#stuckTimeout / 4 || BEAT);
    this.#heart.start(this.#pause);
  }

  get url(): string {
    return `${this.#scheme}://${formatAddress(this.addr)}`;
  }

  get restarts(): number {
    return this.#slots.reduce((sum, { restarts }) => sum + restarts, 0);
  }

  stats(): readonly WorkerStats[] {
    const now = performance.now();
    return this.#slots.map(({ index, handle, restarts, lastEnd }) => ({
      index,
      state: handle === undefined ? "waiting" : handle.listens ? "listening" : "starting",
      restarts,
      lastEnd,
      uptime: handle === undefined ? 0 : now - handle.startedAt,
      server: handle?.stats,
    }));
  }

  /** Starts another Worker. */
  async add(): Promise<void> {
    const index = this.#slots.length;
    const slot: Slot = { index, handle: undefined, restarts: 0, failures: 0, lastEnd: undefined };
    this.#slots.push(slot);
    await this.#start(slot);
  }

  reload(options: ReloadOptions = {}): Promise<void> {
    options = RELOAD.check("reload", options);
    const { module, deadline } = options;
    if ("data" in options) structuredClone(options.data);
    const before = this.#reloading;
    const reloading = before.catch(() => {}).then(async () => {
      const [oldModule, oldData] = [this.#module, this.#data];
      if (module !== undefined) this.#module = module;
      if ("data" in options) this.#data = options.data;
      try {
        for (const slot of this.#slots) await this.#reloadOne(slot, deadline);
      } catch (error) {
        [this.#module, this.#data] = [oldModule, oldData];
        throw error;
      }
    });
    this.#reloading = reloading;
    reloading.catch(() => {});
    return reloading;
  }

  shutdown(options: ShutdownOptions = {}): Promise<ShutdownReport> {
    const { deadline } = SHUTDOWN.check("shutdown", options);
    // A second call may bring the deadline forward, but not postpone it.
    if (this.#shutdown !== undefined) this.#tell(deadline);
    return this.#shutdown ??= this.#drain(deadline);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #drain(deadline: number | undefined): Promise<ShutdownReport> {
    this.#stop.abort(new NetError("The workers are shutting down", { kind: "closed" }));
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#heart.stop();
    const total = { drained: 0, forced: 0, refused: 0 };
    for (const report of await Promise.all(this.#tell(deadline))) {
      total.drained += report.drained;
      total.forced += report.forced;
      total.refused += report.refused;
    }
    this.#finish.resolve();
    return total;
  }

  #tell(deadline: number | undefined): Promise<ShutdownReport>[] {
    const handles = this.#slots.flatMap(({ handle }) => handle ?? []);
    return [...handles, ...this.#leaving].map((handle) => handle.shutdown(deadline));
  }

  #begin(index: number): WorkerHandle {
    const { hostname, port } = this.addr;
    const assignment = { hostname, port, index, data: this.#data };
    return new WorkerHandle(this.#module, assignment, this.#startTimeout);
  }

  /** Starts the Worker of a slot. Resolves when it listens. */
  async #start(slot: Slot): Promise<void> {
    const handle = slot.handle = this.#begin(slot.index);
    try {
      await handle.ready;
    } catch (error) {
      if (slot.handle === handle) slot.handle = undefined;
      throw error;
    }
    this.#watch(slot, handle);
  }

  /** Replaces the Worker of a slot when it ends. */
  #watch(slot: Slot, handle: WorkerHandle): void {
    this.#scheme = handle.url === undefined ? "tcp" : handle.url.replace(/:.*/s, "");
    handle.ended.then((why) => {
      if (slot.handle !== handle || this.#stop.signal.aborted) return;
      slot.handle = undefined;
      if (performance.now() - handle.startedAt >= STABLE) slot.failures = 0;
      void this.#replace(slot, why);
    });
  }

  /** Starts a new Worker after a pause. The pause grows while Workers end soon after their start. */
  async #replace(slot: Slot, why: string): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      slot.lastEnd = why;
      logger.error("worker {index} ended and is replaced: {why}", { index: slot.index, why });
      const slow = slot.failures++ - QUICK_TIMES;
      const pause = slow < 0 ? 0 : Math.min(FIRST_PAUSE * 2 ** slow, LONGEST_PAUSE);
      try {
        await delay(pause, { signal });
        // A reload may have replaced the Worker already.
        if (slot.handle !== undefined) return;
        slot.restarts++;
        return await this.#start(slot);
      } catch (error) {
        why = String(error);
      }
    }
  }

  async #reloadOne(slot: Slot, deadline: number | undefined): Promise<void> {
    this.#stop.signal.throwIfAborted();
    const old = slot.handle;
    const fresh = this.#begin(slot.index);
    const cut = () => fresh.terminate("The workers are shutting down");
    this.#stop.signal.addEventListener("abort", cut);
    try {
      await fresh.ready;
    } finally {
      this.#stop.signal.removeEventListener("abort", cut);
    }
    // Meanwhile, the old Worker may have ended, and its replacement may listen.
    const replaced = slot.handle;
    slot.handle = fresh;
    this.#watch(slot, fresh);
    for (const one of new Set([old, replaced])) {
      if (one === undefined) continue;
      this.#leaving.add(one);
      await one.shutdown(deadline);
      this.#leaving.delete(one);
    }
  }

  /** Pings each Worker and terminates those that have not responded in time. */
  #beat(): void {
    this.#heart.start(this.#pause);
    const now = performance.now();
    // If this thread was blocked, it has not read the responses of the Workers yet.
    const late = now - this.#beatAt > this.#pause * 2;
    this.#beatAt = now;
    for (const { handle } of this.#slots) {
      if (!handle?.listens) continue;
      if (late) handle.heardAt = now;
      else if (this.#stuckTimeout > 0 && now - handle.heardAt > this.#stuckTimeout) {
        handle.terminate(`It gave no answer for ${this.#stuckTimeout} ms`);
        continue;
      }
      handle.ping();
    }
  }
}
