import { formatAddress, type HostPort, parseHostPort } from "../../net/address.ts";
import { flag, OptionRules, rule } from "../../net/internal/options.ts";
import { ProxyTraffic } from "./_pipe.ts";
import { ListeningProxy } from "./_proxy.ts";
import {
  attributesOf,
  faultsOf,
  isToxicType,
  name,
  type Toxic,
  type ToxicInput,
} from "./_toxics.ts";
import type { FaultProxyEvent } from "./options.ts";

/** Most characters of an address: a name of 253, brackets, and a port. */
const MOST_ADDRESS = 300;
const address = rule(
  `host:port of at most ${MOST_ADDRESS} characters`,
  (value) => typeof value === "string" && value.length <= MOST_ADDRESS,
);

/** A proxy as a client sends it. */
export interface ProxyInput {
  name?: string;
  listen?: string;
  upstream?: string;
  enabled?: boolean;
}

/** The rules for a proxy that a client sends. */
export const PROXY = new OptionRules<ProxyInput>({
  name,
  listen: address,
  upstream: address,
  enabled: flag,
});

/** An error of the interface, in the form of Toxiproxy. */
export class ControlError extends Error {
  override readonly name = "ControlError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** One proxy with its toxics. */
export class ControlledProxy {
  readonly name: string;
  listen: HostPort;
  upstream: string;
  readonly toxics = new Map<string, Toxic>();
  /** The bytes since the proxy was created, also if it was disabled meanwhile. */
  readonly traffic = new ProxyTraffic();
  readonly #maxToxics: number;
  readonly #onEvent: ((event: FaultProxyEvent) => void) | undefined;
  #running: ListeningProxy | undefined;

  constructor(
    name: string,
    listen: HostPort,
    upstream: string,
    maxToxics: number,
    onEvent: ((event: FaultProxyEvent) => void) | undefined,
  ) {
    this.name = name;
    this.listen = listen;
    this.upstream = upstream;
    this.#maxToxics = maxToxics;
    this.#onEvent = onEvent;
  }

  async start(): Promise<void> {
    if (this.#running !== undefined) return;
    const running = new ListeningProxy({
      ...this.listen,
      to: parseAddress("upstream", this.upstream),
      ...this.#onEvent && { onEvent: this.#onEvent },
    }, { faults: (draw) => faultsOf(this.toxics.values(), draw), traffic: this.traffic });
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

  /** Adds a toxic. */
  add(input: ToxicInput): Toxic {
    const { type, stream = "downstream", toxicity = 1, attributes } = input;
    if (!isToxicType(type)) throw new ControlError(400, "invalid toxic type");
    // An empty name counts as none, as with Toxiproxy.
    const name = input.name || `${type}_${stream}`;
    if (this.toxics.has(name)) throw new ControlError(409, "toxic already exists");
    if (this.toxics.size >= this.#maxToxics) throw new ControlError(503, "too many toxics");
    const toxic = { name, type, stream, toxicity, attributes: attributesOf(type, attributes) };
    this.toxics.set(name, toxic);
    this.#running?.changed();
    return toxic;
  }

  /** Changes the toxicity and the attributes of a toxic. */
  change(name: string, { toxicity, attributes }: ToxicInput): Toxic {
    const toxic = this.toxic(name);
    toxic.toxicity = toxicity ?? toxic.toxicity;
    toxic.attributes = attributesOf(toxic.type, attributes, toxic.attributes);
    this.#running?.changed();
    return toxic;
  }

  /** Returns a toxic by its name. */
  toxic(name: string): Toxic {
    const toxic = this.toxics.get(name);
    if (toxic === undefined) throw new ControlError(404, "toxic not found");
    return toxic;
  }

  /** Removes one toxic, or all of them. */
  remove(name?: string): void {
    if (name === undefined) this.toxics.clear();
    else this.toxics.delete(this.toxic(name).name);
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

/** Reads `127.0.0.1:80`, `[::1]:80` or `:80`, which is on loopback here. */
export function parseAddress(field: string, address: string): HostPort {
  try {
    return parseHostPort(address.startsWith(":") ? `127.0.0.1${address}` : address);
  } catch {
    throw new ControlError(400, `bad request body: ${field} must be host:port`);
  }
}
