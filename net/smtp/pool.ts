/**
 * Many messages over few connections: a bound on connections and on messages of each, a rate, and
 * new tries after refusals that are for now only.
 *
 * @example A newsletter
 * ```ts
 * import { SmtpPool } from "@portside/kit/net/smtp";
 *
 * async function sendAll(hostname: string, password: string, to: string[]): Promise<void> {
 *   await using pool = new SmtpPool({ hostname, user: "ann", password, maxConnections: 2, rate: 10 });
 *   await Promise.all(to.map((address) => {
 *     const message = `From: ann@example.com\nTo: ${address}\nSubject: news\n\nhello\n`;
 *     return pool.send({ from: "ann@example.com", to: [address] }, message);
 *   }));
 * }
 * ```
 *
 * **Permissions**: those of `connectSmtp`.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { withDeadline } from "../internal/deadline.ts";
import { NetError } from "../errors/errors.ts";
import { connectSmtp, type SmtpClient } from "./client.ts";
import type { SmtpEnvelope } from "./codec.ts";
import {
  type ConnectSmtpOptions,
  type RejectedRecipient,
  type SentMail,
  SmtpRecipientsError,
} from "./options.ts";
import { Throttle } from "../throttle.ts";

/** Options of {@linkcode SmtpPool}. All times are in milliseconds. */
export interface SmtpPoolOptions extends Omit<ConnectSmtpOptions, "connection"> {
  /**
   * Connections at the same time.
   *
   * @default 5
   */
  maxConnections?: number;
  /**
   * Messages over one connection, until it is replaced: servers end long sessions.
   *
   * @default 100
   */
  maxMessages?: number;
  /** Messages a second, over all connections. @default any number */
  rate?: number;
  /**
   * Messages that wait for a connection; one more is refused.
   *
   * @default 10000
   */
  maxWaiting?: number;
  /**
   * How often a message is tried at most, where the server refuses it or some of its recipients for
   * now (4xx), cannot be reached or has ended an idle session. What breaks off after the message was
   * begun is not tried again: it may have arrived.
   *
   * @default 3
   */
  maxAttempts?: number;
  /**
   * The wait before the second try, doubled for each further one.
   *
   * @default 1000
   */
  minTimeout?: number;
}

/** A message that can be sent more than once. */
export type ReplayableMessage = string | Uint8Array;

/** One connection, and what it has carried. */
interface Carrier {
  readonly client: SmtpClient;
  sent: number;
}

/** A pool of SMTP sessions to one server. Disposing of it waits for what is under way. */
export class SmtpPool implements AsyncDisposable {
  readonly #options: SmtpPoolOptions;
  readonly #most: number;
  readonly #mostEach: number;
  readonly #mostWaiting: number;
  readonly #attempts: number;
  readonly #pause: number;
  readonly #throttle: Throttle;
  readonly #idle: Carrier[] = [];
  /** Each is given a session, or the right to open one. */
  readonly #waiting: ((carrier?: Carrier) => void)[] = [];
  readonly #running = new Set<Promise<unknown>>();
  /** Errors of messages that may have arrived all the same. */
  readonly #begun = new WeakSet<object>();
  #open = 0;
  #closed = false;

  /**
   * Makes a pool; it connects when there is something to send.
   *
   * @param options The server, and the limits.
   * @throws {RangeError} If a limit is out of range.
   */
  constructor(options: SmtpPoolOptions = {}) {
    const { rate = 0 } = options;
    this.#options = options;
    this.#most = whole("maxConnections", options.maxConnections ?? 5);
    this.#mostEach = whole("maxMessages", options.maxMessages ?? 100);
    this.#mostWaiting = whole("maxWaiting", options.maxWaiting ?? 10_000);
    this.#attempts = whole("maxAttempts", options.maxAttempts ?? 3);
    this.#pause = whole("minTimeout", options.minTimeout ?? 1000);
    if (!(rate >= 0)) throw new RangeError(`Cannot use rate ${rate}: it is a number from 0 up`);
    this.#throttle = new Throttle(rate, Math.max(1, rate));
  }

  /** Connections that are open or being opened, and messages that wait. */
  stats(): { readonly connections: number; readonly idle: number; readonly waiting: number } {
    return { connections: this.#open, idle: this.#idle.length, waiting: this.#waiting.length };
  }

  /**
   * Sends a message, when a connection is free and the rate allows it. Recipients that are refused
   * for now are tried again, alone.
   *
   * @param envelope From whom to whom.
   * @param message The message; not to be changed until it is sent.
   * @param options `signal`: gives up, also while it waits; a message that is being sent takes its
   * connection with it.
   * @returns What became of it.
   * @throws {ReplyError} If the server refuses it for good, or again and again.
   * @throws {NetError} "limit" if too much waits already, "closed" if the pool is; else as `send`.
   */
  async send(
    envelope: SmtpEnvelope,
    message: ReplayableMessage,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<SentMail> {
    if (this.#closed) {
      throw new NetError("The pool is closed", { kind: "closed", phase: "request" });
    }
    signal?.throwIfAborted();
    const both = [signal, this.#options.signal].filter((one) => one !== undefined);
    const sending = this.#send(envelope, message, AbortSignal.any(both));
    this.#track(sending);
    const late = () => new Error("unreachable");
    return await (signal === undefined ? sending : withDeadline(sending, 0, late, signal));
  }

  /** Waits for what is under way, then ends all sessions. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    const idle = this.#idle.splice(0);
    this.#open -= idle.length;
    await Promise.all(idle.map(({ client }) => client.quit()));
  }

  #track(work: Promise<unknown>): void {
    this.#running.add(work);
    const ended = () => void this.#running.delete(work);
    work.then(ended, ended);
  }

  async #send(
    { from, to }: SmtpEnvelope,
    message: ReplayableMessage,
    signal: AbortSignal,
  ): Promise<SentMail> {
    const accepted: string[] = [];
    const rejected: RejectedRecipient[] = [];
    let text = "";
    let left = to;
    /** Those of them that were refused for now. */
    let later: RejectedRecipient[] = [];
    const end = (): SentMail => {
      const all = [...rejected, ...later];
      if (accepted.length === 0) throw new SmtpRecipientsError(all);
      return { accepted, rejected: all, text };
    };
    for (let attempt = 1;; await delay(this.#pause * 2 ** (attempt++ - 1), { signal })) {
      const last = attempt >= this.#attempts;
      try {
        const sent = await this.#once({ from, to: left }, message, signal);
        accepted.push(...sent.accepted);
        ({ text } = sent);
        later = sent.rejected.filter(({ error }) => error.retryable);
        rejected.push(...sent.rejected.filter(({ error }) => !error.retryable));
        left = later.map(({ address }) => address);
      } catch (error) {
        const temporary = error instanceof NetError && error.retryable && !this.#begun.has(error);
        if (temporary && !last) continue;
        // Those that have it do not get it again because of the others.
        if (accepted.length > 0) return end();
        throw error;
      }
      if (left.length === 0 || last) return end();
    }
  }

  /** Tries once; that nobody was taken is told as that some were not. */
  async #once(
    envelope: SmtpEnvelope,
    message: ReplayableMessage,
    signal: AbortSignal,
  ): Promise<SentMail> {
    const carrier = await this.#take(signal);
    try {
      const wait = this.#throttle.take(performance.now());
      if (wait > 0) await delay(wait, { signal });
      return await carrier.client.send(envelope, message, { signal });
    } catch (error) {
      if (error instanceof SmtpRecipientsError) {
        return { accepted: [], rejected: error.rejected, text: "" };
      }
      if (error instanceof NetError && carrier.client.midway) this.#begun.add(error);
      throw error;
    } finally {
      this.#give(carrier);
    }
  }

  /** A session that is alive, or a new one, or the next that becomes free. */
  async #take(signal: AbortSignal): Promise<Carrier> {
    for (let carrier; (carrier = this.#idle.pop()) !== undefined; this.#open--) {
      if (carrier.client.open) return carrier;
    }
    if (this.#open < this.#most) {
      this.#open++;
      return await this.#connect();
    }
    if (this.#waiting.length >= this.#mostWaiting) {
      throw new NetError(`Cannot send: ${this.#mostWaiting} messages wait already`, {
        kind: "limit",
        phase: "request",
      });
    }
    const { promise, resolve, reject } = Promise.withResolvers<Carrier | undefined>();
    const onAbort = () => {
      const at = this.#waiting.indexOf(resolve);
      if (at !== -1) this.#waiting.splice(at, 1);
      reject(signal.reason);
    };
    this.#waiting.push(resolve);
    signal.addEventListener("abort", onAbort);
    const given = await promise.finally(() => signal.removeEventListener("abort", onAbort));
    return given ?? await this.#connect();
  }

  async #connect(): Promise<Carrier> {
    try {
      return { client: await connectSmtp(this.#options), sent: 0 };
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  #give(carrier: Carrier): void {
    carrier.sent++;
    if (carrier.client.open && carrier.sent < this.#mostEach) return this.#release(carrier);
    // Until it has ended the server counts it; who has sent need not wait for that.
    this.#track(carrier.client.quit().finally(() => this.#release()));
  }

  /** Passes a session on, or the right to open one, to who waits longest. */
  #release(carrier?: Carrier): void {
    const next = this.#waiting.shift();
    if (next !== undefined) next(carrier);
    else if (carrier !== undefined) this.#idle.push(carrier);
    else this.#open--;
  }
}

function whole(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new RangeError(`Cannot use ${name}: it is a whole number from 1 up, not ${value}`);
}
