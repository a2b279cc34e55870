/**
 * Types of the options and of the policy of retrying.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** Options of retrying. All times are in milliseconds. */
export interface HttpRetryOptions {
  /**
   * The most retries, whatever they are for; 0 for none. Redirects do not count, as
   * in a session of Python's requests.
   *
   * @default 3
   */
  total?: number;
  /**
   * The most retries after failures to connect.
   *
   * @default total
   */
  connect?: number;
  /**
   * The most retries after failures when the request may have been sent.
   *
   * @default total
   */
  read?: number;
  /**
   * The most retries after an answer with a status of `statusForcelist`, or with `Retry-After`.
   *
   * @default total
   */
  status?: number;
  /**
   * The most redirects, where that is less than `maxRedirects`.
   *
   * @default maxRedirects
   */
  redirect?: number;
  /**
   * The most retries after any other failure that may pass.
   *
   * @default total
   */
  other?: number;
  /**
   * Waits are this, in seconds, times two to the power of the failures in a row less one.
   *
   * @default 0.5
   */
  backoffFactor?: number;
  /**
   * Up to how much is added to each wait by chance.
   *
   * @default 0
   */
  jitter?: number;
  /**
   * The longest wait of the backoff.
   *
   * @default 120000
   */
  maxBackoff?: number;
  /**
   * The statuses that are tried again.
   *
   * @default [500, 502, 503, 504]
   */
  statusForcelist?: readonly number[];
  /**
   * The methods that are tried again once a request may have been sent.
   *
   * @default ["DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"]
   */
  methods?: readonly string[];
  /**
   * Whether to wait as long as `Retry-After` says, and to try 413, 429 and 503 again that have it.
   *
   * @default true
   */
  respectRetryAfter?: boolean;
  /**
   * The longest wait that a server can ask for; beyond it we wait that long.
   *
   * @default 60000
   */
  maxRetryAfter?: number;
}

/** {@linkcode HttpRetryOptions} checked and complete. */
export interface HttpRetryPolicy {
  /** Retries in all. */
  readonly total: number;
  /** Retries by what failed. */
  readonly limits: Readonly<Record<HttpRetryCause, number>>;
  /** Redirects. */
  readonly redirect: number;
  /** In seconds. */
  readonly backoffFactor: number;
  /** In milliseconds. */
  readonly jitter: number;
  /** In milliseconds. */
  readonly maxBackoff: number;
  /** Statuses that are tried again. */
  readonly statuses: ReadonlySet<number>;
  /** Methods that are tried again. */
  readonly methods: ReadonlySet<string>;
  /** Whether `Retry-After` counts. */
  readonly respectRetryAfter: boolean;
  /** In milliseconds. */
  readonly maxRetryAfter: number;
}

/** What a retry is for. */
export type HttpRetryCause = "connect" | "read" | "status" | "other";
