import type { Connection } from "../../net/connection/connection.ts";
import type { ServerEvent, TcpServer } from "../../net/tcp/server_options.ts";
import { serveTcp } from "../../net/tcp/server.ts";
import { serveTls } from "../../net/tls/server.ts";
import type { ServeTlsOptions } from "../../net/tls/options.ts";
import type { Gate } from "./_gate.ts";
import { type ConnectionLimits, HttpConnection } from "./_connection.ts";
import { prepareLazyRequests } from "../internal/lazy_request.ts";
import { prepareStaticBodies } from "../internal/static_response.ts";
import { checkCount, checkLimit, checkTime } from "../internal/option_defaults.ts";
import type { HttpTransport } from "./_transport.ts";
import type { ServeHttpOptions } from "./options.ts";

/** HTTP/1.1 of our own over `serveTcp`, which has limits for all that a connection does. */
export class HardenedTransport implements HttpTransport {
  readonly addr: Deno.NetAddr;
  readonly finished: Promise<void>;

  readonly reloadTls?: HttpTransport["reloadTls"];

  readonly #server: TcpServer;

  constructor(options: ServeHttpOptions, gate: Gate, secure: boolean) {
    prepareLazyRequests();
    prepareStaticBodies();
    const limits: ConnectionLimits = {
      headTimeout: checkTime("headTimeout", options.headTimeout, 15_000),
      idleTimeout: checkTime("idleTimeout", options.idleTimeout, 60_000),
      maxHead: checkCount("maxHead", options.maxHead, 32 * 1024),
      maxHeaders: checkCount("maxHeaders", options.maxHeaders, 100),
    };
    checkLimit("maxConnections", options.maxConnections, 1024);
    checkLimit("maxConnectionsPerAddress", options.maxConnectionsPerAddress, 0);
    const settings: ServeTlsOptions = {
      ...options,
      alpnProtocols: ["http/1.1"],
      idleTimeout: 0, // Each read here has a limit of its own.
      signal: undefined,
      onListen: undefined,
      onEvent: (event) => tell(gate, event),
    };
    const handler = (conn: Connection) => new HttpConnection(conn, gate, limits).run();
    if (secure) {
      const server = serveTls(settings, handler);
      this.reloadTls = (certificates) => server.reloadTls(certificates);
      this.#server = server;
    } else this.#server = serveTcp(settings, handler);
    this.addr = this.#server.addr;
    this.finished = this.#server.finished;
  }

  stop(): void {
    // How long that may take is for the server above to say, which cuts.
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

/** Passes on what no request tells. */
function tell(gate: Gate, event: ServerEvent): void {
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
