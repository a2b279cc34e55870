import { NetError, toNetError } from "../errors/errors.ts";
import type { ShutdownReport } from "./server_options.ts";
import { Countdown } from "../internal/countdown.ts";
import { withDeadline } from "../internal/deadline.ts";
import type { WorkerAssignment } from "./worker_options.ts";

/** Messages to a Worker. */
export type ToWorker =
  | { readonly type: "start"; readonly assignment: WorkerAssignment }
  | { readonly type: "ping" }
  | { readonly type: "shutdown"; readonly deadline: number | undefined };

/** Messages from a Worker. */
export type FromWorker =
  | { readonly type: "loaded" }
  | { readonly type: "ready"; readonly url: string | undefined }
  | { readonly type: "failed"; readonly message: string; readonly kind: NetError["kind"] }
  | { readonly type: "pong"; readonly stats: unknown }
  | { readonly type: "ended"; readonly why: string }
  | { readonly type: "done"; readonly report: ShutdownReport };

/** Time after the deadline of a shutdown until a Worker is terminated, in milliseconds. */
const GRACE = 1000;
const NOTHING: ShutdownReport = { drained: 0, forced: 0, refused: 0 };

/** One Worker, from its start to its end. */
export class WorkerHandle {
  /** Time of the start, on the clock of `performance.now`. */
  readonly startedAt: number = performance.now();
  /** A promise that resolves when the Worker listens, and rejects if it does not. */
  readonly ready: Promise<void>;
  /** A promise that resolves with the reason when the Worker has ended. */
  readonly ended: Promise<string>;
  /** Whether the Worker listens. */
  listens = false;
  /** The URL of its server if it has one. */
  url: string | undefined;
  /** The counters of its server in the last response. */
  stats: unknown;
  /** Time of the last response, on the clock of `performance.now`. */
  heardAt: number = performance.now();

  readonly #worker: Worker;
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<string>();
  readonly #done = Promise.withResolvers<ShutdownReport>();
  readonly #countdown: Countdown = new Countdown(() => {
    this.terminate("It did not shut down in time");
  });
  #isOver = false;

  /**
   * Starts a Worker.
   *
   * @param module The module of the Worker, which calls `runWorker`.
   * @param assignment The argument for the function that starts the server.
   * @param startTimeout Time limit until the Worker listens, in milliseconds; 0 for no limit.
   */
  constructor(module: string | URL, assignment: WorkerAssignment, startTimeout: number) {
    this.#worker = new Worker(module, { type: "module" });
    this.ended = this.#ended.promise;
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(data, assignment);
    this.#worker.onerror = (event) => {
      // Otherwise the error of a Worker would end the whole process.
      event.preventDefault();
      const refused = /^(?:Uncaught[^:]*: )?(Requires .*)/.exec(event.message)?.[1];
      const cause = refused ? new Deno.errors.NotCapable(refused) : new Error(event.message);
      this.#ready.reject(toNetError(cause, { phase: "listen" }));
      this.terminate(event.message);
    };
    this.ready = withDeadline(this.#ready.promise, startTimeout, () => {
      const message = `A worker does not listen after ${startTimeout} ms: ` +
        "its module must call runWorker()";
      this.terminate(message);
      return new NetError(message, { kind: "timeout", phase: "listen" });
    });
    // If nobody awaits the promise, its rejection must not end the process.
    this.ready.catch(() => {});
  }

  /** Sends a ping, to which a responsive Worker replies. */
  ping(): void {
    this.#post({ type: "ping" });
  }

  /**
   * Shuts the server down. A second call may bring the deadline forward.
   *
   * @param deadline Time for open connections to end, in milliseconds.
   * @returns The report of the server, with zeros if the Worker had to be terminated.
   */
  shutdown(deadline = 5000): Promise<ShutdownReport> {
    if (!this.listens) this.terminate("It was ended before it listened");
    else {
      this.#post({ type: "shutdown", deadline });
      this.#countdown.start(deadline + GRACE);
    }
    return this.#done.promise;
  }

  /** Terminates the Worker at once. */
  terminate(why: string): void {
    if (this.#isOver) return;
    this.#worker.terminate();
    this.#end(why, NOTHING);
  }

  #post(message: ToWorker): void {
    if (!this.#isOver) this.#worker.postMessage(message);
  }

  #end(why: string, report: ShutdownReport): void {
    this.#isOver = true;
    this.listens = false;
    this.#countdown.stop();
    this.#ready.reject(
      new NetError(`The worker ended: ${why}`, { kind: "closed", phase: "listen" }),
    );
    this.#done.resolve(report);
    this.#ended.resolve(why);
  }

  #hear(message: FromWorker, assignment: WorkerAssignment): void {
    this.heardAt = performance.now();
    switch (message.type) {
      case "loaded":
        return this.#post({ type: "start", assignment });
      case "ready":
        this.listens = true;
        this.url = message.url;
        return this.#ready.resolve();
      case "failed":
        this.#ready.reject(new NetError(message.message, { kind: message.kind, phase: "listen" }));
        return this.terminate(message.message);
      case "pong":
        this.stats = message.stats;
        return;
      case "ended":
        return this.terminate(message.why);
      case "done":
        return this.#end("It has shut down", message.report);
    }
  }
}
