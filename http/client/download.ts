/**
 * Downloads to a file. The file has a temporary name until it is complete and checked. An interrupted
 * download resumes, in this run or in the next one (RFC 9110 §14).
 *
 * The incomplete file is `FILE.part`. The note `FILE.part.json` identifies the content. A download
 * resumes only if the server confirms that the content is unchanged (`If-Range`). An existing `FILE` stays
 * unchanged until the new one replaces it atomically.
 *
 * @example Download and verify a file
 * ```ts
 * import { download } from "@portside/kit/http/download";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, () => new Response("hello"));
 * const folder = await Deno.makeTempDir();
 * const { size } = await download(`http://127.0.0.1:${server.addr.port}/`, `${folder}/hello.txt`, {
 *   digest: {
 *     algorithm: "sha256",
 *     hex: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
 *   },
 * });
 * assertEquals([size, await Deno.readTextFile(`${folder}/hello.txt`)], [5, "hello"]);
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * **Permissions**: `--allow-net` for the host; `--allow-read` and `--allow-write` for `FILE`,
 * `FILE.part` and `FILE.part.json`.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { createClient, type HttpClient, type HttpFetchOptions } from "./client.ts";
import { HttpRequestError, HttpTimeoutError } from "./errors.ts";
import type { HttpResponse } from "./response.ts";
import { policyOf, retryWait } from "./_retry_defaults.ts";
import { aClient, FETCH, without } from "./_option_rules.ts";
import type { HttpRetryPolicy } from "./retry_options.ts";
import { withHeaders } from "./_headers.ts";
import { PartialFile } from "./_partial_file.ts";
import { hasChanged, lengthOf, type Piece, rangeHeaders, rangeOf, stateOf } from "./_resume.ts";
import {
  count,
  flag,
  group,
  integer,
  oneOf,
  optionError,
  OptionRules,
  path as filePath,
  required,
  text,
  timeLimit,
} from "../../net/internal/options.ts";

/** The expected digest of a file. */
export interface DownloadDigest {
  /** The hash algorithm. */
  readonly algorithm: "sha256" | "sha384" | "sha512" | "sha1" | "md5";
  /** The expected digest in hexadecimal. */
  readonly hex: string;
}

/** Options of {@linkcode download}. */
export interface DownloadOptions extends Omit<HttpFetchOptions, "maxBody" | "raiseForStatus"> {
  /**
   * The client to use.
   *
   * @default a new one with the defaults of `createClient`
   */
  client?: HttpClient;
  /**
   * The expected size of the file in bytes.
   *
   * @default the size that the server states
   */
  size?: number;
  /**
   * The largest allowed size of the file in bytes.
   *
   * @default Infinity
   */
  maxSize?: number;
  /**
   * The expected digest of the file.
   *
   * @default the digest is not checked
   */
  digest?: DownloadDigest;
  /**
   * Whether to resume an earlier incomplete download, and to keep an incomplete file after a failure.
   *
   * @default true
   */
  resume?: boolean;
}

/** The result of a download. */
export interface DownloadResult {
  /** The path of the file. */
  readonly path: string;
  /** The size of the file in bytes. */
  readonly size: number;
  /** The number of bytes that an earlier run had downloaded. */
  readonly resumedFrom: number;
  /** The number of interruptions after which the download resumed. */
  readonly resumptions: number;
}

/**
 * Downloads a file.
 *
 * An interrupted body is retried according to `retry`, and resumes where it stopped. `onDownload` reports
 * the progress of the whole file. The client requests the body without compression.
 *
 * @param url The URL. It may be relative to the base URL of `client`.
 * @param file The path of the file, or its `file:` URL.
 * @param options The client, the limits and the expected size and digest.
 * @returns The path and the size of the file, and how it was resumed.
 * @throws {HttpStatusError} If the server answers with a status of 400 or above.
 * @throws {HttpRequestError} If the download fails; `kind` "protocol" if size or digest are wrong.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 *
 * @example Show the progress
 * ```ts
 * import { download } from "@portside/kit/http/download";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, () => new Response("x".repeat(1000)));
 * const file = await Deno.makeTempFile();
 * let last = 0;
 * await download(`http://127.0.0.1:${server.addr.port}/`, file, {
 *   onDownload: ({ transferred, total }) => last = transferred / (total ?? NaN),
 * });
 * assertEquals(last, 1);
 * await Deno.remove(file);
 * ```
 */
export async function download(
  url: string | URL,
  file: string | URL,
  options: DownloadOptions = {},
): Promise<DownloadResult> {
  filePath("file", file);
  options = DOWNLOAD.check("download", options);
  const { size: expected, maxSize = Infinity, resume = true, signal, retry } = options;
  const path = file instanceof URL ? fileURLToPath(file) : file;
  const most = Math.min(maxSize, expected ?? Infinity);
  const policy = policyOf(retry);
  signal?.throwIfAborted();
  const client = options.client ?? createClient();
  try {
    using partial = await PartialFile.open(path, resume);
    const work = new Download(partial, client, url, { ...options, expected, most, policy });
    try {
      const counts = await work.run();
      const { size } = partial;
      await partial.finish();
      return { path, size, ...counts };
    } catch (error) {
      // A wrong file, or one that cannot be resumed, is useless for the next run.
      if (!resume || work.spoiled || partial.state === undefined) await partial.discard();
      throw error;
    }
  } finally {
    if (options.client === undefined) await client[Symbol.asyncDispose]();
  }
}

/** A limit on the number of responses, above any sensible number. */
const MAX_PIECES = 10_000;

interface DownloadLimits extends DownloadOptions {
  readonly expected: number | undefined;
  readonly most: number;
  readonly policy: HttpRetryPolicy;
}

class Download {
  /** Whether the downloaded bytes are useless. */
  spoiled = false;
  readonly #partial: PartialFile;
  readonly #client: HttpClient;
  readonly #url: string | URL;
  readonly #options: DownloadLimits;
  readonly #request: Omit<HttpFetchOptions, "maxBody" | "onDownload" | "raiseForStatus">;
  /** A digest of the URL for the note. The URL itself may contain secrets. */
  readonly #key: string;
  #shown = "the file";
  /** The number of bytes from an earlier run. */
  #old = 0;
  #resumptions = 0;
  #restarts = 0;
  /** The time limit for the whole download, in milliseconds. */
  readonly #total: number;
  readonly #end: number;

  constructor(
    partial: PartialFile,
    client: HttpClient,
    url: string | URL,
    options: DownloadLimits,
  ) {
    this.#partial = partial;
    this.#client = client;
    this.#url = url;
    this.#options = options;
    this.#request = REQUEST.pick(options);
    this.#total = timeLimit(options.timeouts?.total ?? 0);
    this.#end = performance.now() + this.#total;
    this.#key = createHash("sha256").update(String(url)).digest("hex");
  }

  async run(): Promise<Pick<DownloadResult, "resumedFrom" | "resumptions">> {
    const { signal, digest, expected } = this.#options;
    const partial = this.#partial;
    if (partial.state?.url !== this.#key) await partial.restart(undefined);
    this.#old = partial.size;
    try {
      for (let pieces = 0; !await this.#piece();) {
        if (++pieces <= MAX_PIECES) continue;
        throw this.#failure(`it comes in more than ${MAX_PIECES} pieces`);
      }
    } catch (error) {
      // The error of the client names the rest of the limit that one request had.
      const late = error instanceof HttpTimeoutError && error.stage === "total";
      throw late && error.limit !== this.#total ? this.#late(error) : error;
    }
    this.spoiled = true;
    if (expected !== undefined && partial.size !== expected) {
      throw this.#failure(`it has ${partial.size} bytes, not ${expected}`);
    }
    if (digest !== undefined) {
      const actual = await partial.digest(digest.algorithm);
      const wanted = digest.hex.toLowerCase();
      if (actual !== wanted) {
        throw this.#failure(`its ${digest.algorithm} is ${actual}, not ${wanted}`);
      }
    }
    this.spoiled = false;
    signal?.throwIfAborted();
    return { resumedFrom: this.#old, resumptions: this.#resumptions };
  }

  /** Requests the missing part. Returns whether the file is complete. */
  async #piece(): Promise<boolean> {
    const options = this.#request;
    const partial = this.#partial;
    const { state } = partial;
    const response = await this.#client.get(this.#url, {
      ...options,
      ...this.#end === Infinity ? {} : { timeouts: { ...options.timeouts, total: this.#left() } },
      headers: withHeaders(options.headers, rangeHeaders(partial.size, state)),
      maxBody: Infinity,
      raiseForStatus: (status) => status >= 400 && !(status === 416 && partial.size > 0),
    });
    this.#shown = response.shownUrl;
    const { status, headers } = response;
    const range = status === 206 ? rangeOf(headers) : undefined;
    try {
      if (status === 416) {
        // Either nothing is missing, or the bytes here belong to another file.
        if (headers.get("content-range") === `bytes */${partial.size}`) return true;
        return await this.#restart("it has fewer bytes than before");
      }
      if (status === 206) {
        if (range === undefined || range.start !== partial.size) {
          throw this.#failure("the server sent another piece than the one that was asked for");
        }
        if (state !== undefined && hasChanged(state, headers, range.total)) {
          return await this.#restart("it has changed meanwhile");
        }
      } else {
        this.#old = 0;
        await partial.restart(stateOf(this.#key, headers));
      }
      return await this.#save(response, range);
    } finally {
      if (!response.bodyUsed) await response.body?.cancel();
    }
  }

  /** Writes a body to the file. Returns whether the file is complete. */
  async #save(response: HttpResponse, range: Piece | undefined): Promise<boolean> {
    const { expected, most, policy, signal, onDownload } = this.#options;
    const partial = this.#partial;
    const total = range === undefined ? lengthOf(response.headers) : range.total;
    this.spoiled = true;
    if ((total ?? 0) > most) throw this.#failure(tooMuch(total!, most, expected), "limit");
    this.spoiled = false;
    try {
      for await (const chunk of response.body ?? []) {
        const size = partial.size + chunk.length;
        if (size > Math.min(range?.end ?? most, most)) {
          this.spoiled = true;
          throw this.#failure(tooMuch(size, most, expected), "limit");
        }
        await partial.append(chunk);
        onDownload?.({ transferred: size, total: total ?? expected });
      }
    } catch (error) {
      if (!(error instanceof HttpRequestError) || !error.retryable) throw error;
      if (++this.#resumptions > policy.total) throw error;
      const wait = retryWait(this.#resumptions, policy);
      await delay(Math.min(wait, this.#left(error)), signal === undefined ? {} : { signal });
      return false;
    }
    // A server may send less than requested.
    return total === undefined || partial.size >= total;
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

  async #restart(reason: string): Promise<false> {
    this.spoiled = true;
    if (++this.#restarts > 1) throw this.#failure(reason);
    this.spoiled = false;
    this.#old = 0;
    await this.#partial.restart(undefined);
    return false;
  }

  #failure(reason: string, kind: "protocol" | "limit" = "protocol"): HttpRequestError {
    const message = `Cannot download ${this.#shown}: ${reason}`;
    return new HttpRequestError(message, { kind, ...this.#failing() });
  }
}

function tooMuch(size: number, most: number, expected: number | undefined): string {
  return `it has ${size} bytes or more, not ${expected === most ? most : `at most ${most}`}`;
}

const PASSED = without(FETCH, "maxBody", "raiseForStatus");
/** The options that go to each request. */
const REQUEST = without(PASSED, "onDownload");

const DIGEST = group(
  new OptionRules<DownloadDigest>({
    algorithm: required(oneOf("sha256", "sha384", "sha512", "sha1", "md5")),
    hex: required(text),
  }),
);

const DOWNLOAD = new OptionRules<DownloadOptions>({
  ...PASSED.rules,
  client: aClient,
  size: integer(0, Number.MAX_SAFE_INTEGER),
  maxSize: count,
  digest: (name, value) => {
    DIGEST(name, value);
    const { algorithm, hex } = value as DownloadDigest;
    const length = createHash(algorithm).digest().length * 2;
    if (hex.length === length && /^[0-9a-f]+$/i.test(hex)) return;
    throw optionError(`${name}.hex`, `${length} hex digits, as ${algorithm} has them`, hex);
  },
  resume: flag,
});
