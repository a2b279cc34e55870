import { delay } from "@std/async/delay";
import { createHash } from "node:crypto";
import { timeLimit } from "../../net/internal/options.ts";
import type { HttpClient } from "./client.ts";
import type { DownloadOptions, DownloadResult } from "./download_options.ts";
import { HttpRequestError, HttpStatusError, HttpTimeoutError } from "./errors.ts";
import { withHeaders } from "./_headers.ts";
import {
  downloadParts,
  partsFor,
  type PieceRequest,
  stoppable,
  UnfitPart,
} from "./_parallel_ranges.ts";
import type { PartialDownload } from "./_partial_file.ts";
import type { HttpResponse } from "./response.ts";
import { hasChanged, lengthOf, type Piece, rangeHeaders, rangeOf, stateOf } from "./_resume.ts";
import { retryWait } from "./_retry_defaults.ts";
import type { HttpRetryPolicy } from "./retry_options.ts";

/** A limit on the number of responses, above any sensible number. */
const MAX_PIECES = 10_000;
/** The number of fresh starts, the last one without ranges. */
const MAX_RESTARTS = 2;

/** The parts that a download works with. */
export interface DownloadWork {
  readonly partial: PartialDownload;
  readonly client: HttpClient;
  readonly url: string | URL;
  readonly options: DownloadOptions;
  readonly request: PieceRequest;
  /** A digest of the URL for the note. The URL itself may contain secrets. */
  readonly key: string;
  readonly policy: HttpRetryPolicy;
}

/** A download in progress. */
export class DownloadRun {
  /** Whether the downloaded bytes are useless. */
  spoiled = false;
  /** The last response. */
  response: HttpResponse | undefined;
  readonly #work: DownloadWork;
  readonly #most: number;
  #shown = "the file";
  /** The number of bytes from an earlier run. */
  #old = 0;
  #resumptions = 0;
  /** The number of parts that a fresh file comes in. */
  #parallel: number;
  #restarts = 0;
  /** The largest size so far. More is progress. */
  #best = 0;
  /** Failures since the last progress. */
  #failures = 0;
  /** The time limit for the whole download, in milliseconds. */
  readonly #total: number;
  readonly #end: number;

  constructor(work: DownloadWork) {
    this.#work = work;
    const { maxSize = Infinity, size = Infinity, parallel = 1, timeouts } = work.options;
    this.#parallel = parallel;
    this.#most = Math.min(maxSize, size);
    this.#total = timeLimit(timeouts?.total ?? 0);
    this.#end = performance.now() + this.#total;
  }

  /** Downloads what is missing and checks the file. */
  async run(): Promise<Pick<DownloadResult, "resumedFrom" | "resumptions">> {
    const { partial, key, options } = this.#work;
    if (partial.state?.url !== key) await partial.restart(undefined);
    this.#old = this.#best = partial.size;
    try {
      for (let pieces = 0; !await this.#piece();) {
        if (++pieces <= MAX_PIECES) continue;
        throw this.#failure(`it comes in more than ${MAX_PIECES} pieces`);
      }
    } catch (error) {
      // The error of the client names the rest of the limit that one request had.
      const late = error instanceof HttpTimeoutError && error.stage === "total" &&
        this.#total !== Infinity && error.limit !== this.#total;
      throw late ? this.#late(error) : error;
    }
    await this.#check();
    options.signal?.throwIfAborted();
    return { resumedFrom: this.#old, resumptions: this.#resumptions };
  }

  /** Checks the size and the digest of the complete file. */
  async #check(): Promise<void> {
    const { partial, options: { size, digest } } = this.#work;
    this.spoiled = true;
    if (size !== undefined && partial.size !== size) {
      throw this.#failure(`it has ${partial.size} bytes, not ${size}`);
    }
    if (digest !== undefined) {
      const hash = createHash(digest.algorithm);
      await partial.feed((bytes) => hash.update(bytes));
      const actual = hash.digest("hex");
      const wanted = digest.hex.toLowerCase();
      if (actual !== wanted) {
        throw this.#failure(`its ${digest.algorithm} is ${actual}, not ${wanted}`);
      }
    }
    this.spoiled = false;
  }

  /** Requests the missing part. Returns whether the file is complete. */
  async #piece(): Promise<boolean> {
    const { partial, client, url, request, key } = this.#work;
    // After the last fresh start, the server gets no chance to send wrong pieces.
    const state = this.#restarts < MAX_RESTARTS ? partial.state : undefined;
    const from = state === undefined ? 0 : partial.size;
    const stop = new AbortController();
    const response = this.response = await client.get(url, {
      ...this.#timed(),
      signal: stoppable(request.signal, stop),
      headers: withHeaders(request.headers, rangeHeaders(from, state)),
      maxBody: Infinity,
      raiseForStatus: (status) => status >= 400 && !(status === 416 && from > 0),
    });
    this.#shown = response.shownUrl;
    const { status, headers } = response;
    try {
      if (status === 416) return await this.#nothingMore(response);
      if (status !== 206) {
        this.#old = 0;
        await partial.restart(stateOf(key, headers));
        const parts = partsFor(partial.state?.total, headers, this.#parallel);
        if (parts > 1) return await this.#saveParts(response, parts, stop);
        return await this.#save(response, undefined);
      }
      const range = rangeOf(headers);
      if (range === undefined || range.start > from) {
        return await this.#restart("the server sent another piece than the one that was asked for");
      }
      if (from > 0 && state !== undefined && hasChanged(state, headers, range.total)) {
        return await this.#restart("it has changed meanwhile");
      }
      if (from === 0) await partial.restart(stateOf(key, headers, range.total));
      // The server may begin earlier than asked.
      await partial.rewind(range.start);
      this.#old = Math.min(this.#old, range.start);
      return await this.#save(response, range);
    } finally {
      if (!response.bodyUsed) await response.body?.cancel();
    }
  }

  /** Handles the answer that the file ends here. Either nothing is missing, or it is another file. */
  async #nothingMore({ headers }: HttpResponse): Promise<boolean> {
    const { partial } = this.#work;
    const { state, size } = partial;
    const ends = headers.get("content-range") === `bytes */${size}`;
    if (ends && !hasChanged(state!, headers, size)) return true;
    return await this.#restart("it has fewer bytes than before");
  }

  /** Writes a body to the file. Returns whether the file is complete. */
  async #save(response: HttpResponse, range: Piece | undefined): Promise<boolean> {
    const { partial, options: { size: expected, onDownload } } = this.#work;
    const total = range === undefined ? lengthOf(response.headers) : range.total;
    this.#checkSize(total ?? 0);
    try {
      for await (const chunk of response.body ?? []) {
        const size = partial.size + chunk.length;
        if (range !== undefined && size > range.end) {
          return await this.#restart("the server sent more than the piece that it announced");
        }
        this.#checkSize(size);
        await partial.append(chunk);
        onDownload?.({ transferred: size, total: total ?? expected });
      }
    } catch (error) {
      if (!(error instanceof HttpRequestError) || !error.retryable) throw error;
      await this.#pause(error);
      return false;
    }
    if (total === undefined || partial.size >= total) return true;
    // A server may send less than requested.
    if (partial.size > this.#best) this.#progress();
    else await this.#pause(this.#failure("the server does not send the rest"));
    return false;
  }

  /** Throws if a file is larger than it may be. */
  #checkSize(size: number): void {
    const most = this.#most;
    if (size <= most) return;
    this.spoiled = true;
    const { size: expected } = this.#work.options;
    const allowed = expected === most ? `${most}` : `at most ${most}`;
    throw this.#failure(`it has ${size} bytes or more, not ${allowed}`, "limit");
  }

  /** Downloads several parts at once. After any failure, the rest comes in one piece. */
  async #saveParts(
    response: HttpResponse,
    count: number,
    stop: AbortController,
  ): Promise<boolean> {
    const { partial, options } = this.#work;
    const state = partial.state!;
    const total = state.total!;
    this.#checkSize(total);
    this.#parallel = 1;
    await partial.beginGaps();
    let theirs: { readonly error: unknown } | undefined;
    const tell = (transferred: number) => {
      try {
        options.onDownload?.({ transferred, total });
      } catch (error) {
        theirs = { error };
        throw error;
      }
    };
    const { size, error } = await downloadParts(response, {
      ...this.#work,
      request: this.#timed(),
      state,
      total,
      count,
      stop,
      tell,
    });
    await partial.endGaps(size);
    if (theirs !== undefined) throw theirs.error;
    options.signal?.throwIfAborted();
    if (size === total) return true;
    if (error instanceof HttpRequestError && error.retryable) await this.#pause(error);
    else if (!(error instanceof UnfitPart || error instanceof HttpStatusError)) throw error;
    return false;
  }

  /** Returns the options of a request within the time limit of the whole download. */
  #timed(): PieceRequest {
    const { request } = this.#work;
    if (this.#end === Infinity) return request;
    return { ...request, timeouts: { ...request.timeouts, total: this.#left() } };
  }

  #progress(): void {
    this.#best = this.#work.partial.size;
    this.#failures = 0;
  }

  /** Counts an interruption and waits. Throws the error after too many without progress. */
  async #pause(error: HttpRequestError): Promise<void> {
    const { partial, policy, options: { signal } } = this.#work;
    if (partial.size > this.#best) this.#progress();
    if (++this.#failures > policy.total) throw error;
    this.#resumptions++;
    const wait = retryWait(this.#failures, policy);
    await delay(Math.min(wait, this.#left(error)), signal === undefined ? {} : { signal });
  }

  /** Returns the rest of the time limit in milliseconds. */
  #left(cause?: unknown): number {
    const left = this.#end - performance.now();
    if (left <= 0) throw this.#late(cause);
    return Math.max(1, left);
  }

  #late(cause: unknown): HttpTimeoutError {
    const limit = this.#total;
    const message = `Cannot download ${this.#shown}: it is not whole within ${limit} ms (total)`;
    return new HttpTimeoutError(message, {
      stage: "total",
      limit,
      ...this.#failing(),
      retryable: false,
      cause,
    });
  }

  #failing() {
    const shown = this.#shown;
    return { phase: "response", method: "GET", url: shown, sent: "maybe" } as const;
  }

  /** Drops everything. Throws after too many fresh starts. */
  async #restart(reason: string): Promise<false> {
    if (this.#restarts >= MAX_RESTARTS) {
      this.spoiled = true;
      throw this.#failure(reason);
    }
    this.#restarts++;
    this.#old = this.#best = 0;
    await this.#work.partial.restart(undefined);
    return false;
  }

  #failure(reason: string, kind: "protocol" | "limit" = "protocol"): HttpRequestError {
    const message = `Cannot download ${this.#shown}: ${reason}`;
    return new HttpRequestError(message, { kind, ...this.#failing() });
  }
}

/** Returns a digest of a URL. */
export function keyOf(url: string | URL): string {
  return createHash("sha256").update(String(url)).digest("hex");
}
