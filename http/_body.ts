import { NetError } from "../net/errors.ts";
import type { Clock, Due } from "./_clock.ts";
import { ProblemError } from "./problem.ts";

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
export type BodySource = Pick<ReadableStreamDefaultReader<Bytes>, "read" | "cancel">;

/** A body whose reader gets errors with a status beyond its limits. Nothing is read ahead. */
export class LimitedBody implements UnderlyingByteSource {
  readonly type = "bytes";
  /** What its reader gets. */
  readonly stream: ReadableStream<Bytes>;
  /** What has ended it before its end, if something did. */
  failure: ProblemError | NetError | undefined;
  readonly #reader: BodySource;
  readonly #limits: BodyLimits;
  #received = 0;
  #waited = 0;

  constructor(reader: BodySource, limits: BodyLimits) {
    this.#reader = reader;
    this.#limits = limits;
    this.stream = new ReadableStream(this, { highWaterMark: 0 });
  }

  async pull(controller: ReadableByteStreamController): Promise<void> {
    for (;;) {
      const { done, value } = await this.#read();
      if (done) {
        controller.close();
        // A reader that lends its memory waits for this word besides.
        controller.byobRequest?.respond(0);
        return;
      }
      this.#received += value.length;
      if (this.#received > this.#limits.maxBody) {
        this.#give({ status: 413, detail: "The body of the request is too large" });
      }
      if (value.length > 0) return controller.enqueue(value);
    }
  }

  cancel(reason: unknown): Promise<void> {
    return this.#reader.cancel(reason);
  }

  async #read(): Promise<ReadableStreamReadResult<Bytes>> {
    const { bodyTimeout, minBodyRate, clock } = this.#limits;
    const started = performance.now();
    // What has come buys time, but a single wait is never longer than the whole.
    const earned = this.#received / minBodyRate * 1000;
    const { promise, reject } = Promise.withResolvers<never>();
    const limit: Due = {
      due: started + Math.min(bodyTimeout, bodyTimeout + earned - this.#waited),
      expire: () => reject(LATE),
    };
    if (limit.due !== Infinity) clock.watch(limit);
    try {
      return await Promise.race([this.#reader.read(), promise]);
    } catch (error) {
      if (error === LATE) {
        this.#give({ status: 408, detail: "The body of the request did not come in time" });
      }
      throw this.failure = error instanceof ProblemError
        ? error
        : new NetError("The body of the request was cut short", {
          kind: "truncated",
          phase: "read",
          cause: error,
        });
    } finally {
      clock.unwatch(limit);
      this.#waited += performance.now() - started;
    }
  }

  #give({ status, detail }: { status: number; detail: string }): never {
    const error = new ProblemError(status, { detail, headers: { connection: "close" } });
    this.#reader.cancel(error).catch(() => {});
    throw this.failure = error;
  }
}

const LATE = Symbol("late");
