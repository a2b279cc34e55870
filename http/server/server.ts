/**
 * An HTTP server with safe limits on bodies, handlers and simultaneous requests. It checks the `Host`
 * of each request, hides internal errors from clients, and shuts down gracefully with a report.
 *
 * The server runs on `Deno.serve`, which never closes a connection whose client sends half a head.
 * Beyond loopback, where unknown clients connect, the server is `hardened`: it serves the same
 * handlers with an HTTP/1.1 implementation of its own, which also limits connections, heads and idle
 * times. Both kinds speak HTTPS with `cert` and `key`. Several names, client certificates and
 * reloading need a hardened server.
 *
 * A handler is `(request, info) => Response | Promise<Response>`. The `fetch` function of Hono, Oak or
 * any other framework is such a handler.
 *
 * A handler notices when its client leaves: `request.signal`, which is also `info.signal`, is aborted,
 * and the body of a streamed response is cancelled. `info` also sends early hints (103) and trailers,
 * and has the trailers of a request; see {@linkcode HttpInfo}.
 *
 * **HTTP/1.0**: A hardened server keeps the connection of a client that sends `Connection:
 * keep-alive`, if the length of the response is known. A response of unknown length ends with its
 * connection; if it fails midway, the server resets the connection. The TLS implementation of Deno
 * cannot do that, and half a response to HTTP/1.0 then looks complete. The option `engine: "node"`
 * avoids this.
 *
 * **Known limits** of `Deno.serve`, none of which a hardened server has:
 *
 * - A client that half-closes its connection while the handler works gets no response.
 * - A response with `Connection: close` does not end the connection. That of a hardened server does.
 * - Over TLS, a request of HTTP/1.1 without `Host` looks like one of HTTP/2 for `localhost`.
 * - A request of HTTP/1.0 without `Host` is refused.
 * - A client that does not read its response can keep its connection, and the process, alive after
 *   `shutdown()`, which does not count it.
 * - A response to HTTP/1.0 without a length looks complete if it fails midway, so a cache may store
 *   half of it. nginx uses HTTP/1.0 unless `proxy_http_version 1.1` is set.
 *
 * If a handler throws, the client gets 500 without details. The error is an event of `onEvent` and a
 * record of LogTape, which prints nothing until the program configures it:
 * `onEvent: (event) => event.type === "error" && console.error(event.error)`. If the body of a
 * response fails later, the event has the type "response-error".
 *
 * **Permissions**: `--allow-net=127.0.0.1:8080` for the address of the server
 * (`--allow-net=127.0.0.1:0` for a free port). For a Unix socket,
 * `--allow-read=<path> --allow-write=<path>` and `--allow-net=unix:<path>`.
 * Source: RFC 9110 and RFC 9112.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { formatAddress, isLoopback } from "../../net/address.ts";
import { NetError } from "../../net/errors/errors.ts";
import { Countdown } from "../../net/internal/countdown.ts";
import { SHUTDOWN } from "../../net/internal/listening_server.ts";
import { callback } from "../../net/internal/options.ts";
import type { ShutdownOptions, ShutdownReport } from "../../net/tcp/server_options.ts";
import type { TlsKeyPair } from "../../net/tls/options.ts";
import { DenoTransport } from "./_deno_transport.ts";
import { Gate, type GateOptions } from "./_gate.ts";
import { SERVE_HTTP, SERVE_HTTP_UNIX } from "../internal/server_rules.ts";
import { checkTcpOnly, checkUnixOnly, UNIX_URL } from "../internal/unix_options.ts";
import { HardenedTransport } from "./_hardened_transport.ts";
import type { HttpTransport } from "./_transport.ts";
import type {
  HttpAddr,
  HttpHandler,
  HttpServer,
  HttpServerStats,
  ServeHttpOptions,
  ServeHttpUnixOptions,
  UnixHttpHandler,
} from "./options.ts";

export type * from "./options.ts";

const logger = getLogger(["portside", "http", "server"]);

/**
 * Starts an HTTP server on a Unix socket, for a reverse proxy or other programs on this machine.
 *
 * `info.remoteAddr` of a client has no address, only the path of the socket. `trustProxy` trusts a
 * proxy that connects to the socket if its number of hops includes the proxy, or if its list has
 * `unix:`. `proxyProtocol` needs `unix:` in its list. `rateLimit` and `maxConnectionsPerAddress` count
 * all clients as one, unless a trusted proxy names them. `allowedHosts` has the default of loopback.
 *
 * nginx connects with `proxy_pass http://unix:/run/app.sock;`. In this case set `trustProxy:
 * ["unix:"]`. If nginx runs as another user, also set `mode: 0o660` and use a common group. On
 * `Deno.serve`, a request of HTTP/1.0 needs a `Host`, as on TCP.
 *
 * @param options The path of the socket, and the limits.
 * @param handler The function that answers each request.
 * @returns The running server, as soon as it listens.
 * @throws {NetError} In phase "listen": "address-in-use" if another server listens there or the file
 * is not a socket, "address-unavailable" if the folder does not exist, "permission" …
 * @throws {RangeError} If an option is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type, if the handler is missing, if an
 * option of TCP or TLS is set together with `path`, or if `hardened: false` is set together with an
 * option that needs a hardened server.
 *
 * @example A client on the socket
 * ```ts
 * import { createClient } from "@portside/kit/http/client";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${await Deno.makeTempDir()}/app.sock`;
 * await using server = await serveHttp({ path }, (request) => new Response(request.url));
 * await using client = createClient({ unixSocket: path, baseUrl: server.url });
 * assertEquals(await client.get("/a").text(), "http://localhost/a");
 * ```
 */
export function serveHttp(
  options: ServeHttpUnixOptions,
  handler: UnixHttpHandler,
): Promise<HttpServer<Deno.UnixAddr>>;
/**
 * Starts an HTTP server. It listens when the function returns.
 *
 * @param options The address to listen on, and the limits.
 * @param handler The function that answers each request.
 * @returns The running server, which already listens.
 * @throws {NetError} In phase "listen": "address-in-use", "address-unavailable", "permission" …
 * @throws {RangeError} If an option is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type, if the handler is missing, if
 * `mode` is set without `path`, if only one of `cert` and `key` is set, or if `hardened: false` is set
 * together with an option that needs a hardened server.
 *
 * @example Serve a framework's app
 * ```ts
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * const app = { fetch: (request: Request) => new Response(new URL(request.url).pathname) };
 * await using server = serveHttp({ maxBody: 1024, handlerTimeout: 5000 }, app.fetch);
 * assertEquals(await (await fetch(`${server.url}/a`)).text(), "/a");
 * ```
 */
export function serveHttp(options: ServeHttpOptions, handler: HttpHandler): HttpServer;
export function serveHttp(
  options: ServeHttpOptions | ServeHttpUnixOptions,
  handler: HttpHandler,
): HttpServer | Promise<HttpServer<Deno.UnixAddr>> {
  return isOnUnix(options) ? serveOnUnix(options, handler) : serveOnTcp(options, handler);
}

/** Returns whether options are for a Unix socket. They have not been checked yet. */
function isOnUnix(
  options: ServeHttpOptions | ServeHttpUnixOptions,
): options is ServeHttpUnixOptions {
  return (options as Partial<ServeHttpUnixOptions> | null | undefined)?.path !== undefined;
}

function serveOnTcp(options: ServeHttpOptions, handler: HttpHandler): HttpServer {
  checkTcpOnly(options);
  options = SERVE_HTTP.checkGiven("serveHttp", options);
  callback("handler", handler);
  const secure = isSecure(options);
  const hardened = isHardened(options);
  const gate = new Gate(options as GateOptions, handler as HttpHandler<HttpAddr>);
  const transport = hardened
    ? HardenedTransport.listen(options, gate, secure)
    : DenoTransport.listen(options, gate, secure);
  const url = `${secure ? "https" : "http"}://${formatAddress(transport.addr)}`;
  return new Running(transport, gate, options, { hardened, url });
}

async function serveOnUnix(
  options: ServeHttpUnixOptions,
  handler: UnixHttpHandler,
): Promise<HttpServer<Deno.UnixAddr>> {
  // No other machine can read the traffic of a Unix socket, so TLS has no use there.
  checkUnixOnly(options, ["cert", "key", "certFile", "keyFile", ...TLS_ONLY]);
  options = SERVE_HTTP_UNIX.check("serveHttp", options);
  callback("handler", handler);
  const hardened = isHardened(options);
  const gate = new Gate(options, handler);
  const transport = await (hardened ? HardenedTransport : DenoTransport).listenUnix(options, gate);
  return new Running(transport, gate, options, { hardened, url: UNIX_URL });
}

/** Options that need a certificate and a hardened server. */
const TLS_ONLY = [
  "sni",
  "clientAuth",
  "clientCa",
  "minVersion",
  "inspect",
  "engine",
  "handshakeTimeout",
  "reloadInterval",
] as const;

function isSecure(options: ServeHttpOptions): boolean {
  const { cert, key, certFile, keyFile } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("Cannot serve HTTPS: set both cert and key");
  }
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new TypeError("Cannot serve HTTPS: set both certFile and keyFile");
  }
  if (cert !== undefined && certFile !== undefined) {
    throw new TypeError("Cannot serve HTTPS with cert and certFile: set one of them");
  }
  const secure = cert !== undefined || certFile !== undefined;
  const idle = secure ? undefined : TLS_ONLY.find((name) => options[name] !== undefined);
  if (idle === undefined) return secure;
  throw new TypeError(`Cannot use ${idle} without a certificate: set cert and key`);
}

/** Options that `Deno.serve` does not have. */
const HARDENED_ONLY = [
  "maxConnections",
  "maxConnectionsPerAddress",
  "proxyProtocol",
  "headTimeout",
  "idleTimeout",
  "writeTimeout",
  "maxHead",
  "maxHeaders",
  "backlog",
  "sharePort",
  "whenFull",
  "noDelay",
  "keepAlive",
  "deadPeerTimeout",
  ...TLS_ONLY,
] as const;

function isHardened(
  options: Partial<Record<typeof HARDENED_ONLY[number], unknown>> & {
    readonly hardened?: boolean;
    readonly hostname?: string;
  },
): boolean {
  const wanted = HARDENED_ONLY.find((name) => options[name] !== undefined);
  if (wanted !== undefined && options.hardened === false) {
    throw new TypeError(`Cannot use ${wanted} with hardened: false: only a hardened server has it`);
  }
  return options.hardened ?? (wanted !== undefined || !isLoopback(options.hostname ?? "127.0.0.1"));
}

class Running<A extends HttpAddr> implements HttpServer<A> {
  readonly addr: A;
  readonly url: string;
  readonly hardened: boolean;
  readonly finished: Promise<void>;

  readonly #gate: Gate;
  readonly #transport: HttpTransport<A>;
  readonly #signal: AbortSignal | undefined;
  readonly #onSignal = () => void this.shutdown();
  #shutdown: Promise<ShutdownReport> | undefined;
  #forced = 0;
  readonly #countdown: Countdown = new Countdown(() => this.#force());

  constructor(
    transport: HttpTransport<A>,
    gate: Gate,
    options: { readonly signal?: AbortSignal; readonly onListen?: (addr: A) => void },
    { hardened, url }: { hardened: boolean; url: string },
  ) {
    this.addr = transport.addr;
    this.url = url;
    this.hardened = hardened;
    this.finished = transport.finished;
    this.#gate = gate;
    this.#transport = transport;
    this.#signal = options.signal;
    try {
      options.onListen?.(this.addr);
      this.#signal?.addEventListener("abort", this.#onSignal, { once: true });
    } catch (error) {
      // The caller gets no server that it could shut down.
      transport.stop();
      transport.cut();
      throw error;
    }
    if (this.#signal?.aborted) this.#onSignal();
  }

  stats(): HttpServerStats {
    return this.#gate.stats;
  }

  reloadTls(certificates?: readonly TlsKeyPair[]): void {
    if (this.#transport.reloadTls) return this.#transport.reloadTls(certificates);
    throw new TypeError(
      "Cannot reload certificates: the server was started without reloadInterval",
    );
  }

  ref(): void {
    this.#transport.ref();
  }

  unref(): void {
    this.#transport.unref();
  }

  shutdown(options: ShutdownOptions = {}): Promise<ShutdownReport> {
    const { deadline = 5000 } = SHUTDOWN.check("shutdown", options);
    this.#shutdown ??= this.#drain();
    // Not by a timer: when the transport has closed, it cannot cut anything any more.
    if (deadline === 0) this.#countdown.finish();
    else this.#countdown.start(deadline);
    return this.#shutdown;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  #force(): void {
    this.#forced = this.#gate.active;
    this.#transport.cut();
  }

  async #drain(): Promise<ShutdownReport> {
    await null; // The caller has to set #shutdown first.
    const gate = this.#gate;
    this.#signal?.removeEventListener("abort", this.#onSignal);
    const total = gate.active;
    this.#transport.stop();
    gate.closing.abort(
      new NetError(`Server ${this.url} is shutting down`, { kind: "closed", phase: "close" }),
    );
    gate.event({ type: "shutdown" });
    await Promise.race([gate.untilIdle(), this.finished]);
    this.#transport.close();
    await this.finished;
    this.#countdown.stop();
    gate.stop();
    logger.debug("{url} has shut down", { url: this.url });
    return {
      drained: Math.max(total - this.#forced, 0),
      forced: this.#forced,
      refused: gate.stats.refused,
    };
  }
}
