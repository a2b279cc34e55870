/**
 * What a handler of `serveHttp` is, and what it gets besides the request.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { TlsInfo } from "../../net/connection/transport.ts";

/** The address of a client or of a server: of TCP, or of a Unix socket. */
export type HttpAddr = Deno.NetAddr | Deno.UnixAddr;

/** What a handler learns besides the request. */
export interface HttpInfo<A extends HttpAddr = Deno.NetAddr> {
  /**
   * The address of the client, or of the proxy that it comes through. Behind a proxy that
   * `trustProxy` or `proxyProtocol` trusts, it is that of the client; the port is 0 where the proxy
   * does not name it. A client on a Unix socket has no address: `path` is then that of the server.
   */
  readonly remoteAddr: A;
  /** What reverse proxies say of the request; undefined where `trustProxy` trusts none. */
  readonly forwarded?: ForwardedInfo<A> | undefined;
  /**
   * What TLS has agreed on, with the client's certificate if `clientAuth` asked for one;
   * undefined without TLS, and on `Deno.serve`, which does not tell.
   */
  readonly tls?: TlsInfo | undefined;
  /**
   * Settles when the response has been sent or can no longer be sent, once the handler has
   * returned. For a connection that was taken over, it settles when that is closed.
   */
  readonly completed: Promise<void>;
  /**
   * Aborted when nobody waits for the response any more: the client has gone, or the time of the
   * handler is up. The reason is a `NetError` of kind "timeout" for the latter. `request.signal` is
   * the same signal. It works until the response has been sent; success does not abort it. The
   * body of a response that streams is cancelled besides, with the same reason.
   *
   * A client that ends its output (a half-close, as `nc -N` does) counts as gone, since it looks
   * like one that has closed its connection. A hardened server still sends what the handler
   * returns, and ends a body that streams only once that has been silent for 500 ms. `Deno.serve`
   * ends it at once.
   *
   * To notice the end of a client, the server reads ahead: 64 KiB, then it stops and TCP holds the
   * client back. The end of a client that has sent more (pipelined requests, a body that nobody
   * reads) is noticed when the handler reads on, or when writing fails. On a hardened server it is
   * noticed after `idleTimeout` at the latest: if nothing was sent or read in that time, the server
   * throws away what comes, and closes the connection behind the response.
   *
   * On `Deno.serve`, ask for the signal before you return the response. The first use of it makes
   * Deno write a hint on its own signals to stderr. Deno 2.9 may miss the end of a client whose
   * body has come in several pieces, until something is sent to it; a hardened server does not.
   */
  readonly signal: AbortSignal;
  /** Aborted when the server begins to shut down, for answers that would not end by themselves. */
  readonly closing: AbortSignal;
  /**
   * Sends a response 103 (Early Hints, RFC 8297) ahead of the real one, so that a browser can begin
   * to fetch what the page will need. It may be called several times.
   *
   * @param headers Fields that the response will have, such as `Link`. They are not added to it.
   * @returns Whether the hints were sent. They are not on `Deno.serve`, which has no means to, to a
   * client of HTTP/1.0 (RFC 9110 §15.2), once the head of the response is out, and once the client
   * has gone.
   * @throws {TypeError} If a field is malformed, or belongs to the connection, as `Content-Length`
   * does.
   */
  sendEarlyHints(headers: HeadersInit): Promise<boolean>;
  /**
   * The fields that the client has sent behind the body of its request (trailers, RFC 9110 §6.5),
   * at most 8 KiB. Fields that have no meaning there, such as `Host` or `Authorization`, are left
   * out. The promise settles once the body has been read: read that first. It rejects if the body
   * is not read to its end. `Deno.serve` does not tell trailers, so there are none.
   */
  readonly trailers: Promise<Headers>;
  /**
   * Sends fields behind the body of the response (trailers, RFC 9110 §6.5): what is known only
   * once the body has been sent, such as its digest. Call it before you return the response. The
   * response is sent in chunks, and announces the names. Several calls add up.
   *
   * Trailers need a body: a response to HEAD, and one with the status 204 or 304, has none.
   *
   * @param names The names of the fields.
   * @param make Called once, when the body has been sent whole. It returns the fields; what it
   * throws breaks the response off, and so does a field that was not named.
   * @param options Whether the client has to ask for trailers.
   * @returns Whether they will be sent. They are not on `Deno.serve`, which has no means to, to a
   * client of HTTP/1.0, to one that does not say `TE: trailers` (see `optional`), once the head of
   * the response is out, and once the client has gone.
   * @throws {TypeError} If a name is malformed, or has no meaning behind a body, as
   * `Content-Length` or `Set-Cookie` (RFC 9110 §6.5.1).
   */
  sendTrailers(
    names: readonly string[],
    make: MakeTrailers,
    options?: TrailerOptions,
  ): boolean;
}

/** Makes the trailers of a response, once its body has been sent. */
export type MakeTrailers = () => HeadersInit | Promise<HeadersInit>;

/** How trailers are sent. */
export interface TrailerOptions {
  /**
   * Whether the client loses nothing without them, as with `Server-Timing`. Then they are sent to
   * every client of HTTP/1.1, also to those that do not say `TE: trailers`: these may drop them.
   *
   * @default false
   */
  optional?: boolean;
}

/** What reverse proxies that are trusted say of a request. */
export interface ForwardedInfo<A extends HttpAddr = Deno.NetAddr> {
  /** The address of the nearest proxy: where the connection comes from. */
  readonly peer: A;
  /** The protocol that the client speaks; undefined if the proxy does not say it. */
  readonly proto: "http" | "https" | undefined;
  /** The host that the client asks for, perhaps with a port; undefined if it is not said. */
  readonly host: string | undefined;
}

/**
 * Answers a request. The `fetch` of any framework is one (`app.fetch` of Hono).
 * What it throws becomes an answer with problem details.
 */
export type HttpHandler<A extends HttpAddr = Deno.NetAddr> = (
  request: Request,
  info: HttpInfo<A>,
) => Response | Promise<Response>;

/**
 * Answers a request on a Unix socket. A handler for TCP is one, too: those of this package know
 * clients without an address. One of yours that reads `remoteAddr.hostname` finds it undefined,
 * unless `trustProxy` or `proxyProtocol` names the client.
 */
// A parameter of a method may be narrower than what is passed, which that of a function may not.
export type UnixHttpHandler = {
  handle(request: Request, info: HttpInfo<HttpAddr>): Response | Promise<Response>;
}["handle"];
