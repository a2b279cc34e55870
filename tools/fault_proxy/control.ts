/**
 * An HTTP interface that controls fault proxies. It is compatible with the clients of Toxiproxy 2:
 * `/proxies`, `/proxies/{name}/toxics`, `/populate`, `/reset`, `/version`.
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

import { formatAddress, type HostPort, parseHostPort } from "../../net/address.ts";
import { hostName } from "../../net/internal/host_rules.ts";
import {
  callback,
  flag,
  limit,
  listenPort,
  OptionRules,
  signal,
  text,
} from "../../net/internal/options.ts";
import { json, readJson } from "../../http/handlers/json.ts";
import { router } from "../../http/handlers/router.ts";
import { ProblemError } from "../../http/problem.ts";
import type { HttpHandler, HttpServer, HttpServerStats } from "../../http/server/options.ts";
import { serveHttp } from "../../http/server/server.ts";
import type { ShutdownOptions, ShutdownReport } from "../../net/tcp/server_options.ts";
import { ListeningProxy } from "./_proxy.ts";
import {
  attributesOf,
  faultsOf,
  isToxicType,
  TOXIC,
  type Toxic,
  type ToxicInput,
} from "./_toxics.ts";
import type { FaultProxyEvent } from "./options.ts";

/** The version of Toxiproxy whose interface this is. Its clients compare it with what they need. */
const VERSION = "2.9.0";

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
  /** Shuts down when it is aborted. */
  signal?: AbortSignal;
  /** Called for each event of a proxy. */
  onEvent?: (event: FaultProxyEvent) => void;
}

const CONTROL = new OptionRules<FaultControlOptions>({
  hostname: hostName,
  port: listenPort,
  maxProxies: limit,
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

/** A proxy as a client sends it. */
interface ProxyInput {
  name?: string;
  listen?: string;
  upstream?: string;
  enabled?: boolean;
}

const PROXY = new OptionRules<ProxyInput>({
  name: text,
  listen: text,
  upstream: text,
  enabled: flag,
});

/** An error of the interface, in the form of Toxiproxy. */
class ControlError extends Error {
  override readonly name = "ControlError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
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
  const { maxProxies = 100, onEvent, ...listen } = options;
  const control = new Control(maxProxies === 0 ? Infinity : maxProxies, onEvent);
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

/** One proxy with its toxics. */
class ControlledProxy {
  readonly name: string;
  listen: HostPort;
  upstream: string;
  readonly toxics = new Map<string, Toxic>();
  readonly #onEvent: ((event: FaultProxyEvent) => void) | undefined;
  #running: ListeningProxy | undefined;

  constructor(
    name: string,
    listen: HostPort,
    upstream: string,
    onEvent: ((event: FaultProxyEvent) => void) | undefined,
  ) {
    this.name = name;
    this.listen = listen;
    this.upstream = upstream;
    this.#onEvent = onEvent;
  }

  async start(): Promise<void> {
    if (this.#running !== undefined) return;
    const running = new ListeningProxy({
      ...this.listen,
      to: parseAddress("upstream", this.upstream),
      ...this.#onEvent && { onEvent: this.#onEvent },
    }, (draw) => faultsOf(this.toxics.values(), draw));
    try {
      await running.setFaults({});
    } catch (error) {
      throw new ControlError(500, (error as Error).message);
    }
    this.#running = running;
    // The port stays the same if the proxy is disabled and enabled again.
    const { hostname, port } = running.addr;
    this.listen = { hostname, port };
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.shutdown();
  }

  async update({ listen, upstream, enabled }: ProxyInput): Promise<void> {
    const to = listen === undefined ? this.listen : parseAddress("listen", listen);
    const moved = formatAddress(to) !== formatAddress(this.listen) ||
      (upstream !== undefined && upstream !== this.upstream);
    if (upstream !== undefined) parseAddress("upstream", upstream);
    const running = this.#running !== undefined;
    if (moved) await this.stop();
    this.listen = to;
    this.upstream = upstream ?? this.upstream;
    if (enabled ?? running) await this.start();
    else await this.stop();
  }

  changed(): void {
    this.#running?.changed();
  }

  toJSON(): unknown {
    return {
      name: this.name,
      listen: formatAddress(this.listen),
      upstream: this.upstream,
      enabled: this.#running !== undefined,
      toxics: [...this.toxics.values()],
    };
  }
}

class Control {
  readonly handler: HttpHandler;
  readonly #proxies = new Map<string, ControlledProxy>();
  readonly #most: number;
  readonly #onEvent: ((event: FaultProxyEvent) => void) | undefined;
  /** Changes run one after the other. Bodies are read before, because a client may be slow. */
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(most: number, onEvent: ((event: FaultProxyEvent) => void) | undefined) {
    this.#most = most;
    this.#onEvent = onEvent;
    const routes = this.#routes();
    this.handler = async (request, info) => {
      try {
        refusePages(request);
        return await routes(request, info);
      } catch (error) {
        return failure(error);
      }
    };
  }

  async close(): Promise<void> {
    await this.#inTurn(() => Promise.all([...this.#proxies.values()].map((proxy) => proxy.stop())));
    this.#closed = true;
  }

  #routes(): HttpHandler {
    const change = async (request: Request, _info: unknown, { name }: { name: string }) => {
      const input = await readInput(request, PROXY);
      return await this.#inTurn(async () => {
        const proxy = this.#proxy(name);
        await proxy.update(input);
        return json(proxy);
      });
    };
    const changeToxic = async (
      request: Request,
      _info: unknown,
      { name, toxic }: { name: string; toxic: string },
    ) => {
      const { toxicity, attributes } = await readInput(request, TOXIC);
      const proxy = this.#proxy(name);
      const found = toxicOf(proxy, toxic);
      found.toxicity = toxicity ?? found.toxicity;
      found.attributes = attributesOf(found.type, attributes, found.attributes);
      proxy.changed();
      return json(found);
    };
    return router({
      "GET /version": () => json({ version: VERSION }),
      "GET /proxies": () => json(Object.fromEntries(this.#proxies)),
      "POST /proxies": async (request) => {
        const input = await readInput(request, PROXY);
        return await this.#inTurn(async () => json(await this.#create(input), CREATED));
      },
      "POST /populate": async (request) => {
        const inputs = await readBody(request);
        return await this.#inTurn(() => this.#populate(inputs));
      },
      "POST /reset": () => this.#inTurn(() => this.#reset()),
      "GET /proxies/:name": (_request, _info, { name }) => json(this.#proxy(name)),
      "POST /proxies/:name": change,
      "PATCH /proxies/:name": change,
      "DELETE /proxies/:name": (_request, _info, { name }) =>
        this.#inTurn(async () => {
          const proxy = this.#proxy(name);
          this.#proxies.delete(name);
          await proxy.stop();
          return new Response(null, { status: 204 });
        }),
      "GET /proxies/:name/toxics": (_request, _info, { name }) =>
        json([...this.#proxy(name).toxics.values()]),
      "POST /proxies/:name/toxics": async (request, _info, { name }) => {
        const input = await readInput(request, TOXIC);
        return json(addToxic(this.#proxy(name), input));
      },
      "GET /proxies/:name/toxics/:toxic": (_request, _info, { name, toxic }) =>
        json(toxicOf(this.#proxy(name), toxic)),
      "POST /proxies/:name/toxics/:toxic": changeToxic,
      "PATCH /proxies/:name/toxics/:toxic": changeToxic,
      "DELETE /proxies/:name/toxics/:toxic": (_request, _info, { name, toxic }) => {
        const proxy = this.#proxy(name);
        proxy.toxics.delete(toxicOf(proxy, toxic).name);
        proxy.changed();
        return new Response(null, { status: 204 });
      },
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => {
      // A proxy that starts after the shutdown would never end.
      if (this.#closed) throw new ControlError(503, "shutting down");
      return work();
    });
    this.#last = turn.catch(() => {});
    return turn;
  }

  #proxy(name: string): ControlledProxy {
    const proxy = this.#proxies.get(name);
    if (proxy === undefined) throw new ControlError(404, "proxy not found");
    return proxy;
  }

  async #create({ name, listen = "127.0.0.1:0", upstream, enabled = true }: ProxyInput) {
    if (!name) throw new ControlError(400, "missing required field: name");
    if (!upstream) throw new ControlError(400, "missing required field: upstream");
    if (this.#proxies.has(name)) throw new ControlError(409, "proxy already exists");
    if (this.#proxies.size >= this.#most) throw new ControlError(503, "too many proxies");
    parseAddress("upstream", upstream);
    const address = parseAddress("listen", listen);
    const proxy = new ControlledProxy(name, address, upstream, this.#onEvent);
    if (enabled) await proxy.start();
    this.#proxies.set(name, proxy);
    return proxy;
  }

  /** Creates proxies, or replaces those that differ. */
  async #populate(inputs: unknown): Promise<Response> {
    if (!Array.isArray(inputs)) throw new ControlError(400, "bad request body: expected a list");
    const proxies: ControlledProxy[] = [];
    for (const input of inputs) {
      const wanted = check(PROXY, input);
      const known = this.#proxies.get(wanted.name ?? "");
      if (known === undefined) proxies.push(await this.#create(wanted));
      else {
        await known.update(wanted);
        proxies.push(known);
      }
    }
    return json({ proxies }, CREATED);
  }

  /** Enables all proxies and removes all toxics. */
  async #reset(): Promise<Response> {
    for (const proxy of this.#proxies.values()) {
      proxy.toxics.clear();
      proxy.changed();
      await proxy.start();
    }
    return new Response(null, { status: 204 });
  }
}

const CREATED = { status: 201 };

function addToxic(proxy: ControlledProxy, input: ToxicInput): Toxic {
  const { type, stream = "downstream", toxicity = 1, attributes } = input;
  if (!isToxicType(type)) throw new ControlError(400, "invalid toxic type");
  const name = input.name ?? `${type}_${stream}`;
  if (proxy.toxics.has(name)) throw new ControlError(409, "toxic already exists");
  const toxic = { name, type, stream, toxicity, attributes: attributesOf(type, attributes) };
  proxy.toxics.set(name, toxic);
  proxy.changed();
  return toxic;
}

function toxicOf(proxy: ControlledProxy, name: string): Toxic {
  const toxic = proxy.toxics.get(name);
  if (toxic === undefined) throw new ControlError(404, "toxic not found");
  return toxic;
}

/** Refuses requests that a browser sends for a web page. Programs have no origin. */
function refusePages({ headers }: Request): void {
  if (headers.has("origin") || headers.has("sec-fetch-site")) {
    throw new ControlError(403, "requests of web pages are refused");
  }
}

async function readBody(request: Request): Promise<unknown> {
  // The clients of Toxiproxy do not all name the media type.
  return await readJson(request, { checkType: false });
}

async function readInput<T extends object>(request: Request, rules: OptionRules<T>): Promise<T> {
  return check(rules, await readBody(request));
}

function check<T extends object>(rules: OptionRules<T>, value: unknown): T {
  // Clients also send fields that they have read, such as `toxics`.
  const known = typeof value === "object" && value !== null ? rules.pick(value as T) : value;
  return rules.check("bad request body", known as T);
}

/** Reads `127.0.0.1:80`, `[::1]:80` or `:80`, which is on loopback here. */
function parseAddress(field: string, address: string): HostPort {
  try {
    return parseHostPort(address.startsWith(":") ? `127.0.0.1${address}` : address);
  } catch {
    throw new ControlError(400, `bad request body: ${field} must be host:port`);
  }
}

function failure(error: unknown): Response {
  const [status, message] = error instanceof ControlError
    ? [error.status, error.message]
    : error instanceof ProblemError
    ? [error.status, `bad request body: ${error.message}`]
    : error instanceof TypeError || error instanceof RangeError
    ? [400, error.message]
    : [500, "internal error"];
  return json({ error: message, status }, { status });
}
