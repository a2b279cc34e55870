/**
 * Many messages over few connections: a bound on connections and on messages of each, a rate, and
 * new tries after refusals that are for now only.
 *
 * @example A newsletter
 * ```ts
 * import { SmtpPool } from "@portside/kit/net/smtp-pool";
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
import { NetError } from "./errors.ts";
import {
  connectSmtp,
  type ConnectSmtpOptions,
  type SentMail,
  type SmtpClient,
  type SmtpEnvelope,
} from "./smtp_client.ts";
import { Throttle } from "./throttle.ts";

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
   * How often a message is tried at most, where the server refuses it for now (4xx), cannot be
   * reached or has ended an idle session. What breaks off after the message was begun is not tried
   * again: it may have arrived.
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
  readonly #signal: AbortSignal | undefined;
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
    this.#signal = options.signal;
    this.#most = whole("maxConnections", options.maxConnections ?? 5);
    this.#mostEach = whole("maxMessages", options.maxMessages ?? 100);
    this.#mostWaiting = whole("maxWaiting", options.maxWaiting ?? 10_000);
    this.#attempts = whole("maxAttempts", options.maxAttempts ?? 3);
    this.#pause = whole("minTimeout", options.minTimeout ?? 1000);
    if (!(rate >= 0)) throw new RangeError(`Cannot use rate ${rate}: it is a number from 0 up`);
    this.#throttle = new Throttle(rate, Math.max(1, rate));
  }

  /** Connections that are open or being opened, and messages that wait. */
  get stats(): { readonly connections: number; readonly idle: number; readonly waiting: number } {
    return { connections: this.#open, idle: this.#idle.length, waiting: this.#waiting.length };
  }

  /**
   * Sends a message, when a connection is free and the rate allows it.
   *
   * @param envelope From whom to whom.
   * @param message The message; not to be changed until it is sent.
   * @returns What became of it.
   * @throws {ReplyError} If the server refuses it for good, or again and again.
   * @throws {NetError} "limit" if too much waits already, "closed" if the pool is; else as `send`.
   */
  send(envelope: SmtpEnvelope, message: ReplayableMessage): Promise<SentMail> {
    if (this.#closed) {
      const error = new NetError("The pool is closed", { kind: "closed", phase: "request" });
      return Promise.reject(error);
    }
    const sending = this.#send(envelope, message);
    this.#track(sending);
    return sending;
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

  async #send(envelope: SmtpEnvelope, message: ReplayableMessage): Promise<SentMail> {
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#once(envelope, message);
      } catch (error) {
        const temporary = error instanceof NetError && error.retryable && !this.#begun.has(error);
        if (!temporary || attempt >= this.#attempts) throw error;
        await delay(this.#pause * 2 ** (attempt - 1), { signal: this.#signal });
      }
    }
  }

  async #once(envelope: SmtpEnvelope, message: ReplayableMessage): Promise<SentMail> {
    const carrier = await this.#take();
    try {
      const wait = this.#throttle.take(performance.now());
      if (wait > 0) await delay(wait, { signal: this.#signal });
      return await carrier.client.send(envelope, message);
    } catch (error) {
      if (error instanceof NetError && carrier.client.midway) this.#begun.add(error);
      throw error;
    } finally {
      this.#give(carrier);
    }
  }

  /** A session that is alive, or a new one, or the next that becomes free. */
  async #take(): Promise<Carrier> {
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
    const given = await new Promise<Carrier | undefined>((resolve) => this.#waiting.push(resolve));
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
