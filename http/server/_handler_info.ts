import { formatAddress } from "../../net/address.ts";
import { NetError } from "../../net/errors/errors.ts";
import type { TlsInfo } from "../../net/connection/transport.ts";
import type { ForwardedClient } from "../internal/forwarded.ts";
import { hintLines } from "../internal/early_hints.ts";
import { COUNT_SENT, type CountsSent, type SentBytes } from "../internal/sent_bytes.ts";
import { HANDLER_REQUEST } from "../internal/handler_request.ts";
import { checkTrailers } from "../internal/trailer_fields.ts";
import type { ForwardedInfo, HttpAddr, HttpInfo, MakeTrailers, TrailerOptions } from "./handler.ts";

/**
 * The second argument of a handler. It belongs to one request, and knows whether a client still waits
 * for the response. The subclass of each transport notices when the client leaves.
 */
export abstract class HandlerInfo implements HttpInfo<HttpAddr>, CountsSent {
  readonly closing: AbortSignal;
  #controller: AbortController | undefined;
  #reason: NetError | undefined;
  #over = false;
  /** Whether to count the sent bytes of the body of the response. */
  counting = false;
  /** The request that the handler got. */
  [HANDLER_REQUEST]: Request | undefined;
  /** The statements of trusted proxies about the client. */
  through: ForwardedClient | undefined;

  /** @param closing The signal that the shutdown of the server aborts. */
  constructor(closing: AbortSignal) {
    this.closing = closing;
  }

  /** Returns the address of the peer of the connection. */
  abstract get peerAddr(): HttpAddr;
  /** Returns a promise that settles at the end of the response. */
  abstract get completed(): Promise<void>;

  /** Returns the number of sent bytes of the body; see {@linkcode SentBytes}. */
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

  /** Also the signal of the request. The first use makes the transport watch the client. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
      else if (!this.#over) this.watch();
    }
    return this.#controller.signal;
  }

  /** The reason why no client waits for the response any more; undefined while one does. */
  get gone(): NetError | undefined {
    return this.#reason;
  }

  /** Whether the signal has been used. */
  get watched(): boolean {
    return this.#controller !== undefined;
  }

  // deno-lint-ignore require-await -- An error must be a rejection.
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

  /** Marks the client as gone. The first reason stays. */
  leave(reason: NetError): void {
    if (this.#over || this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }

  /** Ends the request. The signal does not change any more. */
  end(): void {
    this.#over = true;
  }

  /** Calls `callback` when the response has been sent or cannot be sent. It makes no promise. */
  abstract whenComplete(callback: () => void): void;

  /** Starts watching for the end of the client, unless it has started before. */
  protected abstract watch(): void;

  /**
   * Takes the response of the handler.
   *
   * @param response The response that the handler has returned.
   * @returns The response to send, perhaps with another body.
   */
  returned(response: Response): Response | Promise<Response> {
    return response;
  }
}

const reasons = new WeakSet<Error>();

/** Returns the reason of a signal whose client has gone. */
export function clientGone(remoteAddr: HttpAddr, cause?: unknown): NetError {
  const reason = new NetError(`Client ${formatAddress(remoteAddr)} has gone before its response`, {
    kind: "reset",
    phase: "write",
    ...(cause !== undefined && { cause }),
  });
  reasons.add(reason);
  return reason;
}

/** Returns whether an error is such a reason, and not the error of another connection. */
export function isClientGone(error: unknown): boolean {
  return error instanceof NetError && reasons.has(error);
}
