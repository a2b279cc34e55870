/**
 * A pool of SMTP sessions for many messages: with limits on connections and on messages per connection,
 * a rate limit, and new tries after temporary rejections.
 *
 * @example Send a newsletter
 * ```ts
 * import { SmtpPool } from "@portside/kit/net/smtp";
 *
 * async function sendAll(hostname: string, password: string, to: string[]): Promise<void> {
 *   const login = { hostname, username: "ann", password };
 *   await using pool = new SmtpPool({ ...login, maxConnections: 2, rate: 10 });
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
import { backoff } from "../internal/backoff.ts";
import { withDeadline } from "../internal/deadline.ts";
import { credentialsIn } from "../internal/mail_rules.ts";
import { NetError } from "../errors/errors.ts";
import { connectSmtp, type SmtpClient } from "./client.ts";
import type { SmtpEnvelope } from "./codec.ts";
import {
  type ConnectSmtpOptions,
  type RejectedRecipient,
  type SentMail,
  type SmtpPoolOptions,
  SmtpRecipientsError,
} from "./options.ts";
import { checkEnvelope, CONNECT_SMTP, POOL_SEND, SMTP_POOL } from "./_option_rules.ts";
import { Throttle } from "../throttle.ts";

/** A message in memory, which can be sent more than once. */
export type ReplayableMessage = string | Uint8Array;

/** A connection, and the number of messages that it has carried. */
interface Carrier {
  readonly client: SmtpClient;
  sent: number;
}

/** A pool of SMTP sessions with one server. */
export class SmtpPool implements AsyncDisposable {
  readonly #options: ConnectSmtpOptions;
  readonly #maxConnections: number;
  readonly #maxMessages: number;
  readonly #maxWaiting: number;
  readonly #maxAttempts: number;
  readonly #minTimeout: number;
  readonly #throttle: Throttle;
  readonly #idle: Carrier[] = [];
  /** Callers that wait. Each receives a session, or undefined for the permission to open one. */
  readonly #waiting: ((carrier?: Carrier) => void)[] = [];
  readonly #running = new Set<Promise<unknown>>();
  /** Errors of messages that may have arrived nevertheless. */
  readonly #begun = new WeakSet<object>();
  #open = 0;
  #closed = false;

  /**
   * Makes a pool. It connects when there is a message to send.
   *
   * @param options The server, the login, and the limits.
   * @throws {TypeError | RangeError} If an option is unknown or invalid.
   */
  constructor(options: SmtpPoolOptions = {}) {
    options = SMTP_POOL.check("SmtpPool", options);
    credentialsIn("the login", options);
    const { rate = 0 } = options;
    this.#options = CONNECT_SMTP.pick(options);
    this.#maxConnections = options.maxConnections ?? 5;
    this.#maxMessages = options.maxMessages ?? 100;
    this.#maxWaiting = options.maxWaiting ?? 10_000;
    this.#maxAttempts = options.maxAttempts ?? 3;
    this.#minTimeout = options.minTimeout ?? 1000;
    this.#throttle = new Throttle(rate, Math.max(1, rate));
  }

  /**
   * Returns counters of the pool.
   *
   * @returns The connections that are open or being opened, those of them that are idle, and the
   * messages that wait for a connection.
   */
  stats(): { readonly connections: number; readonly idle: number; readonly waiting: number } {
    return { connections: this.#open, idle: this.#idle.length, waiting: this.#waiting.length };
  }

  /**
   * Sends a message when a connection is free and the rate allows it. Recipients that are rejected
   * temporarily are tried again.
   *
   * @param envelope The sender and the recipients. They need not be those of the message's header.
   * @param message The message. Do not change its bytes before the promise settles.
   * @param options `signal`: aborts the wait, or the connection if the message is being sent.
   * @returns The accepted and the rejected recipients, and the final reply.
   * @throws {ReplyError} If the server rejects the message permanently, or `maxAttempts` times.
   * @throws {NetError} "limit" if too many messages wait already; "closed" if the pool is closed;
   * otherwise the errors of `SmtpClient.send`.
   * @throws {TypeError | RangeError} If an argument is invalid, or if there is no recipient.
   */
  async send(
    envelope: SmtpEnvelope,
    message: ReplayableMessage,
    options: { signal?: AbortSignal } = {},
  ): Promise<SentMail> {
    envelope = checkEnvelope(envelope);
    options = POOL_SEND.check("send", options);
    const { signal } = options;
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

  /** Waits until all messages are sent or have failed, then ends the sessions. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    const idle = this.#idle.splice(0);
    this.#open -= idle.length;
    await Promise.all(idle.map(({ client }) => client.close()));
  }

  /** Closes the pool as {@linkcode SmtpPool.close} does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
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
    /** Recipients that were rejected temporarily. */
    let later: RejectedRecipient[] = [];
    const end = (): SentMail => {
      const all = [...rejected, ...later];
      if (accepted.length === 0) throw new SmtpRecipientsError(all);
      return { accepted, rejected: all, text };
    };
    const minTimeout = this.#minTimeout;
    for (let attempt = 1;; await delay(backoff(attempt++, { minTimeout }), { signal })) {
      const last = attempt >= this.#maxAttempts;
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
        // The recipients that have the message must not get it twice.
        if (accepted.length > 0) return end();
        throw error;
      }
      if (left.length === 0 || last) return end();
    }
  }

  /** Tries once. If all recipients are rejected, the result says so instead of an error. */
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

  /** Returns an idle session, a new one, or the next one that becomes free. */
  async #take(signal: AbortSignal): Promise<Carrier> {
    for (let carrier; (carrier = this.#idle.pop()) !== undefined; this.#open--) {
      if (carrier.client.open) return carrier;
    }
    if (this.#open < this.#maxConnections) {
      this.#open++;
      return await this.#connect();
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new NetError(`Cannot send: ${this.#maxWaiting} messages wait already`, {
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
    if (carrier.client.open && carrier.sent < this.#maxMessages) return this.#release(carrier);
    // The server counts the session until it has ended. The sender of the message need not wait.
    this.#track(carrier.client.close().finally(() => this.#release()));
  }

  /** Gives a session, or the permission to open one, to the caller that has waited longest. */
  #release(carrier?: Carrier): void {
    const next = this.#waiting.shift();
    if (next !== undefined) next(carrier);
    else if (carrier !== undefined) this.#idle.push(carrier);
    else this.#open--;
  }
}
