/**
 * Handlers of `serveHttp`, and the information that they get about a request.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { TlsInfo } from "../../net/connection/transport.ts";

/** The address of a client or a server, on TCP or on a Unix socket. */
export type HttpAddr = Deno.NetAddr | Deno.UnixAddr;

/** Information about a request and its client, and the means to send more than a response. */
export interface HttpInfo<A extends HttpAddr = Deno.NetAddr> {
  /**
   * The address of the client, or of the proxy that it uses. If `trustProxy` or `proxyProtocol` trusts
   * the proxy, this is the address of the client; the port is 0 if the proxy does not send it. A
   * client on a Unix socket has no address, and `path` is the path of the server.
   */
  readonly remoteAddr: A;
  /** The statements of trusted reverse proxies; undefined if `trustProxy` trusts none. */
  readonly forwarded?: ForwardedInfo<A> | undefined;
  /**
   * The result of the TLS handshake, with the client's certificate if `clientAuth` asks for one.
   * Undefined without TLS, and on `Deno.serve`, which does not provide it.
   */
  readonly tls?: TlsInfo | undefined;
  /**
   * Settles after the handler has returned, as soon as the response has been sent or cannot be sent
   * any more. For a connection that was taken over, it settles when that connection is closed.
   */
  readonly completed: Promise<void>;
  /**
   * Aborted when no client waits for the response any more: the client has gone, or the time limit of
   * the handler has expired. In the latter case the reason is a `NetError` of kind "timeout".
   * `request.signal` is the same signal. Success does not abort it. The body of a streamed response is
   * cancelled with the same reason.
   *
   * A client that ends its output counts as gone. A half-close, as `nc -N` makes it, and a closed
   * connection look the same. A hardened server still sends the response of the handler, and ends a
   * streamed body only after 500 ms of silence. `Deno.serve` ends it at once.
   *
   * To notice that a client has gone, the server reads up to 64 KiB ahead. Then it stops, and TCP
   * applies backpressure. If a client has sent more than that (pipelined requests, or a body that the
   * handler does not read), the server notices its end when the handler reads on, or when a write
   * fails. A hardened server notices it after `idleTimeout` at the latest: if no byte was sent or read
   * in that time, it discards further input, and closes the connection after the response.
   *
   * On `Deno.serve`, use the signal before you return the response. The first use makes Deno write a
   * hint about its own signals to stderr. Deno 2.9 may not notice the end of a client whose body has
   * arrived in several pieces until the next write. A hardened server does.
   */
  readonly signal: AbortSignal;
  /** Aborted when the server begins to shut down. Use it to end responses that have no end. */
  readonly closing: AbortSignal;
  /**
   * Sends a response 103 (Early Hints, RFC 8297) ahead of the final one, so that a browser can load
   * other files early. It may be called several times.
   *
   * @param headers Fields of the final response, such as `Link`. They are not added to it.
   * @returns Whether the hints were sent. They are not sent on `Deno.serve`, to a client of HTTP/1.0
   * (RFC 9110 §15.2), after the head of the response, or after the client has gone.
   * @throws {TypeError} If a field is malformed, or belongs to the connection, such as
   * `Content-Length`.
   */
  sendEarlyHints(headers: HeadersInit): Promise<boolean>;
  /**
   * The fields that the client has sent after the body of its request (trailers, RFC 9110 §6.5), at
   * most 8 KiB. Fields that have no meaning there, such as `Host` or `Authorization`, are left out.
   * The promise settles when the body has been read, so read that first. It rejects if the body is
   * not read to its end. On `Deno.serve` there are no trailers.
   */
  readonly trailers: Promise<Headers>;
  /**
   * Sends fields after the body of the response (trailers, RFC 9110 §6.5), such as a digest that is
   * known only when the body has been sent. Call it before you return the response. The response is
   * sent in chunks, and its head announces the names. Several calls add up.
   *
   * A response without a body has no trailers: a response to HEAD, or one with the status 204 or 304.
   *
   * @param names The names of the fields, at least one.
   * @param make Returns the fields; called once, after the whole body has been sent. The response is
   * aborted if it throws, or if it returns a field that was not named.
   * @param options Whether to send trailers to clients that do not ask for them.
   * @returns Whether the trailers will be sent. They are not sent on `Deno.serve`, to a client of
   * HTTP/1.0, to one without `TE: trailers` (see `optional`), after the head of the response, or after
   * the client has gone.
   * @throws {TypeError} If a name is malformed, or has no meaning after a body, such as
   * `Content-Length` or `Set-Cookie` (RFC 9110 §6.5.1). Also if an option is unknown.
   */
  sendTrailers(
    names: readonly string[],
    make: MakeTrailers,
    options?: TrailerOptions,
  ): boolean;
}

/** Makes the trailers of a response after its body has been sent. */
export type MakeTrailers = () => HeadersInit | Promise<HeadersInit>;

/** Options of `sendTrailers`. */
export interface TrailerOptions {
  /**
   * Whether a client can do without these trailers, as with `Server-Timing`. They are then sent to all
   * clients of HTTP/1.1, also without `TE: trailers`. Such a client may drop them.
   *
   * @default false
   */
  optional?: boolean;
}

/** The statements of trusted reverse proxies about a request. */
export interface ForwardedInfo<A extends HttpAddr = Deno.NetAddr> {
  /** The address of the nearest proxy, which has opened the connection. */
  readonly peer: A;
  /** The protocol of the client; undefined if no proxy names it. */
  readonly proto: "http" | "https" | undefined;
  /** The host that the client has requested, perhaps with a port; undefined if no proxy names it. */
  readonly host: string | undefined;
}

/**
 * Answers a request. The `fetch` function of any framework is such a handler (`app.fetch` of Hono).
 * An error of the handler becomes a response with problem details.
 */
export type HttpHandler<A extends HttpAddr = Deno.NetAddr> = (
  request: Request,
  info: HttpInfo<A>,
) => Response | Promise<Response>;

/**
 * Answers a request on a Unix socket. Handlers for TCP fit, too. All wrappers of this package accept
 * clients without an address. In your own handlers, `remoteAddr.hostname` is undefined unless
 * `trustProxy` or `proxyProtocol` names the client.
 */
// The parameter of a method may be narrower than the argument. That of a function type may not.
export type UnixHttpHandler = {
  handle(request: Request, info: HttpInfo<HttpAddr>): Response | Promise<Response>;
}["handle"];
