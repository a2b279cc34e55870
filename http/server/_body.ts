import { NetError } from "../../net/errors/errors.ts";
import type { Clock, Due } from "../internal/clock.ts";
import { ProblemError } from "../problem.ts";

/** Limits of one body. */
export interface BodyLimits {
  /** In bytes. */
  readonly maxBody: number;
  /** In milliseconds. */
  readonly bodyTimeout: number;
  /** In bytes per second. */
  readonly minBodyRate: number;
  readonly clock: Clock;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** What a body is read from. */
export interface BodySource extends Pick<ReadableStreamDefaultReader<Bytes>, "read" | "cancel"> {
  /** Takes the whole body, if all of it has arrived and has at most so many bytes. */
  takeWhole?(max: number): Bytes | undefined;
}

/** A body whose reader gets errors with a status beyond its limits. Nothing is read ahead. */
export class LimitedBody implements UnderlyingByteSource {
  readonly type = "bytes";
  /** What has ended it before its end, if something did. */
  failure: ProblemError | NetError | undefined;
  /** Called when the body was cut short. */
  onCut: ((error: unknown) => void) | undefined;
  readonly #reader: BodySource;
  readonly #limits: BodyLimits;
  #state: "unread" | "reading" | "waiting" | "ended" = "unread";
  #stream: ReadableStream<Bytes> | undefined;
  #received = 0;
  #waited = 0;
  /** When the read under way began, on the clock of `performance.now`; Infinity without one. */
  #since = Infinity;

  constructor(reader: BodySource, limits: BodyLimits) {
    this.#reader = reader;
    this.#limits = limits;
  }

  /** What its reader gets. */
  get stream(): ReadableStream<Bytes> {
    return this.#stream ??= new ReadableStream(this, { highWaterMark: 0 });
  }

  /** Takes the whole body without a stream, if all of it has arrived and nobody reads it. */
  takeWhole(): Bytes | undefined {
    if (this.#state !== "unread" || this.#stream !== undefined) return undefined;
    const whole = this.#reader.takeWhole?.(this.#limits.maxBody);
    if (whole !== undefined) this.#state = "ended";
    return whole;
  }

  /** Whether somebody has begun to read it and has not come to its end. */
  get reading(): boolean {
    // A byte stream pulls only a turn after it has been asked.
    return this.#state === "unread" ? this.#stream?.locked ?? false : this.#state !== "ended";
  }

  /**
   * The answer is out. A reader that stops half way would hold the connection for ever, longer
   * than the client does.
   */
  answered(): void {
    const { bodyTimeout, clock } = this.#limits;
    if (this.#state === "unread" || this.#state === "ended" || bodyTimeout === Infinity) return;
    clock.watch({
      due: performance.now() + bodyTimeout,
      expire: () => {
        if (this.#state === "reading") this.answered();
        else if (this.#state === "waiting") this.#stop(408, "The body of the request was not read");
      },
    });
  }

  /** How long the client was waited for, in milliseconds. */
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
        // A reader that lends its memory waits for this word besides.
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
    const { bodyTimeout, minBodyRate, clock } = this.#limits;
    const started = this.#since = performance.now();
    // What has come buys time, but a single wait is never longer than the whole.
    const earned = this.#received / minBodyRate * 1000;
    const { promise, reject } = Promise.withResolvers<never>();
    const limit: Due = {
      due: started + Math.min(bodyTimeout, bodyTimeout + earned - this.#waited),
      expire: () => reject(LATE),
    };
    if (limit.due !== Infinity) clock.watch(limit);
    this.#state = "reading";
    try {
      return await Promise.race([this.#reader.read(), promise]);
    } catch (error) {
      if (error === LATE) {
        throw this.#stop(408, "The body of the request did not come in time");
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
      clock.unwatch(limit);
      this.#waited += performance.now() - started;
      this.#since = Infinity;
    }
  }

  /** Takes note that the content cannot be read, unless the body has failed before. */
  fail(error: ProblemError): void {
    this.failure ??= error;
  }

  #stop(status: number, detail: string): ProblemError {
    this.#state = "ended";
    const error = new ProblemError(status, { detail, headers: { connection: "close" } });
    this.#reader.cancel(error).catch(() => {});
    return this.failure = error;
  }
}

const LATE = Symbol("late");
