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
import { credentialsIn } from "../internal/mail_rules.ts";
import { orAbort } from "../internal/or_abort.ts";
import { NetError } from "../errors/errors.ts";
import { ReplyError } from "../errors/reply_error.ts";
import { connectSmtp, type SmtpClient } from "./client.ts";
import {
  type ConnectSmtpOptions,
  type PoolSendOptions,
  type RejectedRecipient,
  type SentMail,
  type SmtpEnvelope,
  type SmtpPoolOptions,
  SmtpRecipientsError,
} from "./options.ts";
import { checkEnvelope, CONNECT_SMTP, POOL_SEND, SMTP_POOL } from "./_option_rules.ts";
import { Throttle } from "../throttle.ts";

/** A message in memory, which can be sent more than once. */
export type ReplayableMessage = string | Uint8Array;

/** Most tries of a message that do not count, because only a session or a limit was in the way. */
const FREE_TRIES = 20;
/** Time in which a server forgets connections that it has refused, in milliseconds. */
const SETTLE = 100;
/** Time for which the pool keeps to a limit of connections that the server has shown, in milliseconds. */
const LIMIT_TIME = 60_000;

/** A message with its envelope and its options. */
interface Letter {
  readonly envelope: SmtpEnvelope;
  readonly message: ReplayableMessage;
  readonly options: PoolSendOptions & { readonly signal: AbortSignal };
}

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
  /** Errors that do not count as tries: the message was not refused. */
  readonly #free = new WeakSet<object>();
  #open = 0;
  /** The number of connections that the server accepts, if it has refused one. */
  #ceiling = Infinity;
  #ceilingEnd = 0;
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
   * temporarily are tried again. No recipient gets the message twice, unless the server loses it after it
   * has accepted it.
   *
   * @param envelope The sender and the recipients. They need not be those of the message's header.
   * @param message The message. Do not change its bytes before the promise settles.
   * @param options Those of `SmtpClient.send`. `signal` aborts the wait, or the connection if the message
   * is being sent.
   * @returns The accepted and the rejected recipients, and the final reply.
   * @throws {ReplyError} If the server rejects the message permanently, or `maxAttempts` times.
   * @throws {NetError} "limit" if too many messages wait already; "closed" if the pool is closed;
   * otherwise the errors of `SmtpClient.send`.
   * @throws {TypeError | RangeError} If an argument is invalid, or if there is no recipient.
   */
  async send(
    envelope: SmtpEnvelope,
    message: ReplayableMessage,
    options: PoolSendOptions = {},
  ): Promise<SentMail> {
    envelope = checkEnvelope(envelope);
    options = POOL_SEND.check("send", options);
    const { signal } = options;
    if (this.#closed) {
      throw new NetError("The pool is closed", { kind: "closed", phase: "request" });
    }
    signal?.throwIfAborted();
    const both = [signal, this.#options.signal].filter((one) => one !== undefined);
    const all = { ...options, signal: AbortSignal.any(both) };
    const sending = this.#send({ envelope, message, options: all });
    this.#track(sending);
    return await (signal === undefined ? sending : orAbort(sending, signal));
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

  async #send({ envelope, message, options }: Letter): Promise<SentMail> {
    const { signal } = options;
    const accepted: string[] = [];
    const rejected: RejectedRecipient[] = [];
    const texts: string[] = [];
    let left = envelope.to;
    /** Recipients that were rejected temporarily. */
    let later: RejectedRecipient[] = [];
    const end = (): SentMail => {
      const all = [...rejected, ...later];
      if (accepted.length === 0) throw new SmtpRecipientsError(all);
      return { accepted, rejected: all, text: texts.join("\n") };
    };
    let free = FREE_TRIES;
    for (let attempt = 1;;) {
      const isLast = attempt >= this.#maxAttempts;
      let isFree = false;
      try {
        const sent = await this.#once({ envelope: { ...envelope, to: left }, message, options });
        for (const address of sent.accepted) accepted.push(address);
        if (sent.text !== "") texts.push(sent.text);
        later = sent.rejected.filter(isTemporary);
        for (const one of sent.rejected) if (!isTemporary(one)) rejected.push(one);
        const again = new Set(later.map(({ address }) => address));
        left = left.filter((one) => again.has(typeof one === "string" ? one : one.address));
        // The session has ended after some recipients: the others go over a new one.
        isFree = sent.accepted.length > 0 && later.some(({ error }) => endsSession(error));
      } catch (error) {
        const isRetryable = error instanceof NetError && error.retryable && !this.#begun.has(error);
        isFree = isRetryable && this.#free.has(error);
        if (!isRetryable || (isLast && !(isFree && free > 0))) {
          // The recipients that have the message must not get it twice.
          if (accepted.length > 0) return end();
          throw error;
        }
      }
      if (left.length === 0) return end();
      if (isFree && free-- > 0) continue;
      if (isLast) return end();
      await delay(backoff(attempt++, { minTimeout: this.#minTimeout }), { signal });
    }
  }

  /** Tries once. If all recipients are rejected, the result says so instead of an error. */
  async #once({ envelope, message, options }: Letter): Promise<SentMail> {
    const { signal } = options;
    const carrier = await this.#take(signal);
    try {
      const wait = this.#throttle.take(performance.now());
      if (wait > 0) await delay(wait, { signal });
      return await carrier.client.send(envelope, message, options);
    } catch (error) {
      if (error instanceof SmtpRecipientsError) {
        return { accepted: [], rejected: error.rejected, text: "" };
      }
      if (!(error instanceof NetError)) throw error;
      if (carrier.client.midway) this.#begun.add(error);
      // The server ends a session that is old or idle, whatever the message.
      if (carrier.sent > 0 && !carrier.client.open) this.#free.add(error);
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
    if (this.#open < this.#limit) {
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
      // The server accepts fewer connections. The message can wait for one of the others, or until the server
      // no longer counts those that it has refused.
      const others = this.#open > 1 || performance.now() < this.#ceilingEnd;
      if (others && error instanceof ReplyError && error.retryable) {
        this.#ceiling = Math.max(1, this.#open - 1);
        this.#ceilingEnd = performance.now() + LIMIT_TIME;
        this.#free.add(error);
        if (this.#open === 1) await delay(SETTLE);
      }
      this.#release();
      throw error;
    }
  }

  /** The number of connections that may be open now. */
  get #limit(): number {
    if (performance.now() >= this.#ceilingEnd) this.#ceiling = Infinity;
    return Math.min(this.#maxConnections, this.#ceiling);
  }

  #give(carrier: Carrier): void {
    carrier.sent++;
    if (carrier.client.open && carrier.sent < this.#maxMessages) return this.#release(carrier);
    // The server counts the session until it has ended. The sender of the message need not wait.
    this.#track(carrier.client.close().finally(() => this.#release()));
  }

  /** Gives a session, or the permission to open one, to the caller that has waited longest. */
  #release(carrier?: Carrier): void {
    if (carrier === undefined) this.#open--;
    if (this.#waiting.length === 0) {
      if (carrier !== undefined) this.#idle.push(carrier);
    } else if (carrier !== undefined) {
      this.#waiting.shift()!(carrier);
    } else if (this.#open < this.#limit) {
      this.#open++;
      this.#waiting.shift()!();
    }
  }
}

/** Returns whether a recipient may be tried again. */
function isTemporary({ error, sent }: RejectedRecipient): boolean {
  return error.retryable && sent === "no";
}

/** Returns whether an error is about the session, and not about a recipient. */
function endsSession(error: NetError): boolean {
  return !(error instanceof ReplyError) || error.code === "421";
}
