import type { HttpAuth, HttpCommonOptions, HttpTimeouts } from "./options.ts";
import { type HttpRetryPolicy, retryPolicy } from "./retry.ts";
import { addHeaders, type HeaderPairs, pairsOf } from "./_headers.ts";
import { checkAuth, type PlainRequest, type Timeouts } from "./_plan.ts";
import { checkCount, checkTime } from "../internal/option_defaults.ts";
import { Templates } from "./_templates.ts";

/** The options that requests fall back on, checked once. */
export class Defaults implements PlainRequest {
  readonly headers = new Headers();
  readonly pairs: HeaderPairs;
  readonly templates = new Templates();
  readonly params: readonly NonNullable<HttpCommonOptions["params"]>[];
  readonly auth: HttpAuth | undefined;
  readonly times: HttpTimeouts;
  readonly timeouts: Timeouts;
  readonly again: HttpCommonOptions["retry"];
  readonly retry: HttpRetryPolicy;
  readonly maxRedirects: number;
  readonly raise: (status: number) => boolean;
  readonly maxBody: number;

  constructor(options: HttpCommonOptions, below: Defaults | undefined) {
    if (below !== undefined) addHeaders(this.headers, below.headers);
    addHeaders(this.headers, options.headers);
    this.pairs = pairsOf(this.headers);
    this.params = [...below?.params ?? [], ...options.params === undefined ? [] : [options.params]];
    checkAuth(options.auth);
    this.auth = options.auth === null ? undefined : options.auth ?? below?.auth;
    this.times = { ...below?.times, ...options.timeouts };
    this.timeouts = checkTimes(this.times);
    this.again = mergeRetry(below?.again, options.retry);
    this.retry = retryPolicy(this.again);
    const redirects = options.maxRedirects ?? below?.maxRedirects ?? 20;
    this.maxRedirects = redirects === 0 ? 0 : checkCount("maxRedirects", redirects, 20);
    this.raise = raiser(options.raiseForStatus) ?? below?.raise ?? isError;
    this.maxBody = checkCount("maxBody", options.maxBody, below?.maxBody ?? 64 * 1024 * 1024);
  }
}

/** Which statuses are errors; undefined if that is not said. */
export function raiser(
  raise: HttpCommonOptions["raiseForStatus"],
): ((status: number) => boolean) | undefined {
  if (raise === undefined || typeof raise === "function") return raise;
  return raise ? isError : never;
}

/** Gives every answer as it is. */
export function never(): boolean {
  return false;
}

/** The options of retrying where a client or a request sets some of them over those below. */
export function mergeRetry(
  below: HttpCommonOptions["retry"],
  given: HttpCommonOptions["retry"],
): HttpCommonOptions["retry"] {
  return below && given ? { ...below, ...given } : given ?? below;
}

/** Fills in the time limits. */
export function checkTimes(times: HttpTimeouts): Timeouts {
  return {
    queue: checkTime("timeouts.queue", times.queue, 60_000),
    headers: checkTime("timeouts.headers", times.headers, 30_000),
    body: checkTime("timeouts.body", times.body, 30_000),
    total: checkTime("timeouts.total", times.total, 0),
  };
}

function isError(status: number): boolean {
  return status >= 400;
}
