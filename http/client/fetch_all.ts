/**
 * Fetches many URLs at once. Results come in the order of completion, or all together in the order of the
 * URLs. A failure of one URL does not affect the others.
 *
 * @example Results by completion, and in the order of the URLs
 * ```ts
 * import { fetchAll } from "@portside/kit/http/fetch-all";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve(
 *   { port: 0, onListen() {} },
 *   (request) => new Response(new URL(request.url).pathname),
 * );
 * const base = `http://127.0.0.1:${server.addr.port}`;
 *
 * const seen = new Set<number>();
 * for await (const result of fetchAll([`${base}/a`, `${base}/b`])) seen.add(result.index);
 * assertEquals(seen.size, 2);
 *
 * const all = await fetchAll([`${base}/a`, "nonsense"], {
 *   read: (response) => response.text(),
 * }).gather();
 * assertEquals(all.map((one) => one.ok && one.value), ["/a", false]);
 * ```
 *
 * **Permissions**: `--allow-net` for all requested hosts.
 *
 * @module
 */

import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { createClient, type HttpClient, type HttpFetchOptions } from "./client.ts";
import type { HttpResponse } from "./response.ts";
import { callback, count, group, OptionRules, rule, signal } from "../../net/internal/options.ts";
import { aClient, FETCH, without } from "./_option_rules.ts";
import { UrlSource } from "./_url_source.ts";

/** Options of {@linkcode fetchAll}. */
export interface FetchAllOptions<T> {
  /**
   * The largest number of simultaneous requests.
   *
   * @default 10
   */
  concurrency?: number;
  /** Cancels all requests. The loop throws the reason of the signal. */
  signal?: AbortSignal;
  /**
   * The client to use.
   *
   * @default a new one with the defaults of `createClient` and `concurrency` as `maxPerHost`
   */
  client?: HttpClient;
  /** The options of each request. */
  request?: Omit<HttpFetchOptions, "signal">;
  /**
   * Makes the value of a result from a response. The request counts as in progress until then.
   *
   * @default the body as bytes
   */
  read?: (response: HttpResponse, index: number) => T | Promise<T>;
}

/** The result for one URL. */
export type FetchResult<T> =
  & {
    /** The index of the URL in the list, from 0. */
    readonly index: number;
    /** The URL, as the caller passed it. */
    readonly url: string;
  }
  & (
    | {
      /** True for a success. */
      readonly ok: true;
      /** The value that `read` returned. */
      readonly value: T;
    }
    | {
      /** False for a failure. */
      readonly ok: false;
      /** An error of the client, or the error that `read` threw. */
      readonly error: unknown;
    }
  );

/** The results of many URLs. The first request starts when the iteration starts. */
export interface FetchAllRun<T> extends AsyncIterable<FetchResult<T>> {
  /** Returns all results in the order of the URLs. */
  gather(): Promise<FetchResult<T>[]>;
}

/**
 * Fetches many URLs at once. Leaving the loop cancels all requests. A slow loop delays new requests, so
 * that results do not accumulate.
 *
 * @typeParam T The type of the value that `read` returns.
 * @param urls The URLs. They are read one by one, so that a generator can produce them. A generator that
 * is not read to its end is closed.
 * @param options The client, the concurrency and the options of each request.
 * @returns The results, as an async iterable and as `gather()`.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 *
 * @example Collect the statuses
 * ```ts
 * import { fetchAll } from "@portside/kit/http/fetch-all";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, () => new Response("", { status: 404 }));
 * const results = await fetchAll([`http://127.0.0.1:${server.addr.port}/`], {
 *   request: { raiseForStatus: false },
 *   read: ({ status }) => status,
 * }).gather();
 * assertEquals(results[0]?.ok && results[0].value, 404);
 * ```
 */
export function fetchAll<T = Uint8Array<ArrayBuffer>>(
  urls: Iterable<string | URL> | AsyncIterable<string | URL>,
  options: FetchAllOptions<T> = {},
): FetchAllRun<T> {
  urlList("urls", urls);
  options = FETCH_ALL.check("fetchAll", options as FetchAllOptions<unknown>) as FetchAllOptions<T>;
  const { concurrency = 10 } = options;
  return {
    [Symbol.asyncIterator]: () => run(urls, options, concurrency),
    async gather() {
      const results: FetchResult<T>[] = [];
      for await (const result of run(urls, options, concurrency)) results[result.index] = result;
      return results;
    },
  };
}

const FETCH_ALL = new OptionRules<FetchAllOptions<unknown>>({
  concurrency: count,
  signal,
  client: aClient,
  request: group(without(FETCH, "signal")),
  read: callback,
});

const urlList = rule(
  "an iterable of URLs, sync or async, but no string",
  (value) =>
    typeof value === "object" && value !== null &&
    (Symbol.iterator in value || Symbol.asyncIterator in value),
);

async function* run<T>(
  urls: Iterable<string | URL> | AsyncIterable<string | URL>,
  { signal, client: given, request, read }: FetchAllOptions<T>,
  concurrency: number,
): AsyncGenerator<FetchResult<T>> {
  signal?.throwIfAborted();
  const client = given ?? createClient({ maxPerHost: concurrency });
  const stop = new AbortController();
  let wake = () => {};
  const onAbort = () => {
    stop.abort(signal!.reason);
    wake();
  };
  signal?.addEventListener("abort", onAbort);
  const running = new Set<Promise<void>>();
  const finished: FetchResult<T>[] = [];
  const source = new UrlSource(urls, () => wake());

  const one = async (index: number, url: string | URL) => {
    const about = { index, url: String(url) };
    let response: HttpResponse | undefined;
    try {
      response = await client.get(url, { ...request, signal: stop.signal });
      // Without `read`, T is the type of `bytes()`.
      const value = await (read === undefined ? response.bytes() as T : read(response, index));
      finished.push({ ...about, ok: true, value });
    } catch (error) {
      finished.push({ ...about, ok: false, error });
    }
    // An unread body would occupy a place in the pool.
    if (response?.bodyUsed === false) await ignoreFailure(response.body?.cancel());
  };

  try {
    for (let index = 0;;) {
      while (running.size + finished.length < concurrency) {
        const url = source.take();
        if (url === undefined) break;
        const work: Promise<void> = one(index++, url).finally(() => {
          running.delete(work);
          wake();
        });
        running.add(work);
      }
      if (finished.length === 0) {
        if (running.size === 0 && source.ended) return;
        await new Promise<void>((resolve) => wake = resolve);
      }
      signal?.throwIfAborted();
      const result = finished.shift();
      if (result !== undefined) yield result;
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
    stop.abort(new DOMException("The loop over the results has ended", "AbortError"));
    await Promise.all(running);
    if (given === undefined) await client[Symbol.asyncDispose]();
    await source.close();
  }
}
