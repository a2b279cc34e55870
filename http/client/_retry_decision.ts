import type { HttpSent, HttpTry } from "./errors.ts";
import type { Plan } from "./_request_plan.ts";
import { retryWait } from "./_retry_defaults.ts";
import { isRetryStatus, parseRetryAfter } from "./retry.ts";
import type { HttpRetryCause } from "./retry_options.ts";
import { shownUrl } from "./_url.ts";

/** Counts the failures of a request, and decides whether and when it is retried. */
export class Retries {
  readonly #plan: Plan;
  readonly #by: Record<HttpRetryCause, number> = { connect: 0, read: 0, status: 0, other: 0 };
  #all = 0;
  /** Failures since the last redirect. */
  #row = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /** Restarts the waits after a redirect. */
  redirected(): void {
    this.#row = 0;
  }

  /** Returns the failed try if a response leads to a retry; undefined if it is the result. */
  afterStatus(status: number, retryAfter: string | null): HttpTry | undefined {
    const { retry } = this.#plan;
    if (!isRetryStatus(retry, status, retryAfter !== null)) return undefined;
    if (!this.#repeatable() || !this.#allowed("status")) return undefined;
    const asked = retryAfter !== null && retry.respectRetryAfter
      ? parseRetryAfter(retryAfter, Date.now()) ?? 0
      : 0;
    const delay = asked > 0 ? Math.min(asked, retry.maxRetryAfter) : retryWait(this.#row, retry);
    return { ...this.#about(), status, delay };
  }

  /** Returns the failed try if an error leads to a retry; undefined if it is the result. */
  afterError(error: unknown, unsent: boolean): HttpTry | undefined {
    if (!(error instanceof Error)) return undefined;
    const cause = this.#causeOf(error, unsent);
    if (cause === undefined || !this.#allowed(cause)) return undefined;
    return { ...this.#about(), error, delay: retryWait(this.#row, this.#plan.retry) };
  }

  /**
   * Returns the failed try if a request is repeated at once, because a reused connection was dead. This
   * does not count as a failure of the server.
   */
  afterStale(error: unknown, unsent: boolean): HttpTry | undefined {
    const { body, retry } = this.#plan;
    if (!(error instanceof Error) || retry.total === 0 || body?.replayable === false) {
      return undefined;
    }
    return unsent || this.#repeatable() ? { ...this.#about(), error, delay: 0 } : undefined;
  }

  #about(): HttpTry {
    return { method: this.#plan.method, url: shownUrl(this.#plan.url) };
  }

  /** Returns the kind of failure of an error; undefined if it allows no retry. */
  #causeOf(error: Error, unsent: boolean): HttpRetryCause | undefined {
    const { kind, sent, retryable } = error as Error & {
      kind?: string;
      sent?: HttpSent;
      retryable?: boolean;
    };
    if (sent === undefined || retryable !== true) return undefined;
    if (unsent) return this.#plan.body?.replayable === false ? undefined : "connect";
    if (!this.#repeatable()) return undefined;
    return kind === "reset" || kind === "truncated" || kind === "timeout" ? "read" : "other";
  }

  /** Returns whether the request may be sent again. */
  #repeatable(): boolean {
    const { body, headers, method, retry } = this.#plan;
    if (body?.replayable === false) return false;
    return retry.methods.has(method) || headers?.has("idempotency-key") === true;
  }

  /** Counts a failure. Returns whether another try is allowed. */
  #allowed(cause: HttpRetryCause): boolean {
    const { total, limits } = this.#plan.retry;
    this.#row++;
    return ++this.#all <= total && ++this.#by[cause] <= limits[cause];
  }
}
