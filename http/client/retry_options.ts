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
   * The largest number of retries of any kind; 0 for none. Redirects do not count, as in a session of
   * Python's requests.
   *
   * @default 3
   */
  total?: number;
  /**
   * The largest number of retries after failed connections.
   *
   * @default total
   */
  connect?: number;
  /**
   * The largest number of retries after failures of requests that may have been sent.
   *
   * @default total
   */
  read?: number;
  /**
   * The largest number of retries after a status of `statusForcelist`, or after `Retry-After`.
   *
   * @default total
   */
  status?: number;
  /**
   * The largest number of redirects. The smaller one of this and `maxRedirects` applies.
   *
   * @default maxRedirects
   */
  redirect?: number;
  /**
   * The largest number of retries after other temporary failures.
   *
   * @default total
   */
  other?: number;
  /**
   * The factor of the waits in seconds. A wait is this, times 2 to the power of (failures in a row − 1).
   *
   * @default 0.5
   */
  backoffFactor?: number;
  /**
   * The largest random time that is added to each wait.
   *
   * @default 0
   */
  jitter?: number;
  /**
   * The longest wait of the backoff; 0 for no limit.
   *
   * @default 120000
   */
  maxBackoff?: number;
  /**
   * The statuses that lead to a retry.
   *
   * @default [500, 502, 503, 504]
   */
  statusForcelist?: readonly number[];
  /**
   * The methods that may be retried after a request may have been sent.
   *
   * @default ["DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"]
   */
  methods?: readonly string[];
  /**
   * Whether to wait as long as `Retry-After` says. A status of 413, 429 or 503 with this header leads to
   * a retry.
   *
   * @default true
   */
  respectRetryAfter?: boolean;
  /**
   * The longest wait that a server can request; 0 for no limit. A longer wait is shortened to this.
   *
   * @default 60000
   */
  maxRetryAfter?: number;
}

/** Checked {@linkcode HttpRetryOptions} with all defaults. */
export interface HttpRetryPolicy {
  /** The largest number of retries of any kind. */
  readonly total: number;
  /** The largest number of retries for each kind of failure. */
  readonly limits: Readonly<Record<HttpRetryCause, number>>;
  /** The largest number of redirects. */
  readonly redirect: number;
  /** The factor of the waits, in seconds. */
  readonly backoffFactor: number;
  /** The largest random part of a wait, in milliseconds. */
  readonly jitter: number;
  /** The longest wait of the backoff, in milliseconds. */
  readonly maxBackoff: number;
  /** The statuses that lead to a retry. */
  readonly statuses: ReadonlySet<number>;
  /** The methods that may be retried. */
  readonly methods: ReadonlySet<string>;
  /** Whether `Retry-After` sets the wait. */
  readonly respectRetryAfter: boolean;
  /** The longest wait that a server can request, in milliseconds. */
  readonly maxRetryAfter: number;
}

/** The kind of failure that leads to a retry. */
export type HttpRetryCause = "connect" | "read" | "status" | "other";
