import { delay } from "@std/async/delay";
import { NetError } from "../../net/errors/errors.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { timeLimit } from "../../net/internal/options.ts";
import { Alarm } from "../../net/internal/timer.ts";
import { Throttle } from "../../net/throttle.ts";
import type { ReceiveOptions } from "../../net/udp/socket.ts";
import type { WsMessage } from "./options.ts";
import { MessageInbox } from "./_inbox.ts";
import { RECEIVE, type WsLimits } from "../internal/option_rules.ts";

/** Converts a message, or null at the end, to the value for the reader. */
export type Form<T> = (message: WsMessage | null) => T;

const NO_LIMITS: ReceiveOptions = {};

/** Settles a call that waits for the next message; a promise passes on its rejection. */
type Resolve = (value: unknown) => void;

/**
 * Passes messages to one reader at a time, no faster than the rate limit allows. Most connections wait
 * for a message, so a waiting call has no object, and a queue is made when a message has to wait.
 */
export class WsReceiver {
  readonly #peer: string;
  readonly #limits: WsLimits;
  #inbox: MessageInbox | undefined;
  readonly #throttle: Throttle | undefined;
  readonly #ended: (() => AbortSignal) | undefined;
  /** The socket, which pauses while the queue is full. */
  readonly #source: { resume(): void } | undefined;
  /** The waiting call, and how it converts its message. */
  #resolve: Resolve | undefined;
  #form: Form<unknown> = unchanged;
  /** Removes the alarm and the listener of the call. */
  #unlimit: (() => void) | undefined;
  #paused = false;
  #end: { readonly error: NetError | undefined } | undefined;

  /**
   * Creates a receiver.
   *
   * @param peer The peer, for messages of errors.
   * @param limits The limits of the connection.
   * @param source The socket, if it can pause.
   * @param ended Returns the signal of the connection; required for a rate limit.
   */
  constructor(
    peer: string,
    limits: WsLimits,
    source: { resume(): void } | undefined,
    ended: (() => AbortSignal) | undefined,
  ) {
    const { inboxPolicy, rate } = limits;
    this.#peer = peer;
    this.#limits = limits;
    this.#throttle = rate && new Throttle(rate.perSecond, rate.burst);
    this.#source = inboxPolicy === "wait" ? source : undefined;
    this.#ended = ended;
  }

  /** Number of messages in the queue. */
  get unread(): number {
    return this.#inbox?.size ?? 0;
  }

  /** Whether the queue has no room for one more message. */
  get full(): boolean {
    return this.#inbox?.full ?? false;
  }

  /** Messages discarded because the queue was full. */
  get dropped(): number {
    return this.#inbox?.dropped ?? 0;
  }

  /** Adds a message; returns false if the policy requires a disconnect. */
  push(message: WsMessage): boolean {
    const resolve = this.#takeReader();
    if (resolve === undefined) return this.#queue(message);
    resolve(this.#form(message));
    return true;
  }

  #queue(message: WsMessage): boolean {
    const { inboxLimit, inboxBytes, inboxPolicy } = this.#limits;
    this.#inbox ??= new MessageInbox(inboxLimit, inboxBytes, inboxPolicy);
    return this.#inbox.push(message);
  }

  /** Ends the stream, with an error if there is one. The last call counts. */
  end(error: NetError | undefined): void {
    this.#end = { error };
    this.#tellEnd();
  }

  /** Resolves to the next message; undefined options set no limits. */
  receive<T>(options: ReceiveOptions | undefined, form: Form<T>): Promise<T> {
    try {
      RECEIVE.checkBriefly("receive", options);
    } catch (error) {
      return Promise.reject(error);
    }
    const { timeout = 0, signal } = options ?? NO_LIMITS;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#resolve !== undefined || this.#paused) {
      const message = "Cannot receive: another receive of this connection has not ended";
      return Promise.reject(new TypeError(message));
    }
    if (this.#throttle !== undefined) return this.#slowly(timeout, signal, form, this.#throttle);
    return this.#next(timeout, signal, form);
  }

  #next<T>(timeout: number, signal: AbortSignal | undefined, form: Form<T>): Promise<T> {
    const message = this.#inbox?.shift();
    if (message !== undefined) {
      if (this.#source !== undefined && !this.full) this.#source.resume();
      return Promise.resolve(form(message));
    }
    const promise = new Promise<T>((resolve) => this.#resolve = resolve as Resolve);
    this.#form = form;
    if (this.#end !== undefined) this.#tellEnd();
    else if (timeout > 0 || signal !== undefined) this.#limit(timeLimit(timeout), signal);
    return promise;
  }

  #limit(timeout: number, signal: AbortSignal | undefined): void {
    const giveUp = () => this.#reject(signal?.reason);
    const alarm = new Alarm(() => {
      const address = this.#peer;
      const message = `No message from ${address} in ${timeout} ms`;
      const error = new NetError(message, { kind: "timeout", phase: "read", address });
      this.#reject(error);
    });
    alarm.start(timeout);
    signal?.addEventListener("abort", giveUp);
    this.#unlimit = () => {
      alarm.stop();
      signal?.removeEventListener("abort", giveUp);
    };
  }

  /** Settles the waiting call, because the stream has ended. */
  #tellEnd(): void {
    const error = this.#end?.error;
    if (error === undefined) this.#takeReader()?.(this.#form(null));
    else this.#reject(error);
  }

  #reject(error: unknown): void {
    this.#takeReader()?.(Promise.reject(error));
  }

  /** Removes and returns the waiting call. */
  #takeReader(): Resolve | undefined {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    this.#unlimit?.();
    this.#unlimit = undefined;
    return resolve;
  }

  /** Delays a message as the rate limit requires. The end of the connection ends the delay. */
  async #slowly<T>(
    timeout: number,
    signal: AbortSignal | undefined,
    form: Form<T>,
    throttle: Throttle,
  ): Promise<T> {
    const message = await this.#next(timeout, signal, unchanged);
    const pause = message === null ? 0 : throttle.take(performance.now());
    if (pause > 0) {
      this.#paused = true;
      await ignoreFailure(delay(pause, { signal: this.#ended!() }));
      this.#paused = false;
    }
    return form(message);
  }
}

/** Returns the message itself. */
export function unchanged(message: WsMessage | null): WsMessage | null {
  return message;
}

/** Iterates over the messages of a receiver. */
export class MessageIterator implements AsyncIterableIterator<WsMessage, void, void> {
  readonly #receiver: WsReceiver;

  constructor(receiver: WsReceiver) {
    this.#receiver = receiver;
  }

  next(): Promise<IteratorResult<WsMessage, void>> {
    return this.#receiver.receive(undefined, toResult);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

function toResult(message: WsMessage | null): IteratorResult<WsMessage, void> {
  return message === null ? { done: true, value: undefined } : { done: false, value: message };
}
