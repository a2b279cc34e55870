import type { HttpRateLimit } from "./options.ts";

/** Limits how many requests start within a period, for each host. */
export class RateLimiter {
  readonly #requests: number;
  readonly #per: number;
  /** The times of the last starts for each host. The oldest is at `at`. */
  readonly #hosts = new Map<string, { starts: number[]; at: number }>();

  constructor({ requests, per }: HttpRateLimit) {
    this.#requests = requests;
    this.#per = per;
  }

  /** Reserves the next start for a host. Returns the wait until then in milliseconds. */
  take(host: string, now: number): number {
    if (this.#requests === Infinity) return 0;
    let row = this.#hosts.get(host);
    if (row === undefined) {
      this.#forget(now);
      this.#hosts.set(host, row = { starts: [], at: 0 });
    }
    const oldest = row.starts.length < this.#requests ? -Infinity : row.starts[row.at]!;
    const start = Math.max(now, oldest + this.#per);
    row.starts[row.at] = start;
    row.at = (row.at + 1) % this.#requests;
    return start - now;
  }

  /** Drops idle hosts, so that their number stays bounded. */
  #forget(now: number): void {
    if (this.#hosts.size < 1000) return;
    for (const [host, { starts }] of this.#hosts) {
      if (starts.every((start) => start + this.#per <= now)) this.#hosts.delete(host);
    }
  }
}
