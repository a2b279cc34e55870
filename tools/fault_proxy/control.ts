/**
 * An HTTP interface that controls fault proxies. It is compatible with the clients of Toxiproxy 2:
 * `/proxies`, `/proxies/{name}/toxics`, `/populate`, `/reset`, `/version`, `/metrics`.
 *
 * @example Delay a connection by HTTP
 * ```ts
 * import { connectTcp, serveTcp } from "@portside/kit/net/tcp";
 * import { serveFaultControl } from "@portside/kit/tools/fault-proxy";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveTcp({}, (conn) => conn.write("hello\n"));
 * await using control = serveFaultControl();
 * const post = async (path: string, body: unknown) => {
 *   const init = { method: "POST", body: JSON.stringify(body) };
 *   return await (await fetch(control.url + path, init)).json();
 * };
 * const upstream = `127.0.0.1:${server.addr.port}`;
 * const proxy = await post("/proxies", { name: "db", listen: "127.0.0.1:0", upstream });
 * await post("/proxies/db/toxics", { type: "latency", attributes: { latency: 20 } });
 * await using client = await connectTcp({ port: Number(proxy.listen.split(":")[1]) });
 * assertEquals(await client.readLine(), "hello");
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1` for the interface, the proxies and their targets.
 *
 * @module
 */

import { hostName } from "../../net/internal/host_rules.ts";
import {
  callback,
  countLimit,
  limit,
  listenPort,
  OptionRules,
  signal,
} from "../../net/internal/options.ts";
import type { HttpServer, HttpServerStats } from "../../http/server/options.ts";
import { serveHttp } from "../../http/server/server.ts";
import type { ShutdownOptions, ShutdownReport } from "../../net/tcp/server_options.ts";
import { Control } from "./_control_routes.ts";
import type { FaultProxyEvent } from "./options.ts";

/** Most bytes of a request. */
const MOST_BODY = 1024 * 1024;

/** Options of `serveFaultControl`. */
export interface FaultControlOptions {
  /** The address to listen on. @default "127.0.0.1" */
  hostname?: string;
  /** The port to listen on; 0 selects a free one. @default 0 */
  port?: number;
  /** Most proxies. 0 lifts the limit. @default 100 */
  maxProxies?: number;
  /** Most toxics of a proxy. 0 lifts the limit. @default 100 */
  maxToxics?: number;
  /** Shuts down when it is aborted. */
  signal?: AbortSignal;
  /** Called for each event of a proxy. */
  onEvent?: (event: FaultProxyEvent) => void;
}

const CONTROL = new OptionRules<FaultControlOptions>({
  hostname: hostName,
  port: listenPort,
  maxProxies: limit,
  maxToxics: limit,
  signal,
  onEvent: callback,
});

/** A running HTTP interface of fault proxies. */
export interface FaultControl extends AsyncDisposable {
  /** The address on which the interface listens. */
  readonly addr: Deno.NetAddr;
  /** The URL of the interface, e.g. `http://127.0.0.1:8474`. */
  readonly url: string;
  /** Resolves when the interface and its proxies have shut down. */
  readonly finished: Promise<void>;
  /**
   * Returns the current counters.
   *
   * @returns A snapshot, which does not change afterwards.
   */
  stats(): HttpServerStats;
  /**
   * Stops listening, waits for requests until the deadline, and ends all proxies.
   *
   * @param options The deadline in milliseconds. Default: 0, which cuts at once.
   * @returns The number of drained, forced and refused requests.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  shutdown(options?: ShutdownOptions): Promise<ShutdownReport>;
}

/**
 * Starts the HTTP interface, without any proxies.
 *
 * The interface has no password. It listens on loopback by default, and refuses the requests of web
 * pages: those with `Origin` or with a foreign `Host`.
 *
 * @param options The address to listen on, and the limits.
 * @returns The running server. Its shutdown also ends the proxies.
 * @throws {NetError} In phase "listen": "address-in-use", "permission" …
 * @throws {RangeError | TypeError} If an option is invalid.
 *
 * @example The version
 * ```ts
 * import { serveFaultControl } from "@portside/kit/tools/fault-proxy";
 * import { assertEquals } from "@std/assert";
 *
 * await using control = serveFaultControl();
 * const { version } = await (await fetch(`${control.url}/version`)).json();
 * assertEquals(version.split(".")[0], "2");
 * ```
 */
export function serveFaultControl(options: FaultControlOptions = {}): FaultControl {
  options = CONTROL.check("serveFaultControl", options);
  const { maxProxies = 100, maxToxics = 100, onEvent, ...listen } = options;
  const limits = { proxies: countLimit(maxProxies), toxics: countLimit(maxToxics) };
  const control = new Control(limits, onEvent);
  return new ControlServer(serveHttp({ ...listen, maxBody: MOST_BODY }, control.handler), control);
}

class ControlServer implements FaultControl {
  readonly addr: Deno.NetAddr;
  readonly url: string;
  readonly finished: Promise<void>;
  readonly #server: HttpServer;

  constructor(server: HttpServer, control: Control) {
    this.#server = server;
    this.addr = server.addr;
    this.url = server.url;
    this.finished = server.finished.then(() => control.close());
  }

  stats(): HttpServerStats {
    return this.#server.stats();
  }

  async shutdown({ deadline = 0 }: ShutdownOptions = {}): Promise<ShutdownReport> {
    const report = await this.#server.shutdown({ deadline });
    await this.finished;
    return report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }
}
