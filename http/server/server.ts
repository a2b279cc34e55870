/**
 * An HTTP server with safe limits on `Deno.serve`: the size and the time of
 * bodies, the time of handlers, requests at a time, a `Host` that is what it
 * should be, errors that leak nothing, a graceful end that reports.
 *
 * `Deno.serve` lets a client that sends half a head sit for ever. Where strangers
 * connect, beyond loopback, the server is `hardened`: the same handlers on an
 * HTTP/1.1 of our own with limits on connections, heads and silence. HTTPS takes
 * `cert` and `key` on both; several names, clients' certificates and reloading are
 * hardened, too.
 *
 * A handler is `(request, info) => Response | Promise<Response>`: the `fetch` of
 * Hono, Oak or any other framework is one, and gets all of this around it.
 *
 * @example Hello
 * ```ts
 * import { serveHttp } from "@portside/kit/http/server";
 * import { json } from "@portside/kit/http/json";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveHttp({ port: 0 }, () => json({ message: "Hello, World!" }));
 * const response = await fetch(server.url);
 * assertEquals(await response.json(), { message: "Hello, World!" });
 * ```
 *
 * A handler learns when its client leaves: `request.signal`, which is `info.signal`, is aborted, and
 * the body of a response that streams is cancelled. `info` also sends early hints (103) and trailers
 * and gives the trailers of a request; see {@linkcode HttpInfo}.
 *
 * **HTTP/1.0**: a hardened server keeps the connection of a client that sends `Connection:
 * keep-alive`, where the response has a known length. A response without one ends with its
 * connection; if it fails midway, the connection is reset. Deno's own TLS cannot do that (the option
 * `engine: "node"` can): there, half a response to HTTP/1.0 looks like a whole one.
 *
 * **Known limits** of `Deno.serve`: a client that half-closes while its handler works gets no
 * answer, over TLS a request of HTTP/1.1 without `Host` cannot be told from one of HTTP/2 for
 * `localhost`, a request of HTTP/1.0 without `Host` is refused, and a client that does not read its
 * answer can outlive `shutdown()`, which does not count it, and with it the process. A response to
 * HTTP/1.0 that has no length and fails midway looks whole, so that a cache in front keeps half of it;
 * nginx asks by HTTP/1.0 unless `proxy_http_version 1.1` is set. The hardened server has none of them.
 *
 * What a handler throws is a 500 that tells the client nothing. `onEvent` is told; so is LogTape, of
 * which nothing shows until the program configures it:
 * `onEvent: (event) => event.type === "error" && console.error(event.error)`. A body of a response
 * that fails later is an event of type "response-error".
 *
 * **Permissions**: `--allow-net=127.0.0.1:8080` for the address to listen on
 * (`--allow-net=127.0.0.1:0` for a free port). For a Unix socket,
 * `--allow-read=<path> --allow-write=<path>` and `--allow-net=unix:<path>`.
 * Source: RFC 9110 and RFC 9112.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { formatAddress, isLoopback } from "../../net/address.ts";
import { NetError } from "../../net/errors/errors.ts";
import { SHUTDOWN } from "../../net/internal/listening_server.ts";
import { anObject, callback, MAX_TIMER } from "../../net/internal/options.ts";
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
 * Starts an HTTP server on a Unix socket, for a reverse proxy or other programs of this machine.
 *
 * `info.remoteAddr` of a client has no address, but the path of the socket. A proxy that connects to
 * the socket is trusted by `trustProxy` if its number of hops counts it, or its list has `unix:`; the
 * latter holds for `proxyProtocol`, too. `rateLimit` and `maxConnectionsPerAddress` count all clients
 * as one that neither of them names. Hosts are judged as on loopback.
 *
 * nginx reaches it with `proxy_pass http://unix:/run/app.sock;`. Set `trustProxy: ["unix:"]` then, and
 * `mode` if nginx runs as another user: 0o660 with a common group. On `Deno.serve`, a request of
 * HTTP/1.0 needs a `Host`, as on TCP.
 *
 * @param options Where to listen, and the limits.
 * @param handler Called for each request.
 * @returns The running server, once it listens.
 * @throws {NetError} In phase "listen": "address-in-use" if somebody listens there or the file is no
 * socket, "address-unavailable" if there is no such folder, "permission" …
 * @throws {RangeError} If an option is out of range.
 * @throws {TypeError} If an option of TCP or of TLS is set besides `path`, or an option that is
 * hardened only with `hardened: false`.
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
 * Starts an HTTP server.
 *
 * @param options Where to listen, and the limits.
 * @param handler Called for each request.
 * @returns The running server.
 * @throws {NetError} In phase "listen": "address-in-use", "address-unavailable", "permission" …
 * @throws {RangeError} If an option is out of range.
 * @throws {TypeError} If `mode` comes without `path`, `cert` without `key` or the other way round, or
 * an option that is hardened only with `hardened: false`.
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
  anObject("options", options);
  return isOnUnix(options) ? serveOnUnix(options, handler) : serveOnTcp(options, handler);
}

/** Whether options are for a Unix socket; they have not been checked. */
function isOnUnix(
  options: ServeHttpOptions | ServeHttpUnixOptions,
): options is ServeHttpUnixOptions {
  return (options as Partial<ServeHttpUnixOptions>).path !== undefined;
}

function serveOnTcp(options: ServeHttpOptions, handler: HttpHandler): HttpServer {
  checkTcpOnly(options);
  SERVE_HTTP.check("serveHttp", options);
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
  // Nobody listens in on a Unix socket.
  checkUnixOnly(options, ["cert", "key", "certFile", "keyFile", ...TLS_ONLY]);
  SERVE_HTTP_UNIX.check("serveHttp", options);
  callback("handler", handler);
  const hardened = isHardened(options);
  const gate = new Gate(options, handler);
  const transport = await (hardened ? HardenedTransport : DenoTransport).listenUnix(options, gate);
  return new Running(transport, gate, options, { hardened, url: UNIX_URL });
}

/** The options that are of no use without a certificate, and more than `Deno.serve` can do. */
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
    throw new TypeError("Cannot serve HTTPS: it takes both cert and key");
  }
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new TypeError("Cannot serve HTTPS: it takes both certFile and keyFile");
  }
  if (cert !== undefined && certFile !== undefined) {
    throw new TypeError("Cannot serve HTTPS with cert and certFile: set one of them");
  }
  const secure = cert !== undefined || certFile !== undefined;
  const idle = secure ? undefined : TLS_ONLY.find((name) => options[name] !== undefined);
  if (idle === undefined) return secure;
  throw new TypeError(`Cannot use ${idle} without a certificate: set cert and key`);
}

/** The options that `Deno.serve` has nothing for. */
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
    throw new TypeError(`Cannot use ${wanted} with hardened: false, which has no such thing`);
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
  #ended = false;
  #forced = 0;
  #forceAt = Infinity;
  #forceTimer: ReturnType<typeof setTimeout> | undefined;

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
      // Nobody gets a server that could be shut down.
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
    SHUTDOWN.check("shutdown", options);
    const { deadline = 5000 } = options;
    const first = this.#shutdown === undefined;
    this.#shutdown ??= this.#drain();
    const at = performance.now() + deadline;
    if (first || (at < this.#forceAt && !this.#ended)) {
      this.#forceAt = at;
      clearTimeout(this.#forceTimer);
      // At once means now: once the transport has closed, nothing can be cut any more.
      if (deadline === 0) this.#force();
      else if (deadline <= MAX_TIMER) {
        this.#forceTimer = setTimeout(() => this.#force(), deadline);
      }
    }
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
    await null; // So that #shutdown is set below.
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
    this.#ended = true;
    clearTimeout(this.#forceTimer);
    gate.stop();
    logger.debug("{url} has shut down", { url: this.url });
    return {
      drained: Math.max(total - this.#forced, 0),
      forced: this.#forced,
      refused: gate.stats.refused,
    };
  }
}
