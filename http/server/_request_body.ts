import { NetError } from "../../net/errors/errors.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { countLimit, timeLimit } from "../../net/internal/options.ts";
import type { Clock, Due } from "../internal/clock.ts";
import { ProblemError } from "../problem.ts";
import type { HttpAddr, HttpServerOptions } from "./options.ts";

/** The limits of the bodies of requests. */
export class BodyLimits {
  /** Maximum size in bytes. */
  readonly maxBody: number;
  /** Maximum time in milliseconds. */
  readonly bodyTimeout: number;
  /** Minimum rate in bytes per second. */
  readonly minBodyRate: number;

  constructor(options: HttpServerOptions<HttpAddr>) {
    this.maxBody = countLimit(options.maxBody ?? 10 * 1024 * 1024);
    this.bodyTimeout = timeLimit(options.bodyTimeout ?? 30_000);
    this.minBodyRate = options.minBodyRate ?? 500;
  }
}

type Bytes = Uint8Array<ArrayBuffer>;

/** The source of a body. */
export interface BodySource extends Pick<ReadableStreamDefaultReader<Bytes>, "read" | "cancel"> {
  /** Takes the whole body, if it has arrived completely and has at most `max` bytes. */
  takeWhole?(max: number): Bytes | undefined;
}

/** A body with limits. Beyond them its reader gets an error with a status. It reads nothing ahead. */
export class LimitedBody implements UnderlyingByteSource {
  readonly type = "bytes";
  /** The error that has ended the body early. */
  failure: ProblemError | NetError | undefined;
  /** Called when the source has failed. */
  onCut: ((error: unknown) => void) | undefined;
  readonly #reader: BodySource;
  readonly #limits: BodyLimits;
  readonly #clock: Clock;
  #state: "unread" | "reading" | "waiting" | "ended" = "unread";
  #stream: ReadableStream<Bytes> | undefined;
  #received = 0;
  #waited = 0;
  /** Start of the current read, on the clock of `performance.now()`; Infinity without one. */
  #since = Infinity;

  constructor(reader: BodySource, limits: BodyLimits, clock: Clock) {
    this.#reader = reader;
    this.#limits = limits;
    this.#clock = clock;
  }

  /** The body as a stream, made at the first use. */
  get stream(): ReadableStream<Bytes> {
    return this.#stream ??= new ReadableStream(this, { highWaterMark: 0 });
  }

  /** Takes the whole body without a stream, if it has arrived completely and has no reader. */
  takeWhole(): Bytes | undefined {
    if (this.#state !== "unread" || this.#stream !== undefined) return undefined;
    const whole = this.#reader.takeWhole?.(this.#limits.maxBody);
    if (whole !== undefined) this.#state = "ended";
    return whole;
  }

  /** Whether reading has begun and has not reached the end. */
  get reading(): boolean {
    // A byte stream calls `pull` only one turn after the call of `read`.
    return this.#state === "unread" ? this.#stream?.locked ?? false : this.#state !== "ended";
  }

  /**
   * Limits a reader that stops midway, now that the response has been sent. Otherwise such a reader
   * keeps the connection for ever, longer than the client does.
   */
  answered(): void {
    const { bodyTimeout } = this.#limits;
    if (this.#state === "unread" || this.#state === "ended" || bodyTimeout === Infinity) return;
    this.#clock.watch({
      due: performance.now() + bodyTimeout,
      expire: () => {
        if (this.#state === "reading") this.answered();
        else if (this.#state === "waiting") this.#stop(408, "The body of the request was not read");
      },
    });
  }

  /** Time spent waiting for the client, in milliseconds. */
  get waited(): number {
    return this.#waited + Math.max(0, performance.now() - this.#since);
  }

  async pull(controller: ReadableByteStreamController): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    for (;;) {
      const { done, value } = await this.#read();
      if (done) {
        this.#state = "ended";
        controller.close();
        // A reader that has lent its memory also waits for this call.
        controller.byobRequest?.respond(0);
        return;
      }
      this.#received += value.length;
      if (this.#received > this.#limits.maxBody) {
        throw this.#stop(413, "The body of the request is too large");
      }
      if (value.length > 0) return controller.enqueue(value);
    }
  }

  cancel(reason: unknown): Promise<void> {
    this.#state = "ended";
    return this.#reader.cancel(reason);
  }

  async #read(): Promise<ReadableStreamReadResult<Bytes>> {
    const { bodyTimeout, minBodyRate } = this.#limits;
    const started = this.#since = performance.now();
    // Received bytes extend the total time. A single wait still ends after `bodyTimeout`.
    const earned = this.#received / minBodyRate * 1000;
    const { promise, reject } = Promise.withResolvers<never>();
    const limit: Due = {
      due: started + Math.min(bodyTimeout, bodyTimeout + earned - this.#waited),
      expire: () => reject(LATE),
    };
    if (limit.due !== Infinity) this.#clock.watch(limit);
    this.#state = "reading";
    try {
      return await Promise.race([this.#reader.read(), promise]);
    } catch (error) {
      if (error === LATE) {
        throw this.#stop(408, "The body of the request did not arrive in time");
      }
      if (error instanceof ProblemError) throw this.failure = error;
      this.failure = new NetError("The body of the request was cut short", {
        kind: "truncated",
        phase: "read",
        cause: error,
      });
      this.onCut?.(error);
      throw this.failure;
    } finally {
      if (this.#state === "reading") this.#state = "waiting";
      this.#clock.unwatch(limit);
      this.#waited += performance.now() - started;
      this.#since = Infinity;
    }
  }

  /** Marks the content as malformed, unless the body has failed before. */
  fail(error: ProblemError): void {
    this.failure ??= error;
  }

  #stop(status: number, detail: string): ProblemError {
    this.#state = "ended";
    const error = new ProblemError(status, { detail, headers: { connection: "close" } });
    void ignoreFailure(this.#reader.cancel(error));
    return this.failure = error;
  }
}

const LATE = Symbol("late");
