/**
 * Many URLs at once: results as they come, or all in the order given; one that
 * fails takes no other with it.
 *
 * @example In the order of completion, and all in the order given
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
 * **Permissions**: `--allow-net` for the hosts that are asked.
 *
 * @module
 */

import { createClient, type HttpClient, type HttpFetchOptions } from "./client.ts";
import type { HttpResponse } from "./response.ts";
import { callback, count, group, OptionRules, rule, signal } from "../../net/internal/options.ts";
import { aClient, FETCH, without } from "./_rules.ts";

/** Options of {@linkcode fetchAll}. */
export interface FetchAllOptions<T> {
  /**
   * How many URLs are under way at once.
   *
   * @default 10
   */
  concurrency?: number;
  /** Gives up; what is under way ends, and the signal's reason is thrown. */
  signal?: AbortSignal;
  /**
   * The client to use.
   *
   * @default one of its own, with the defaults of `createClient` and `maxPerHost` at `concurrency`
   */
  client?: HttpClient;
  /** Options of each request. */
  request?: Omit<HttpFetchOptions, "signal">;
  /**
   * Makes the value of an answer, while its URL still counts as under way.
   *
   * @default its body as bytes
   */
  read?: (response: HttpResponse, index: number) => T | Promise<T>;
}

/** What came of one URL. */
export type FetchResult<T> =
  & {
    /** Its place in the list, from 0. */
    readonly index: number;
    /** The URL as it was given. */
    readonly url: string;
  }
  & (
    | {
      /** It worked. */
      readonly ok: true;
      /** What `read` made of the answer. */
      readonly value: T;
    }
    | {
      /** It failed. */
      readonly ok: false;
      /** Why: an error of `http/errors`, or what `read` threw. */
      readonly error: unknown;
    }
  );

/** Results of many URLs; nothing is sent before somebody asks. */
export interface FetchAllRun<T> extends AsyncIterable<FetchResult<T>> {
  /** All results in the order of the URLs. */
  gather(): Promise<FetchResult<T>[]>;
}

/**
 * Fetches many URLs at once. Leaving the loop ends what is under way; a slow
 * loop holds up new requests, so that results do not pile up.
 *
 * @typeParam T What is made of each answer.
 * @param urls The URLs; taken one by one, so that they may come from a generator.
 * @param options How.
 * @returns The run.
 * @throws {RangeError} If an option is out of range.
 *
 * @example Statuses, whatever they are
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
  urls: Iterable<string | URL>,
  options: FetchAllOptions<T> = {},
): FetchAllRun<T> {
  urlList("urls", urls);
  FETCH_ALL.check("fetchAll", options as FetchAllOptions<unknown>);
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
  "an iterable of URLs that is no string",
  (value) => typeof value === "object" && value !== null && Symbol.iterator in value,
);

async function* run<T>(
  urls: Iterable<string | URL>,
  { signal, client: given, request, read }: FetchAllOptions<T>,
  concurrency: number,
): AsyncGenerator<FetchResult<T>> {
  signal?.throwIfAborted();
  const client = given ?? createClient({ maxPerHost: concurrency });
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal!.reason);
  signal?.addEventListener("abort", onAbort);
  const running = new Set<Promise<void>>();
  const finished: FetchResult<T>[] = [];
  let wake: (() => void) | undefined;

  const one = async (index: number, url: string | URL) => {
    const about = { index, url: String(url) };
    let response: HttpResponse | undefined;
    try {
      response = await client.get(url, { ...request, signal: stop.signal });
      // Without `read` T is what `bytes` gives.
      const value = await (read === undefined ? response.bytes() as T : read(response, index));
      finished.push({ ...about, ok: true, value });
    } catch (error) {
      finished.push({ ...about, ok: false, error });
    }
    // What is left of it would hold a place of the client.
    if (response?.bodyUsed === false) await response.body?.cancel().catch(() => {});
    wake?.();
  };

  try {
    let index = 0;
    const source = urls[Symbol.iterator]();
    let more = true;
    for (;;) {
      while (more && running.size + finished.length < concurrency) {
        const { done, value } = source.next();
        if (done) more = false;
        else {
          const work: Promise<void> = one(index++, value).finally(() => running.delete(work));
          running.add(work);
        }
      }
      if (finished.length === 0) {
        if (running.size === 0) return;
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await promise;
      }
      signal?.throwIfAborted();
      const result = finished.shift();
      if (result !== undefined) yield result;
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
    stop.abort(new DOMException("The loop over the results has ended", "AbortError"));
    await Promise.all(running);
    if (given === undefined) client.close();
  }
}
