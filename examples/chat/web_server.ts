/**
 * `Deno.serve` that does not end by itself. Bare, it stops accepting for good,
 * and takes the program with it, when the file descriptors run out once.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { getLogger } from "@logtape/logtape";
import { toNetError } from "../../net/errors.ts";

/** Answers one request. */
export type Handler = (request: Request, remote: Deno.NetAddr) => Promise<Response>;

/** The pause before it listens again, in milliseconds. */
const PAUSE = 100;
/** How often a failure that repeats itself is logged, in milliseconds. */
const QUIET = 5000;

const logger = getLogger(["portside", "chat", "web"]);

/** A server on one address, until it is told to stop. */
export class SteadyServer {
  /** Where it listens. */
  readonly addr: Deno.NetAddr;
  /** Resolves when it has stopped; never rejects. */
  readonly finished: Promise<void>;

  readonly #hostname: string;
  readonly #handler: Handler;
  readonly #stop = new AbortController();
  readonly #done = Promise.withResolvers<void>();
  #inner: Deno.HttpServer<Deno.NetAddr> | undefined;
  #cut = new AbortController();
  #loggedAt = -Infinity;

  /**
   * Starts listening.
   *
   * @param at Where.
   * @param handler Answers requests.
   * @throws {NetError} In phase "listen".
   */
  constructor(at: { readonly hostname: string; readonly port: number }, handler: Handler) {
    const { hostname, port } = at;
    this.#hostname = hostname;
    this.#handler = handler;
    this.finished = this.#done.promise;
    try {
      this.addr = this.#serve(port);
    } catch (error) {
      throw toNetError(error, { phase: "listen", hostname, port });
    }
  }

  /**
   * Stops accepting and lets requests end.
   *
   * @returns Resolves when it has stopped; {@linkcode SteadyServer.abort} hastens that.
   */
  async shutdown(): Promise<void> {
    this.#stop.abort();
    if (this.#inner === undefined) this.#done.resolve();
    else await this.#inner.shutdown().catch(() => {});
    await this.finished;
  }

  /** Cuts every connection. */
  abort(): void {
    this.#stop.abort();
    // To abort what has finished would be an error that nobody can catch.
    if (this.#inner === undefined) this.#done.resolve();
    else this.#cut.abort();
  }

  #serve(port: number): Deno.NetAddr {
    this.#cut = new AbortController();
    const inner = Deno.serve({
      hostname: this.#hostname,
      port,
      signal: this.#cut.signal,
      onListen() {},
      onError(error) {
        logger.error("a request failed: {error}", { error });
        return new Response("Something went wrong here\n", { status: 500 });
      },
    }, (request, info) => this.#handler(request, info.remoteAddr));
    this.#inner = inner;
    inner.finished.then(() => this.#ended(), (error) => this.#ended(error));
    return inner.addr;
  }

  #ended(error?: unknown): void {
    this.#inner = undefined;
    if (this.#stop.signal.aborted) this.#done.resolve();
    else this.#again(error);
  }

  async #again(error: unknown): Promise<void> {
    const now = performance.now();
    if (now - this.#loggedAt > QUIET) {
      this.#loggedAt = now;
      const { message } = toNetError(error, { phase: "accept", ...this.addr });
      logger.warn("{error}; listening again", { error: message });
    }
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await delay(PAUSE, { signal }).catch(() => {});
      if (signal.aborted) return this.#done.resolve();
      try {
        return void this.#serve(this.addr.port);
      } catch { /* The port or a descriptor is not to be had yet. */ }
    }
  }
}
