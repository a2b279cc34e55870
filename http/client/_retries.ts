import type { HttpSent, HttpTry } from "./errors.ts";
import type { Plan } from "./_plan.ts";
import { retryWait } from "./_policy.ts";
import { isRetryStatus, parseRetryAfter } from "./retry.ts";
import type { HttpRetryCause } from "./retry_options.ts";
import { shownUrl } from "./_url.ts";

/** Counts how a request has failed, and says whether and when it is tried again. */
export class Retries {
  readonly #plan: Plan;
  readonly #by: Record<HttpRetryCause, number> = { connect: 0, read: 0, status: 0, other: 0 };
  #all = 0;
  /** Failures since the last redirect. */
  #row = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /** It has come further: the waits begin anew. */
  redirected(): void {
    this.#row = 0;
  }

  /** What becomes of an answer: undefined if it is the one to give. */
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

  /** What becomes of an error: undefined if it is the one to throw. */
  afterError(error: unknown, unsent: boolean): HttpTry | undefined {
    if (!(error instanceof Error)) return undefined;
    const cause = this.#causeOf(error, unsent);
    if (cause === undefined || !this.#allowed(cause)) return undefined;
    return { ...this.#about(), error, delay: retryWait(this.#row, this.#plan.retry) };
  }

  #about(): HttpTry {
    return { method: this.#plan.method, url: shownUrl(this.#plan.url) };
  }

  /** What a retry after this error would be for; undefined for none. */
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

  /** Whether another try may send it again. */
  #repeatable(): boolean {
    const { body, headers, method, retry } = this.#plan;
    if (body?.replayable === false) return false;
    return retry.methods.has(method) || headers?.has("idempotency-key") === true;
  }

  /** Counts a failure; says whether one more try is left. */
  #allowed(cause: HttpRetryCause): boolean {
    const { total, limits } = this.#plan.retry;
    this.#row++;
    return ++this.#all <= total && ++this.#by[cause] <= limits[cause];
  }
}
