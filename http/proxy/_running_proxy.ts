import { delay } from "@std/async/delay";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import type { Connection } from "../../net/connection/connection.ts";
import type {
  ShutdownOptions,
  ShutdownReport,
  StreamServer,
} from "../../net/tcp/server_options.ts";
import type { HttpAddr } from "../server/handler.ts";
import type { ProxyStats } from "./options.ts";
import type { Proxy, ProxyConnectionInfo, ProxyServer } from "./serve_options.ts";

/** The longest wait for sessions that were closed, in milliseconds. Only a hanging hook needs longer. */
const LAST_WORDS = 1000;

/** The sessions of a proxy that listens. */
export class ProxySessions {
  readonly proxy: Proxy;
  readonly #open = new Set<Promise<void>>();

  constructor(proxy: Proxy) {
    this.proxy = proxy;
  }

  /** Serves the connection of one client. */
  readonly handle = (connection: Connection, info: ProxyConnectionInfo): Promise<void> => {
    const session = this.proxy.handle(connection, info);
    this.#open.add(session);
    return session.finally(() => this.#open.delete(session));
  };

  /** Closes the proxy, and waits for the log entries of its sessions. */
  async close(): Promise<void> {
    this.proxy.close();
    const told = new AbortController();
    const all = Promise.allSettled(this.#open).then(() => told.abort());
    await Promise.race([all, ignoreFailure(delay(LAST_WORDS, { signal: told.signal }))]);
  }
}

/** A proxy that listens. */
export class RunningProxy<A extends HttpAddr> implements ProxyServer<A> {
  readonly addr: A;
  readonly url: string;
  readonly finished: Promise<void>;
  readonly #server: StreamServer<A>;
  readonly #proxy: Proxy;

  constructor(server: StreamServer<A>, url: string, sessions: ProxySessions) {
    this.#server = server;
    this.#proxy = sessions.proxy;
    this.addr = server.addr;
    this.url = url;
    this.finished = server.finished.then(() => sessions.close());
  }

  stats(): ProxyStats {
    return this.#proxy.stats();
  }

  ref(): void {
    this.#server.ref();
  }

  unref(): void {
    this.#server.unref();
  }

  async shutdown(options?: ShutdownOptions): Promise<ShutdownReport> {
    const report = await this.#server.shutdown(options);
    await this.finished;
    return report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }
}
