import { OptionRules, timeLimit } from "../../net/internal/options.ts";
import { SERVE_TCP } from "../../net/internal/listen.ts";
import { SERVE_TLS } from "../../net/internal/tls_rules.ts";
import { SERVE_UNIX_RULES } from "../../net/internal/unix_socket.ts";
import { bySession } from "../../net/internal/connection_session.ts";
import type { ServerEvent, StreamServer } from "../../net/tcp/server_options.ts";
import { serveTcp } from "../../net/tcp/server.ts";
import { serveTls } from "../../net/tls/server.ts";
import { serveUnix, type ServeUnixOptions } from "../../net/unix/server.ts";
import type { Gate } from "./_gate.ts";
import { type ConnectionLimits, HttpConnection } from "./_connection.ts";
import { prepareLazyRequests } from "../internal/lazy_request.ts";
import { prepareStaticBodies } from "../internal/static_response.ts";
import { ServerTracing } from "../internal/server_tracing.ts";
import { MAX_FIELDS, MAX_HEAD } from "../internal/http1_limits.ts";
import type { HttpTransport } from "./_transport.ts";
import type {
  HttpAddr,
  HttpServerOptions,
  ServeHttpOptions,
  ServeHttpUnixOptions,
} from "./options.ts";

const SERVE_UNIX = new OptionRules<ServeUnixOptions>(SERVE_UNIX_RULES);

/** HTTP/1.1 over `serveTcp`, which limits connections. */
export class HardenedTransport<A extends HttpAddr> implements HttpTransport<A> {
  readonly addr: A;
  readonly finished: Promise<void>;

  readonly reloadTls?: HttpTransport["reloadTls"];

  readonly #server: StreamServer<A>;

  private constructor(server: StreamServer<A>, reloadTls?: HttpTransport["reloadTls"]) {
    this.addr = server.addr;
    this.finished = server.finished;
    this.#server = server;
    if (reloadTls !== undefined) this.reloadTls = reloadTls;
  }

  /** Listens on TCP. */
  static listen(
    options: ServeHttpOptions,
    gate: Gate,
    secure: boolean,
  ): HardenedTransport<Deno.NetAddr> {
    const { settings, handler } = prepare(options, gate);
    if (!secure) {
      return new HardenedTransport(serveTcp(SERVE_TCP.pick({ ...options, ...settings }), handler));
    }
    const tls = SERVE_TLS.pick({ ...options, ...settings, alpnProtocols: ["http/1.1"] });
    const server = serveTls(tls, handler);
    return new HardenedTransport(server, (certificates) => server.reloadTls(certificates));
  }

  /** Listens on a Unix socket. */
  static async listenUnix(
    options: ServeHttpUnixOptions,
    gate: Gate,
  ): Promise<HardenedTransport<Deno.UnixAddr>> {
    const { settings, handler } = prepare(options, gate);
    return new HardenedTransport(
      await serveUnix(SERVE_UNIX.pick({ ...options, ...settings }), handler),
    );
  }

  stop(): void {
    // The server above has the deadline and calls `cut`.
    void this.#server.shutdown({ deadline: Infinity });
  }

  close(): void {}

  cut(): void {
    void this.#server.shutdown({ deadline: 0 });
  }

  ref(): void {
    this.#server.ref();
  }

  unref(): void {
    this.#server.unref();
  }
}

/** Returns the options and the handler of a server of any kind for the options of `serveHttp`. */
function prepare<A extends HttpAddr>(options: HttpServerOptions<A>, gate: Gate) {
  gate.tracing = ServerTracing.find("@portside/kit/http/server");
  prepareLazyRequests();
  prepareStaticBodies();
  const { maxHead = MAX_HEAD, maxHeaders = MAX_FIELDS } = options;
  const limits: ConnectionLimits = {
    headTimeout: timeLimit(options.headTimeout ?? 15_000),
    idleTimeout: timeLimit(options.idleTimeout ?? 60_000),
    decoder: Object.freeze({ maxHead, maxLine: maxHead, maxFields: maxHeaders }),
  };
  return {
    settings: {
      idleTimeout: 0, // Each read of HTTP has a limit of its own.
      signal: undefined,
      onListen: undefined,
      onEvent: (event: ServerEvent<A>) => tell(gate, event),
    },
    handler: bySession<A>((connection) => new HttpConnection(connection, gate, limits)),
  };
}

/** Passes on the events that belong to no request. */
function tell(gate: Gate, event: ServerEvent<HttpAddr>): void {
  switch (event.type) {
    case "accept-error":
    case "handshake-error":
    case "tls-reload":
      gate.event(event);
      break;
    case "refused":
      if (event.reason === "address") {
        gate.event({ type: "connection-refused", remoteAddr: event.remoteAddr });
      }
  }
}
