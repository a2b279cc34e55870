/**
 * Downloads to a file. The file has a temporary name until it is complete and checked. An interrupted
 * download resumes, in this run or in the next one (RFC 9110 §14).
 *
 * The incomplete file is `FILE.part`. The note `FILE.part.json` identifies the content. A download
 * resumes only if the server confirms that the content is unchanged (`If-Range`), and if the new response
 * has the same entity tag, date and size. An existing `FILE` stays unchanged until the new one replaces it
 * atomically. The new one gets its permission bits.
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
 * `FILE.part` and `FILE.part.json`, or for the folder with `remoteName`.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { filenameFrom } from "../internal/content_disposition.ts";
import { createClient } from "./client.ts";
import { retryOf } from "./_client_retry.ts";
import { mergeRetry } from "./_defaults.ts";
import { DownloadRun, keyOf } from "./_download_run.ts";
import type { DownloadDigest, DownloadOptions, DownloadResult } from "./download_options.ts";
import { policyOf } from "./_retry_defaults.ts";
import { aClient, FETCH, without } from "./_option_rules.ts";
import type { PartialPaths } from "../../net/internal/partial_file.ts";
import { freePath, openPartial } from "./_partial_file.ts";
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
} from "../../net/internal/options.ts";

export type * from "./download_options.ts";

/**
 * Downloads a file.
 *
 * An interrupted body is retried according to `retry` of the options and of the client, and resumes where
 * it stopped. Progress restarts the count of retries. `onDownload` reports the progress of the whole file.
 * The client requests the body without compression.
 *
 * @param url The URL. It may be relative to the base URL of `client`.
 * @param file The path of the file, or its `file:` URL.
 * @param options The client, the limits and the expected size and digest.
 * @returns The path and the size of the file, and how it was resumed.
 * @throws {HttpStatusError} If the server answers with a status of 400 or above.
 * @throws {HttpRequestError} If the download fails; `kind` "protocol" if size or digest are wrong.
 * @throws {NetError} If `file` is a folder or something else that is no file; `kind` "usage".
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
  const { resume = true, remoteName = false, signal } = options;
  const path = file instanceof URL ? fileURLToPath(file) : file;
  const key = keyOf(url);
  const paths: PartialPaths = remoteName
    ? { path: `${path}/.${key.slice(0, 16)}.part`, target: undefined }
    : { path: `${path}.part`, target: path };
  signal?.throwIfAborted();
  const client = options.client ?? createClient();
  try {
    using partial = await openPartial(paths, resume);
    const policy = policyOf(mergeRetry(retryOf(client), options.retry));
    const request = REQUEST.pick(options);
    const run = new DownloadRun({ partial, client, url, options, request, key, policy });
    try {
      const counts = await run.run();
      const { size } = partial;
      const target = paths.target ?? await freePath(path, nameOf(run.response!));
      await partial.finish(target);
      return { path: target, size, ...counts };
    } catch (error) {
      // A wrong file, or one that cannot be resumed, is useless for the next run.
      if (!resume || run.spoiled || partial.state === undefined) await partial.discard();
      throw error;
    }
  } finally {
    if (options.client === undefined) await client[Symbol.asyncDispose]();
  }
}

function nameOf({ headers, url }: Response): string {
  return filenameFrom(headers.get("content-disposition"), url);
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
  parallel: integer(1, 64),
  remoteName: flag,
});
