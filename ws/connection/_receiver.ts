/** What has come over one WebSocket, and who waits for it. */

import { delay } from "@std/async/delay";
import { NetError } from "../../net/errors/errors.ts";
import { Throttle } from "../../net/throttle.ts";
import type { ReceiveOptions } from "../../net/udp/socket.ts";
import type { WsMessage } from "./options.ts";
import { MessageInbox } from "./_inbox.ts";
import type { WsLimits } from "../internal/options.ts";

/** Makes of a message, or of the end, what its reader gets. */
export type Form<T> = (message: WsMessage | null) => T;

/** Who waits for the next message. */
interface Reader {
  readonly form: Form<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Ends its limits, if it has any. */
  unlimit: (() => void) | undefined;
}

/** Hands messages to one reader at a time, as fast as the rate allows. */
export class WsReceiver {
  readonly #peer: string;
  readonly #inbox: MessageInbox;
  readonly #throttle: Throttle | undefined;
  readonly #ended: () => AbortSignal;
  /** Called when a message has been taken from those that wait. */
  onTaken: (() => void) | undefined;
  #reader: Reader | undefined;
  #paused = false;
  #end: { readonly error: NetError | undefined } | undefined;

  constructor(peer: string, limits: WsLimits, ended: () => AbortSignal) {
    const { inboxLimit, inboxBytes, inboxPolicy, rate } = limits;
    this.#peer = peer;
    this.#inbox = new MessageInbox(inboxLimit, inboxBytes, inboxPolicy);
    this.#throttle = rate && new Throttle(rate.perSecond, rate.burst);
    this.#ended = ended;
  }

  /** Messages that wait. */
  get unread(): number {
    return this.#inbox.size;
  }

  /** Whether one more message has no room. */
  get full(): boolean {
    return this.#inbox.full;
  }

  /** Messages lost by the policy. */
  get dropped(): number {
    return this.#inbox.dropped;
  }

  /** Takes a message in; false if its sender is to be disconnected. */
  push(message: WsMessage): boolean {
    const reader = this.#takeReader();
    if (reader === undefined) return this.#inbox.push(message);
    reader.resolve(reader.form(message));
    return true;
  }

  /** Nothing comes any more, because of `error` if it is one; the last call counts. */
  end(error: NetError | undefined): void {
    this.#end = { error };
    this.#tellEnd();
  }

  receive<T>(options: ReceiveOptions, form: Form<T>): Promise<T> {
    const { timeout = 0, signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#reader !== undefined || this.#paused) {
      const message = "Cannot receive: another receive of this connection has not ended";
      return Promise.reject(new TypeError(message));
    }
    if (this.#throttle !== undefined) return this.#slowly(timeout, signal, form, this.#throttle);
    return this.#next(timeout, signal, form);
  }

  #next<T>(timeout: number, signal: AbortSignal | undefined, form: Form<T>): Promise<T> {
    const message = this.#inbox.shift();
    if (message !== undefined) {
      this.onTaken?.();
      return Promise.resolve(form(message));
    }
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#reader = { form, resolve, reject, unlimit: undefined };
    if (this.#end !== undefined) this.#tellEnd();
    else if (timeout > 0 || signal !== undefined) this.#limit(this.#reader, timeout, signal);
    return promise as Promise<T>;
  }

  #limit(reader: Reader, timeout: number, signal: AbortSignal | undefined): void {
    const giveUp = () => this.#takeReader()?.reject(signal?.reason);
    const late = () => {
      const address = this.#peer;
      const message = `Nothing came from ${address} in ${timeout} ms`;
      const error = new NetError(message, { kind: "timeout", phase: "read", address });
      this.#takeReader()?.reject(error);
    };
    const timer = timeout > 0 && timeout < 2 ** 31 ? setTimeout(late, timeout) : undefined;
    signal?.addEventListener("abort", giveUp);
    reader.unlimit = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
    };
  }

  /** Tells the one who waits, if anyone does, that nothing will come. */
  #tellEnd(): void {
    const reader = this.#takeReader();
    const error = this.#end?.error;
    if (reader === undefined) return;
    if (error === undefined) reader.resolve(reader.form(null));
    else reader.reject(error);
  }

  /** The one who waits, for whom the waiting is over. */
  #takeReader(): Reader | undefined {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.unlimit?.();
    return reader;
  }

  /** Holds a message back as long as the rate wants; an end in the meantime is not held back. */
  async #slowly<T>(
    timeout: number,
    signal: AbortSignal | undefined,
    form: Form<T>,
    throttle: Throttle,
  ): Promise<T> {
    const message = await this.#next(timeout, signal, (one) => one);
    const pause = message === null ? 0 : throttle.take(performance.now());
    if (pause > 0) {
      this.#paused = true;
      await delay(pause, { signal: this.#ended() }).catch(() => {});
      this.#paused = false;
    }
    return form(message);
  }
}
