import { delay } from "@std/async/delay";
import { getLogger } from "@logtape/logtape";
import { formatAddress } from "../../net/address.ts";
import { NetError, toNetError } from "../../net/errors/errors.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { listenUnix, type UnixSocket } from "../../net/internal/unix_socket.ts";
import { parseDigits } from "../../net/text.ts";
import { DenoBody, DenoInfo } from "./_deno_info.ts";
import type { LimitedBody } from "./_request_body.ts";
import type { Gate } from "./_gate.ts";
import {
  makeRequest,
  prepareLazyRequests,
  type RequestSource,
  withSignalOf,
} from "../internal/lazy_request.ts";
import { peekHeader, peekHeaders, servedBody, useHttpUrl } from "../internal/served_request.ts";
import { prepareStaticBodies } from "../internal/static_response.ts";
import { isForRequest } from "../internal/methods.ts";
import type { HttpTransport } from "./_transport.ts";
import type { HttpAddr, ServeHttpOptions, ServeHttpUnixOptions } from "./options.ts";

/** Pause before the server listens again, in milliseconds. */
const PAUSE = 100;
/** Minimum time between two log records of the same failure, in milliseconds. */
const QUIET = 5000;

const logger = getLogger(["portside", "http", "server"]);

/** The address to listen on. */
type At =
  | { readonly hostname: string; readonly port: number; cert?: string; key?: string }
  | UnixSocket;

/** The type of `Deno.serve`, which really has an overload for each kind of address. */
type Serve<A extends HttpAddr> = (
  options: At & Pick<Deno.ServeOptions<A>, "signal" | "onListen" | "onError">,
  handler: Deno.ServeHandler<A>,
) => Deno.HttpServer<A>;

/**
 * `Deno.serve` that starts again after a failure. By itself it stops accepting for ever as soon as the
 * file descriptors run out once.
 */
export class DenoTransport<A extends HttpAddr> implements HttpTransport<A> {
  readonly addr: A;
  readonly finished: Promise<void>;

  readonly #gate: Gate;
  readonly #at: At;
  readonly #prefix: string;
  /** The host that Deno assumes if a request names none. */
  readonly #fallback: string;
  readonly #done = Promise.withResolvers<void>();
  readonly #stop = new AbortController();
  #inner: Deno.HttpServer<A> | undefined;
  #cutter = new AbortController();
  #held = true;
  /** Whether `#stop` is aborted. Reading a signal is slow. */
  #stopped = false;
  #closing = false;
  #loggedAt = -Infinity;

  private constructor(gate: Gate, at: At) {
    prepareLazyRequests();
    prepareStaticBodies();
    this.#gate = gate;
    const secure = "cert" in at;
    this.#prefix = secure ? "https://" : "http://";
    this.finished = this.#done.promise;
    this.#at = at;
    const addr = this.addr = this.#serve(at);
    // On a Unix socket, Deno uses the path of the socket.
    if (!("port" in addr)) this.#fallback = "";
    else if (addr.port === (secure ? 443 : 80)) this.#fallback = "localhost";
    else this.#fallback = `localhost:${addr.port}`;
  }

  /** Listens on TCP. */
  static listen(
    options: ServeHttpOptions,
    gate: Gate,
    secure: boolean,
  ): DenoTransport<Deno.NetAddr> {
    const { hostname = "127.0.0.1", port = 0 } = options;
    try {
      return new DenoTransport(gate, { hostname, port, ...secure && keyPairOf(options) });
    } catch (error) {
      throw toNetError(error, { phase: "listen", hostname, port });
    }
  }

  /** Listens on a Unix socket. */
  static async listenUnix(
    { path, mode }: ServeHttpUnixOptions,
    gate: Gate,
  ): Promise<DenoTransport<Deno.UnixAddr>> {
    const at = { path, mode };
    const open = () => new DenoTransport<Deno.UnixAddr>(gate, at);
    return await listenUnix(at, open, (transport) => {
      transport.stop();
      transport.cut();
    });
  }

  stop(): void {
    // Not inner.shutdown(): after it, Deno 2.9 can cut nothing any more. See #answer.
    this.#stopped = true;
    this.#stop.abort();
    if (this.#inner === undefined) this.#done.resolve();
  }

  close(): void {
    // Connections that are cut end by that. Both calls together would never end (Deno 2.9).
    if (this.#cutter.signal.aborted) return;
    this.#closing = true;
    void ignoreFailure(this.#inner?.shutdown());
  }

  cut(): void {
    // A client that does not read its response cannot be cut any more. The system keeps it.
    if (this.#closing) this.#done.resolve();
    // Aborting a finished server throws an error that cannot be caught.
    else if (this.#inner !== undefined) this.#cutter.abort();
  }

  ref(): void {
    this.#held = true;
    this.#inner?.ref();
  }

  unref(): void {
    this.#held = false;
    this.#inner?.unref();
  }

  #serve(at: At): A {
    this.#cutter = new AbortController();
    const serve = Deno.serve as unknown as Serve<A>;
    const inner = serve({
      ...at,
      signal: this.#cutter.signal,
      onListen() {},
      // The gate throws nothing. This handles a response that cannot be sent, e.g. one used twice.
      onError: (error) => this.#gate.replace(error),
    }, (request, exchange) => this.#answer(request, exchange));
    this.#inner = inner;
    if (!this.#held) inner.unref();
    inner.finished.then(() => this.#ended(), (error) => this.#ended(error));
    return inner.addr;
  }

  #answer(
    request: Request,
    exchange: Deno.ServeHandlerInfo<HttpAddr>,
  ): Response | Promise<Response> {
    const gate = this.#gate;
    if ("path" in this.#at) useHttpUrl(request);
    if (this.#stopped) return gate.refuse(503, exchange, request);
    const { method } = request;
    if (!isForRequest(method)) return gate.refuse(501, exchange, request);
    const refused = this.#judge(request);
    if (refused !== 0) return gate.refuse(refused, exchange, request);
    const info = new DenoInfo(gate, exchange, request);
    // Looking at a body costs time, and these methods have none.
    const served = method === "GET" || method === "HEAD" ? null : servedBody(request);
    const length = served === null ? "0" : peekHeader(request, "content-length");
    if (served === null || length === "0") {
      // The signal of Deno is also aborted by success.
      return gate.handle(withSignalOf(info, request), info);
    }
    if (gate.tooLarge(lengthOf(length))) return gate.refuse(413, exchange, request);
    const clientEnded = (error: unknown) => info.clientEnded(error);
    info.source = new DenoBody(served, clientEnded);
    const body = info.body = gate.limitBody(info.source);
    body.onCut = clientEnded;
    const answered = () => {
      body.answered();
      info.end();
    };
    exchange.completed.then(answered, answered);
    // A copy of the first request would make Deno follow its signal and write a warning to stderr.
    return gate.handle(makeRequest(new DenoSource(request, body, info)), info, body);
  }

  /**
   * Checks the host before a URL is made of it. Returns 0, or the status of the refusal. Deno accepts
   * any text, and uses a name of its own if there is none.
   */
  #judge(request: Request): number {
    const host = peekHeader(request, "host");
    const { url } = request;
    const from = this.#prefix.length;
    if (!url.startsWith(this.#prefix)) return 400;
    if (host !== null) {
      const status = this.#gate.hosts.judge(host);
      if (status !== 0) return status;
      if (url.startsWith(host, from) && url[from + host.length] === "/") return 0;
    }
    // In HTTP/2, and in a request line with a whole URL, only the URL names the host.
    const end = url.indexOf("/", from);
    const named = url.slice(from, end === -1 ? undefined : end);
    const missing = host === null && named === this.#fallback && this.#prefix === "http://";
    return missing ? 400 : this.#gate.hosts.judge(named);
  }

  #ended(error?: unknown): void {
    this.#inner = undefined;
    if (this.#stop.signal.aborted) this.#done.resolve();
    else this.#again(error);
  }

  /** Listens again on the same address. */
  async #reopen(): Promise<void> {
    const at = this.#at;
    if ("port" in at) return void this.#serve({ ...at, port: (this.addr as Deno.NetAddr).port });
    await listenUnix(at, () => {
      this.#stop.signal.throwIfAborted();
      return this.#serve(at);
    }, () => void this.#inner?.shutdown());
  }

  async #again(error: unknown): Promise<void> {
    const now = performance.now();
    const failure = toNetError(error ?? new Error("Deno.serve has ended"), {
      phase: "accept",
      ...this.addr,
    });
    this.#gate.event({ type: "accept-error", error: failure });
    if (now - this.#loggedAt > QUIET) {
      this.#loggedAt = now;
      const at = formatAddress(this.addr);
      logger.warn("cannot accept on {at}: {error}; listening again", {
        at,
        error: failure.message,
      });
    }
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await ignoreFailure(delay(PAUSE, { signal, persistent: this.#held }));
      if (signal.aborted) return this.#done.resolve();
      try {
        return void await this.#reopen();
      } catch {
        // The address or a descriptor is not free yet. If the server does listen, its end leads back here.
        if (this.#inner !== undefined) return;
      }
    }
  }
}

/** Returns the length that a request announces; 0 without one, because its bytes are counted. */
function lengthOf(length: string | null): number {
  return parseDigits(length ?? "0") ?? Infinity;
}

/** The source of a request whose body has limits. */
class DenoSource implements RequestSource {
  readonly method: string;
  readonly url: string;
  readonly body: LimitedBody;
  readonly client: DenoInfo;
  readonly #request: Request;

  constructor(request: Request, body: LimitedBody, client: DenoInfo) {
    this.method = request.method;
    this.url = request.url;
    this.body = body;
    this.client = client;
    this.#request = request;
  }

  /** The header lines, read when a handler uses them. */
  get fields(): Iterable<[name: string, value: string]> {
    return peekHeaders(this.#request);
  }
}

function keyPairOf({ cert, key, certFile, keyFile }: ServeHttpOptions) {
  return { cert: cert ?? readPem(certFile!), key: key ?? readPem(keyFile!) };
}

function readPem(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    throw new NetError(`Cannot serve HTTPS: cannot read the file ${path}`, {
      kind: "tls",
      phase: "listen",
      tls: "bad-certificate",
      cause,
    });
  }
}
