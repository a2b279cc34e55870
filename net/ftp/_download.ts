/** The bytes of a download, up to the verdict of the server. */

import type { Connection } from "../connection/connection.ts";
import type { ChunkOptions } from "../connection/options.ts";
import { NetError } from "../errors/errors.ts";
import { ignoreFailure } from "../internal/ignore_failure.ts";
import type { RunningHash } from "../internal/running_hash.ts";
import type { FtpBreaker } from "./_breaker.ts";
import type { FtpVerdict, Transfer } from "./_verdict.ts";
import type { FtpSink, FtpTransferOptions } from "./options.ts";

/** The number of chunks that a stream reads ahead. */
const AHEAD = 8;

/** The work of a download. */
interface DownloadOptions {
  /** The path of the file on the server. */
  readonly path: string;
  /** The options of the caller. */
  readonly options: FtpTransferOptions;
  /** Aborts with the signal of the transfer, and with that of the session. */
  readonly signal: AbortSignal;
  /** Time limit for the next bytes, in milliseconds. */
  readonly timeout: number;
  /** The hash of the file, if it is compared. */
  readonly hash: RunningHash | undefined;
}

/** A download that has started. Its bytes are read as a stream or by a sink. */
export class FtpDownload {
  /** Settles when the file has been read or the transfer has ended. */
  readonly done: Promise<void>;
  readonly #transfer: Transfer;
  readonly #breaker: FtpBreaker;
  readonly #verdict: FtpVerdict;
  readonly #work: DownloadOptions;
  readonly #settle: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #onAbort: () => void;
  #bytes = 0;
  /** The end of the transfer, once it has begun. */
  #over: Promise<void> | undefined;
  /** Gets the error of a transfer that ends while nobody reads. */
  #tell: (error: unknown) => void = () => {};

  constructor(transfer: Transfer, breaker: FtpBreaker, verdict: FtpVerdict, work: DownloadOptions) {
    this.#transfer = transfer;
    this.#breaker = breaker;
    this.#verdict = verdict;
    this.#work = work;
    this.done = this.#settle.promise;
    // A sink learns of a failure in another way.
    void ignoreFailure(this.done);
    const { signal } = work;
    this.#onAbort = () => void this.#fail(signal.reason, true).catch((error) => this.#tell(error));
    signal.addEventListener("abort", this.#onAbort);
    if (signal.aborted) this.#onAbort();
  }

  /** Returns the bytes as a stream. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const how = { timeout: this.#work.timeout };
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        this.#tell = (error) => controller.error(error);
      },
      pull: async (controller) => {
        const chunk = await this.#next(how);
        if (chunk === null) controller.close();
        else controller.enqueue(chunk);
      },
      cancel: (reason) => this.#end(() => this.#breaker.abandon(this.#data, reason).then(() => {})),
    }, { highWaterMark: AHEAD });
  }

  /** Passes all bytes to a sink, in memory that is used again. Returns their number. */
  async into(sink: FtpSink): Promise<number> {
    const { promise, reject } = Promise.withResolvers<never>();
    this.#tell = reject;
    // The sink may be in a wait that never ends.
    return await Promise.race([promise, this.#pump(sink)]);
  }

  async #pump(sink: FtpSink): Promise<number> {
    const how = { timeout: this.#work.timeout, lent: true };
    for (let chunk; (chunk = await this.#next(how)) !== null;) {
      try {
        const used = sink(chunk);
        if (used instanceof Promise) await used;
      } catch (error) {
        await this.#fail(error, true);
      }
    }
    return this.#bytes;
  }

  get #data(): Connection {
    return this.#transfer.data;
  }

  /** Returns the next bytes; null after the verdict that the file is complete. */
  async #next(how: ChunkOptions): Promise<Uint8Array<ArrayBuffer> | null> {
    const { path, options: { offset = 0, onProgress }, signal, hash } = this.#work;
    const data = this.#data;
    let isClean = true;
    try {
      const chunk = await data.readChunk(how);
      if (chunk !== null) {
        this.#bytes += chunk.length;
        hash?.update(chunk);
        onProgress?.(this.#bytes);
        return chunk;
      }
      await data.close();
    } catch (error) {
      isClean = signal.aborted || !isUnclean(error, data);
      if (isClean) await this.#fail(error, signal.aborted || !(error instanceof NetError));
      data.abort(error);
    }
    const size = offset + this.#bytes;
    await this.#end(() => this.#verdict.ofFile(this.#transfer, { path, size, isClean, hash }));
    return null;
  }

  /** Ends the transfer by an error of this side or of the other one. Throws it, unless it has ended. */
  #fail(error: unknown, isOwn: boolean): Promise<void> {
    return this.#end(async () => {
      throw isOwn
        ? await this.#breaker.abandon(this.#data, error)
        : await this.#breaker.breakOff(this.#transfer.what, this.#data, error);
    });
  }

  /** Ends the transfer, once. */
  #end(work: () => Promise<void>): Promise<void> {
    this.#work.signal.removeEventListener("abort", this.#onAbort);
    const { resolve, reject } = this.#settle;
    return this.#over ??= work().then(resolve, (error) => {
      reject(error);
      throw error;
    });
  }
}

/** Returns whether an error is the end of a TLS connection without a close_notify. */
export function isUnclean(error: unknown, data: Connection): boolean {
  return data.tls !== undefined && error instanceof NetError && error.kind === "truncated";
}
