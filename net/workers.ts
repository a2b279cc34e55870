/**
 * One server on several cores: Workers that share a port, the kernel spreading
 * connections over them. A worker that crashes is replaced, one shutdown ends all.
 *
 * The module that is named runs in each Worker and calls {@linkcode runWorker}:
 *
 * ```ts ignore
 * // worker.ts
 * import { runWorker, serveTcp } from "@portside/kit/net";
 * runWorker(({ hostname, port }) =>
 *   serveTcp({ hostname, port, sharePort: true }, (conn) => conn.write("hello\n"))
 * );
 *
 * // main.ts
 * import { serveWithWorkers } from "@portside/kit/net";
 * const module = new URL("./worker.ts", import.meta.url);
 * await using server = await serveWithWorkers({ module, workers: 4, port: 8000 });
 * console.log(server.url);
 * ```
 *
 * **Permissions**: `--allow-net` as for the server itself, and `--allow-read` for
 * the files of the module, where they are local.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { getLogger } from "@logtape/logtape";
import { formatAddress } from "./address.ts";
import { NetError, toNetError } from "./errors.ts";
import type { ShutdownOptions, ShutdownReport, TcpServer } from "./server_options.ts";
import { withDeadline } from "./_deadline.ts";
import { checkMax, checkNumber, MAX_TIMER } from "./_limits.ts";

/** Options of {@linkcode serveWithWorkers}. */
export interface ServeWithWorkersOptions {
  /** The module that each Worker runs; it calls {@linkcode runWorker}. */
  module: string | URL;
  /**
   * The folder of the module and of all that it imports, which a Worker must
   * be allowed to read where they are local files.
   *
   * @default the module's own folder
   */
  folder?: string | URL;
  /**
   * How many Workers.
   *
   * @default one for each core
   */
  workers?: number;
  /**
   * The address to listen on.
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
  /**
   * The port to listen on; 0 takes a free one, the same for all.
   *
   * @default 0
   */
  port?: number;
  /**
   * How long a Worker may take until it listens, in milliseconds; 0 for ever.
   *
   * @default 30000
   */
  startTimeout?: number;
  /** Whatever the Workers need besides; it is cloned (structured clone). */
  data?: unknown;
  /** Shuts all of them down when it is aborted. */
  signal?: AbortSignal;
}

/** What a Worker gets to start its server with. */
export interface WorkerAssignment {
  /** The address to listen on. */
  readonly hostname: string;
  /** The port to listen on. */
  readonly port: number;
  /** The number of this Worker, from 0. */
  readonly index: number;
  /** What `data` was. */
  readonly data: unknown;
}

/** What a Worker may serve: any server that shares its port and can be shut down. */
export type SharedServer = Pick<TcpServer, "shutdown">;

/** Servers of several Workers that act as one. */
export interface WorkerServer extends AsyncDisposable {
  /** Where they listen. */
  readonly addr: Deno.NetAddr;
  /** The same as a URL. */
  readonly url: string;
  /** Workers that had to be replaced so far. */
  readonly restarts: number;
  /** Resolves when all have shut down. */
  readonly finished: Promise<void>;
  /** Shuts all of them down, and adds their reports up. */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
}

type ToWorker =
  | { readonly type: "start"; readonly assignment: WorkerAssignment }
  | { readonly type: "shutdown"; readonly deadline: number | undefined };

type FromWorker =
  | { readonly type: "loaded" }
  | { readonly type: "ready" }
  | { readonly type: "failed"; readonly message: string; readonly kind: NetError["kind"] }
  | { readonly type: "done"; readonly report: ShutdownReport };

/** The first pause before a crashed Worker is replaced, and the longest, in milliseconds. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5000;
/** How long a Worker may take beyond the deadline until it is ended, in milliseconds. */
const GRACE = 1000;

const logger = getLogger(["portside", "net", "workers"]);

/**
 * Runs in a Worker: starts its server when the main thread says where, and
 * shuts it down when it is told to. In the main thread it does nothing, so that
 * the module can be imported there too.
 *
 * @param start Starts the server, with `sharePort: true`.
 *
 * @example What a worker module holds
 * ```ts
 * import { runWorker } from "@portside/kit/net/workers";
 * import { serveTcp } from "@portside/kit/net/tcp-server";
 *
 * runWorker(({ hostname, port }) => serveTcp({ hostname, port, sharePort: true }, () => {}));
 * ```
 */
export function runWorker(start: (assignment: WorkerAssignment) => SharedServer): void {
  if (!("postMessage" in globalThis)) return;
  const port = globalThis as unknown as {
    onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
    postMessage: (message: FromWorker) => void;
    close: () => void;
  };
  let server: SharedServer | undefined;
  port.onmessage = async ({ data: message }) => {
    if (message.type === "start") {
      try {
        server = start(message.assignment);
        port.postMessage({ type: "ready" });
      } catch (error) {
        const { kind, message } = toNetError(error, { phase: "listen" });
        port.postMessage({ type: "failed", kind, message });
      }
    } else if (server !== undefined) {
      const report = await server.shutdown({ deadline: message.deadline });
      port.postMessage({ type: "done", report });
      port.close();
    }
  };
  port.postMessage({ type: "loaded" });
}

/**
 * Starts a server on several cores.
 *
 * @param options The module, how many, and where to listen.
 * @returns The servers as one, all of them listening.
 * @throws {NetError} In phase "listen"; of kind "permission" where the module may not be read,
 * "timeout" where it does not listen in time, mostly since it never calls {@linkcode runWorker}.
 * @throws {RangeError} If an option is out of range.
 * @throws {DOMException} If `data` cannot be cloned.
 * @throws The signal's reason, if it is aborted before all Workers listen.
 *
 * @example Nothing to read
 * ```ts
 * import { serveWithWorkers } from "@portside/kit/net/workers";
 * import { assertRejects } from "@std/assert";
 *
 * const module = new URL("data:text/javascript,");
 * await assertRejects(() => serveWithWorkers({ module, workers: 0 }), RangeError);
 * ```
 */
export async function serveWithWorkers(options: ServeWithWorkersOptions): Promise<WorkerServer> {
  const count = checkMax("workers", options.workers, navigator.hardwareConcurrency);
  if (count === Infinity) throw new RangeError("Cannot use workers: their number is not infinite");
  checkNumber("startTimeout", options.startTimeout ?? 0);
  const { hostname = "127.0.0.1", port = 0 } = options;
  options.signal?.throwIfAborted();
  structuredClone(options.data); // It throws here, and not where nobody can catch it.
  checkReadable(options.folder ?? new URL(".", new URL(options.module)));
  const group = new Group(options, hostname, port === 0 ? freePort(hostname) : port);
  try {
    for (let i = 0; i < count; i++) {
      await group.add();
      options.signal?.throwIfAborted();
    }
    return group;
  } catch (error) {
    await group.shutdown({ deadline: 0 });
    throw options.signal?.aborted ? options.signal.reason : error;
  }
}

/** A Worker that may not read its module writes a trace of its own to the terminal; so ask before. */
function checkReadable(folder: string | URL): void {
  const url = new URL(folder);
  if (url.protocol !== "file:") return;
  const path = decodeURIComponent(url.pathname).replace(/(?<=.)\/$/, "");
  if (Deno.permissions.querySync({ name: "read", path: url }).state === "granted") return;
  const cause = `Requires read access to "${path}", run again with the --allow-read flag`;
  throw toNetError(new Deno.errors.NotCapable(cause), { phase: "listen" });
}

/** Only a port that is named can be shared: a free one has to be known before. */
function freePort(hostname: string): number {
  try {
    using listener = Deno.listen({ hostname, port: 0 });
    return listener.addr.port;
  } catch (error) {
    throw toNetError(error, { phase: "listen", hostname, port: 0 });
  }
}

/** One Worker, and what it has said. */
interface Member {
  readonly worker: Worker;
  readonly ready: PromiseWithResolvers<void>;
  readonly done: PromiseWithResolvers<ShutdownReport>;
  /** Whether it serves, and so can shut down. */
  listens: boolean;
}

class Group implements WorkerServer {
  readonly finished: Promise<void>;
  restarts = 0;

  readonly #options: ServeWithWorkersOptions;
  readonly addr: Deno.NetAddr;
  readonly url: string;
  readonly #members: Array<Member | undefined> = [];
  readonly #finish = Promise.withResolvers<void>();
  readonly #stop = new AbortController();
  readonly #onAbort = () => void this.shutdown();
  readonly #timers: Array<ReturnType<typeof setTimeout>> = [];
  #shutdown: Promise<ShutdownReport> | undefined;

  constructor(options: ServeWithWorkersOptions, hostname: string, port: number) {
    this.#options = options;
    this.addr = { transport: "tcp", hostname, port };
    this.url = `tcp://${formatAddress(this.addr)}`;
    this.finished = this.#finish.promise;
    options.signal?.addEventListener("abort", this.#onAbort);
  }

  /** Starts one Worker more. */
  async add(): Promise<void> {
    await this.#start(this.#members.length);
  }

  shutdown(options: ShutdownOptions = {}): Promise<ShutdownReport> {
    const { deadline } = options;
    checkNumber("deadline", deadline ?? 0);
    // A second call may bring the deadline forward, never put it off.
    if (this.#shutdown !== undefined) this.#tell(deadline);
    return this.#shutdown ??= this.#drain(deadline);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #drain(deadline: number | undefined): Promise<ShutdownReport> {
    this.#stop.abort();
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    const total = { drained: 0, forced: 0, refused: 0 };
    const members = [...this.#members];
    this.#tell(deadline);
    await Promise.all(members.map(async (member) => {
      if (member === undefined) return;
      const report = await member.done.promise;
      total.drained += report.drained;
      total.forced += report.forced;
      total.refused += report.refused;
    }));
    for (const timer of this.#timers) clearTimeout(timer);
    this.#finish.resolve();
    return total;
  }

  /** Tells all to shut down, and ends those that cannot: they start only now, or are stuck. */
  #tell(deadline = 5000): void {
    this.#members.forEach((member, index) => {
      if (member === undefined) return;
      if (!member.listens) return this.#gone(index);
      member.worker.postMessage({ type: "shutdown", deadline } satisfies ToWorker);
      const end = deadline + GRACE;
      if (end <= MAX_TIMER) this.#timers.push(setTimeout(() => this.#gone(index), end));
    });
  }

  /** Starts the Worker of that number; resolves when it listens. */
  #start(index: number): Promise<void> {
    const ready = Promise.withResolvers<void>();
    const worker = new Worker(this.#options.module, { type: "module" });
    const done = Promise.withResolvers<ShutdownReport>();
    const member: Member = { worker, ready, done, listens: false };
    this.#members[index] = member;
    worker.onmessage = ({ data: message }: MessageEvent<FromWorker>) => {
      switch (message.type) {
        case "loaded": {
          const { hostname, port } = this.addr;
          const assignment = { hostname, port, index, data: this.#options.data };
          return worker.postMessage({ type: "start", assignment } satisfies ToWorker);
        }
        case "ready":
          member.listens = true;
          return ready.resolve();
        case "failed":
          ready.reject(new NetError(message.message, { kind: message.kind, phase: "listen" }));
          return this.#gone(index);
        case "done":
          this.#members[index] = undefined;
          return done.resolve(message.report);
      }
    };
    worker.onerror = (event) => {
      // Without this the error of a Worker ends the whole process.
      event.preventDefault();
      const refused = /^(?:Uncaught[^:]*: )?(Requires .*)/.exec(event.message)?.[1];
      const cause = refused ? new Deno.errors.NotCapable(refused) : new Error(event.message);
      ready.reject(toNetError(cause, { phase: "listen" }));
      this.#gone(index);
      if (member.listens) this.#replace(index, event.message);
    };
    const { startTimeout = 30_000 } = this.#options;
    return withDeadline(ready.promise, startTimeout, () => {
      this.#gone(index);
      const message = `A worker does not listen after ${startTimeout} ms: ` +
        "its module has to call runWorker()";
      return new NetError(message, { kind: "timeout", phase: "listen" });
    });
  }

  #gone(index: number): void {
    const member = this.#members[index];
    this.#members[index] = undefined;
    member?.worker.terminate();
    member?.ready.reject(new NetError("The worker was ended", { kind: "closed", phase: "listen" }));
    member?.done.resolve({ drained: 0, forced: 0, refused: 0 });
  }

  /** Puts a new Worker in the place of one that crashed, more slowly if that crashes too. */
  async #replace(index: number, why: string): Promise<void> {
    const { signal } = this.#stop;
    for (let pause = FIRST_PAUSE; !signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      logger.error("worker {index} crashed and is replaced: {why}", { index, why });
      try {
        await delay(pause, { signal });
        this.restarts++;
        return await this.#start(index);
      } catch (error) {
        why = String(error);
      }
    }
  }
}
