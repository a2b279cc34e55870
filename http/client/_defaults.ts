import type { HttpAuth, HttpCommonOptions, HttpTimeouts } from "./options.ts";
import { timeLimit } from "../../net/internal/options.ts";
import { policyOf } from "./_retry_defaults.ts";
import type { HttpRetryPolicy } from "./retry_options.ts";
import { addHeaders } from "./_headers.ts";
import { SpelledHeaders } from "./_spelled_headers.ts";
import { type HeaderBlock, headerBlock } from "./internal/request_head.ts";
import type { PlainRequest, Timeouts } from "./_request_plan.ts";
import { UrlCache } from "./_url_cache.ts";

/** The default options of requests. */
export class Defaults implements PlainRequest {
  readonly headers: Headers = new SpelledHeaders();
  readonly block: HeaderBlock;
  readonly templates = new UrlCache();
  readonly params: readonly NonNullable<HttpCommonOptions["params"]>[];
  readonly auth: HttpAuth | undefined;
  readonly times: HttpTimeouts;
  readonly timeouts: Timeouts;
  readonly again: HttpCommonOptions["retry"];
  readonly retry: HttpRetryPolicy;
  readonly maxRedirects: number;
  readonly raise: (status: number) => boolean;
  readonly maxBody: number;
  readonly expectFrom: number;

  constructor(options: HttpCommonOptions, below: Defaults | undefined) {
    if (below !== undefined) addHeaders(this.headers, below.headers);
    addHeaders(this.headers, options.headers);
    this.block = headerBlock(this.headers);
    this.params = [...below?.params ?? [], ...options.params === undefined ? [] : [options.params]];
    this.auth = options.auth === null ? undefined : options.auth ?? below?.auth;
    this.times = { ...below?.times, ...options.timeouts };
    this.timeouts = fillTimes(this.times);
    this.again = mergeRetry(below?.again, options.retry);
    this.retry = policyOf(this.again);
    this.maxRedirects = options.maxRedirects ?? below?.maxRedirects ?? 20;
    this.raise = raiser(options.raiseForStatus) ?? below?.raise ?? isError;
    this.expectFrom = expectFrom(options.expectContinue) ?? below?.expectFrom ?? Infinity;
    this.maxBody = options.maxBody ?? below?.maxBody ?? 64 * 1024 * 1024;
  }
}

/** Returns the function that tells which statuses are errors; undefined if the option is not set. */
export function raiser(
  raise: HttpCommonOptions["raiseForStatus"],
): ((status: number) => boolean) | undefined {
  if (raise === undefined || typeof raise === "function") return raise;
  return raise ? isError : never;
}

/** Returns the smallest size of a body that waits for `100 Continue`; undefined if it is not set. */
export function expectFrom(value: HttpCommonOptions["expectContinue"]): number | undefined {
  return typeof value === "boolean" ? value ? 0 : Infinity : value;
}

/** Accepts every status. */
export function never(): boolean {
  return false;
}

/** Returns retry options in which the given ones replace those below. */
export function mergeRetry(
  below: HttpCommonOptions["retry"],
  given: HttpCommonOptions["retry"],
): HttpCommonOptions["retry"] {
  return below && given ? { ...below, ...given } : given ?? below;
}

/** Fills in the default time limits. */
export function fillTimes(times: HttpTimeouts): Timeouts {
  return {
    queue: timeLimit(times.queue ?? 60_000),
    headers: timeLimit(times.headers ?? 30_000),
    body: timeLimit(times.body ?? 30_000),
    total: timeLimit(times.total ?? 0),
  };
}

function isError(status: number): boolean {
  return status >= 400;
}
