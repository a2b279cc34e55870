import { formatAddress } from "../../net/address.ts";
import { NetError } from "../../net/errors/errors.ts";
import type { TlsInfo } from "../../net/connection/transport.ts";
import type { ForwardedClient } from "../internal/forwarded.ts";
import { hintLines } from "../internal/early_hints.ts";
import { COUNT_SENT, type CountsSent, type SentBytes } from "../internal/sent_bytes.ts";
import { checkTrailers } from "../internal/trailer_fields.ts";
import type { ForwardedInfo, HttpAddr, HttpInfo, MakeTrailers, TrailerOptions } from "./handler.ts";

/**
 * The second argument of a handler. It belongs to one request, and knows whether anybody still
 * waits for the response. A subclass per transport finds out when the client leaves.
 */
export abstract class HandlerInfo implements HttpInfo<HttpAddr>, CountsSent {
  readonly closing: AbortSignal;
  #controller: AbortController | undefined;
  #reason: NetError | undefined;
  #over = false;
  /** Whether somebody wants to know how many bytes of the body of the response are sent. */
  counting = false;
  /** What the handler got. */
  request: Request | undefined;
  /** What proxies that are trusted say of the client. */
  through: ForwardedClient | undefined;

  /** @param closing The signal of the server's shutdown. */
  constructor(closing: AbortSignal) {
    this.closing = closing;
  }

  /** Where the connection comes from. */
  abstract get peerAddr(): HttpAddr;
  abstract get completed(): Promise<void>;

  /** Tells how many bytes of the body were sent; see {@linkcode SentBytes}. */
  protected abstract sentBytes(): number;

  [COUNT_SENT](): SentBytes {
    this.counting = true;
    return () => this.sentBytes();
  }

  get remoteAddr(): HttpAddr {
    return this.through?.client ?? this.peerAddr;
  }

  get forwarded(): ForwardedInfo<HttpAddr> | undefined {
    return this.through?.info;
  }

  get tls(): TlsInfo | undefined {
    return undefined;
  }

  /** The signal of the request, too. The first use makes the transport look for the client's end. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
      else if (!this.#over) this.watch();
    }
    return this.#controller.signal;
  }

  /** Why nobody waits for the response any more; undefined while somebody does. */
  get gone(): NetError | undefined {
    return this.#reason;
  }

  /** Whether anybody has asked for the signal. */
  get watched(): boolean {
    return this.#controller !== undefined;
  }

  // deno-lint-ignore require-await -- what it throws has to be a rejection
  async sendEarlyHints(headers: HeadersInit): Promise<boolean> {
    hintLines(headers);
    return false;
  }

  get trailers(): Promise<Headers> {
    return Promise.resolve(new Headers());
  }

  sendTrailers(names: readonly string[], make: MakeTrailers, options?: TrailerOptions): boolean {
    checkTrailers(names, make, options);
    return false;
  }

  /** Says that nobody waits for the response any more. The first reason stays. */
  leave(reason: NetError): void {
    if (this.#over || this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }

  /** The request is over: whatever happens now, the signal stays as it is. */
  end(): void {
    this.#over = true;
  }

  /** Has `callback` called once the response has been sent, or cannot be. No promise is made. */
  abstract whenComplete(callback: () => void): void;

  /** Begins to look for the end of the client, if that has not begun. */
  protected abstract watch(): void;

  /**
   * The handler has returned.
   *
   * @param response What it has returned.
   * @returns What to send.
   */
  returned(response: Response): Response | Promise<Response> {
    return response;
  }
}

const reasons = new WeakSet<Error>();

/** Makes the reason of a signal whose client has gone. */
export function clientGone(remoteAddr: HttpAddr, cause?: unknown): NetError {
  const reason = new NetError(`Client ${formatAddress(remoteAddr)} has gone before its answer`, {
    kind: "reset",
    phase: "write",
    ...(cause !== undefined && { cause }),
  });
  reasons.add(reason);
  return reason;
}

/** Whether an error is such a reason, as opposed to what a connection of the handler met. */
export function isClientGone(error: unknown): boolean {
  return error instanceof NetError && reasons.has(error);
}
