import { json, readJson } from "../../http/handlers/json.ts";
import { router } from "../../http/handlers/router.ts";
import { ProblemError } from "../../http/problem.ts";
import type { HttpHandler } from "../../http/server/options.ts";
import type { OptionRules } from "../../net/internal/options.ts";
import {
  ControlError,
  ControlledProxy,
  parseAddress,
  PROXY,
  type ProxyInput,
} from "./_controlled_proxy.ts";
import { metrics } from "./_metrics.ts";
import { TOXIC } from "./_toxics.ts";
import type { FaultProxyEvent } from "./options.ts";

/**
 * The version of Toxiproxy whose interface this is. Clients of Toxiproxy compare it with what they need.
 * The metadata after "+" says that this is another program, and does not count in comparisons (semver).
 */
const VERSION = "2.9.0+portside";

const CREATED = { status: 201 };

/** Most proxies, and most toxics of each. */
export interface ControlLimits {
  readonly proxies: number;
  readonly toxics: number;
}

/** The requests of the interface, and its proxies. */
export class Control {
  readonly handler: HttpHandler;
  readonly #proxies = new Map<string, ControlledProxy>();
  readonly #limits: ControlLimits;
  readonly #onEvent: ((event: FaultProxyEvent) => void) | undefined;
  /** Changes run one after the other. Bodies are read before, because a client may be slow. */
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(
    limits: ControlLimits,
    onEvent: ((event: FaultProxyEvent) => void) | undefined,
  ) {
    this.#limits = limits;
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
      const input = await readInput(request, TOXIC);
      return json(this.#proxy(name).change(toxic, input));
    };
    return router({
      "GET /version": () => json({ version: VERSION }),
      "GET /metrics": () => metrics(this.#proxies.values()),
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
        return json(this.#proxy(name).add(input));
      },
      "GET /proxies/:name/toxics/:toxic": (_request, _info, { name, toxic }) =>
        json(this.#proxy(name).toxic(toxic)),
      "POST /proxies/:name/toxics/:toxic": changeToxic,
      "PATCH /proxies/:name/toxics/:toxic": changeToxic,
      "DELETE /proxies/:name/toxics/:toxic": (_request, _info, { name, toxic }) => {
        this.#proxy(name).remove(toxic);
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
    if (this.#proxies.size >= this.#limits.proxies) throw new ControlError(503, "too many proxies");
    parseAddress("upstream", upstream);
    const address = parseAddress("listen", listen);
    const proxy = new ControlledProxy(name, address, upstream, this.#limits.toxics, this.#onEvent);
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
      proxy.remove();
      await proxy.start();
    }
    return new Response(null, { status: 204 });
  }
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
