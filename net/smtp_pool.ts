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
import { ReplyError } from "./reply_error.ts";
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
   * How often a message is tried at most, where the server refuses it for now (4xx) or cannot be
   * reached. What breaks off after the message was begun is not tried again: it may have arrived.
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
  readonly #waiting: (() => void)[] = [];
  readonly #running = new Set<Promise<unknown>>();
  readonly #stop = new AbortController();
  /** Errors of connecting: nothing can have been sent. */
  readonly #unsent = new WeakSet<NetError>();
  #open = 0;

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
    if (this.#stop.signal.aborted) return Promise.reject(closed());
    const sending = this.#send(envelope, message);
    this.#running.add(sending);
    const ended = () => void this.#running.delete(sending);
    sending.then(ended, ended);
    return sending;
  }

  /** Waits for what is under way, then ends all sessions. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#running);
    this.#stop.abort(closed());
    const idle = this.#idle.splice(0);
    this.#open -= idle.length;
    await Promise.all(idle.map(({ client }) => client.quit()));
  }

  async #send(envelope: SmtpEnvelope, message: ReplayableMessage): Promise<SentMail> {
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#once(envelope, message);
      } catch (error) {
        const refused = error instanceof ReplyError && error.retryable;
        const temporary = refused || (error instanceof NetError && this.#unsent.has(error));
        if (!temporary || attempt >= this.#attempts) throw error;
        await delay(this.#pause * 2 ** (attempt - 1), { signal: this.#stop.signal });
      }
    }
  }

  async #once(envelope: SmtpEnvelope, message: ReplayableMessage): Promise<SentMail> {
    const carrier = await this.#take();
    try {
      const wait = this.#throttle.take(performance.now());
      if (wait > 0) await delay(wait, { signal: this.#stop.signal });
      return await carrier.client.send(envelope, message);
    } finally {
      await this.#give(carrier);
    }
  }

  /** A session that is alive, or a new one, or the next that becomes free. */
  async #take(): Promise<Carrier> {
    for (;;) {
      const carrier = this.#idle.pop();
      if (carrier !== undefined) {
        if (carrier.client.open) return carrier;
        this.#open--;
        continue;
      }
      if (this.#open < this.#most) break;
      if (this.#waiting.length >= this.#mostWaiting) {
        throw new NetError(`Cannot send: ${this.#mostWaiting} messages wait already`, {
          kind: "limit",
          phase: "request",
        });
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#open++;
    try {
      return { client: await connectSmtp(this.#options), sent: 0 };
    } catch (error) {
      this.#open--;
      this.#waiting.shift()?.();
      if (error instanceof NetError && error.retryable) this.#unsent.add(error);
      throw error;
    }
  }

  async #give(carrier: Carrier): Promise<void> {
    carrier.sent++;
    if (carrier.client.open && carrier.sent < this.#mostEach) this.#idle.push(carrier);
    else {
      await carrier.client.quit();
      this.#open--;
    }
    this.#waiting.shift()?.();
  }
}

function closed(): NetError {
  return new NetError("The pool is closed", { kind: "closed", phase: "request" });
}

function whole(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new RangeError(`Cannot use ${name}: it is a whole number from 1 up, not ${value}`);
}
