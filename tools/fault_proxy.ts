#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A TCP proxy that breaks connections on purpose: latency, jitter, little
 * bandwidth, single bytes, stalls, resets, truncation, refusal. For trying one's
 * own clients and servers against a network as bad as the real one.
 *
 * ```sh
 * deno task fault-proxy --listen 7000 --to 127.0.0.1:5432 --latency 100ms --reset-after 1mb
 * ```
 *
 * @example A connection that is reset after five bytes
 * ```ts
 * import { connectTcp, serveTcp } from "@portside/kit/net/tcp";
 * import { NetError } from "@portside/kit/net/errors";
 * import { serveFaultProxy } from "@portside/kit/tools/fault-proxy";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using server = serveTcp({}, (conn) => conn.write("hello, world\n"));
 * await using proxy = await serveFaultProxy({
 *   to: { hostname: "127.0.0.1", port: server.addr.port },
 *   download: { resetAfter: 5 },
 * });
 * await using client = await connectTcp({ port: proxy.addr.port });
 * assertEquals(new TextDecoder().decode(await client.readExact(5)), "hello");
 * const error = await assertRejects(() => client.readLine(), NetError);
 * assertEquals(error.kind, "reset");
 * ```
 *
 * **Permissions**: `--allow-net=127.0.0.1` for where it listens and what it
 * connects to. It runs on `node:net`, whose sockets can be reset (RST).
 *
 * @module
 */

import { createServer, type Server, type Socket } from "node:net";
import { formatAddress, type HostPort, parseHostPort } from "../net/address.ts";
import { toNetError } from "../net/errors/errors.ts";
import { badValue, type CliIo, defineCli, serverFlags } from "./cli.ts";
import { FaultLink } from "./fault_proxy/_link.ts";
import type {
  FaultProxy,
  FaultProxyOptions,
  NetworkFaults,
  ProxyFaults,
} from "./fault_proxy/options.ts";

export type * from "./fault_proxy/options.ts";

/**
 * Starts a proxy with faults.
 *
 * @param options Where to listen, what is behind, and what goes wrong.
 * @returns The running proxy.
 * @throws {NetError} In phase "listen": "address-in-use", "permission" …
 * @throws {RangeError | TypeError} If a number is out of range, or `to` is none.
 *
 * @example A server that falls silent, and recovers
 * ```ts
 * import { connectTcp, serveTcp } from "@portside/kit/net/tcp";
 * import { serveFaultProxy } from "@portside/kit/tools/fault-proxy";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using server = serveTcp({}, (conn) => conn.write("hello\n"));
 * const to = { hostname: "127.0.0.1", port: server.addr.port };
 * await using proxy = await serveFaultProxy({ to, download: { stallAfter: 2 } });
 * await using client = await connectTcp({ port: proxy.addr.port });
 * await assertRejects(() => client.readLine({ timeout: 50 }));
 * await proxy.setFaults({});
 * assertEquals(await client.readLine(), "hello");
 * ```
 */
export async function serveFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = new Proxy(options);
  try {
    await proxy.setFaults(options);
  } catch (error) {
    await proxy.shutdown();
    throw error;
  }
  return proxy;
}

class Proxy implements FaultProxy {
  addr: Deno.NetAddr;
  readonly finished: Promise<void>;
  readonly #finish = Promise.withResolvers<void>();
  readonly #options: FaultProxyOptions;
  readonly #links = new Set<FaultLink>();
  readonly #onAbort = () => void this.shutdown();
  #faults: ProxyFaults = {};
  #server: Server | undefined;
  /** Settles when the listening that was begun has begun or failed. */
  #listening: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: FaultProxyOptions) {
    const { hostname = "127.0.0.1", port = 0, to, signal } = options;
    checkPort("listen on", port, 0);
    if (typeof to?.hostname !== "string" || to.hostname === "") {
      throw new TypeError("Cannot use to: it is a hostname and a port");
    }
    checkPort("connect to", to.port, 1);
    checkNumber("connectTimeout", options.connectTimeout, 0);
    checkNumber("maxConnections", options.maxConnections, 1);
    this.#options = options;
    this.addr = { transport: "tcp", hostname, port };
    this.finished = this.#finish.promise;
    signal?.throwIfAborted();
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get url(): string {
    return `tcp://${formatAddress(this.addr)}`;
  }

  get active(): number {
    return this.#links.size;
  }

  async setFaults(faults: ProxyFaults): Promise<void> {
    checkFaults(faults.upload);
    checkFaults(faults.download);
    // What has been shut down listens no more.
    if (this.#stopping !== undefined) return;
    this.#faults = faults;
    for (const link of this.#links) link.changed();
    // Before the first time there is no port yet that could be refused.
    if (this.#server === undefined && (!faults.refuse || this.addr.port === 0)) {
      await (this.#listening = this.#listen());
    }
    if (this.#server !== undefined && faults.refuse) {
      this.#server.close();
      this.#server = undefined;
    }
  }

  reset(): void {
    for (const link of this.#links) link.reset();
  }

  shutdown({ deadline = 0 }: { deadline?: number } = {}): Promise<void> {
    checkNumber("deadline", deadline, 0);
    return this.#stopping ??= this.#stop(deadline);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #stop(deadline: number): Promise<void> {
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    // Node tells nobody of a server that is closed before it listens.
    await this.#listening?.catch(() => {});
    const server = this.#server;
    this.#server = undefined;
    const closed = server && new Promise((resolve) => server.close(resolve));
    const cut = () => this.#links.forEach((link) => link.destroy());
    const timer = setTimeout(cut, Math.min(deadline, 2 ** 31 - 1));
    await Promise.all([...this.#links].map((link) => link.closed));
    clearTimeout(timer);
    await closed;
    this.#finish.resolve();
  }

  #listen(): Promise<void> {
    const { hostname, port } = this.addr;
    const { maxConnections = 1024 } = this.#options;
    // Node's listener throws where nobody can catch it when the permission is missing.
    try {
      Deno.listen({ hostname, port }).close();
    } catch (error) {
      return Promise.reject(toNetError(error, { phase: "listen", hostname, port }));
    }
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const busy = this.#links.size >= maxConnections || this.#stopping !== undefined;
      if (busy || this.#faults.refuse) client.resetAndDestroy();
      else this.#accept(client);
    });
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.on("error", (error) => {
        this.#server = undefined;
        reject(toNetError(error, { phase: "listen", hostname, port }));
      });
      server.listen({ host: hostname, port }, () => {
        const address = server.address();
        if (address !== null && typeof address === "object") {
          this.addr = { transport: "tcp", hostname: address.address, port: address.port };
        }
        resolve();
      });
    });
  }

  #accept(client: Socket): void {
    const link = new FaultLink(client, this.#options, () => this.#faults);
    this.#links.add(link);
    link.closed.then(() => this.#links.delete(link));
  }
}

function checkFaults(faults: NetworkFaults = {}): void {
  for (const [name, value] of Object.entries(faults)) {
    checkNumber(name, value, name === "bandwidth" || name === "chunkSize" ? 1 : 0);
  }
}

function checkPort(what: string, port: number, least: number): void {
  if (Number.isInteger(port) && port >= least && port <= 65_535) return;
  throw new RangeError(
    `Cannot ${what} port ${port}: it is a whole number from ${least} to 65535`,
  );
}

function checkNumber(name: string, value: number | undefined, least: number): void {
  if (value === undefined || (typeof value === "number" && value >= least)) return;
  throw new RangeError(`Cannot use ${name}: it is a number from ${least} up, not ${value}`);
}

const { port: listen, ...flags } = serverFlags(7000);

const cli = defineCli({
  name: "fault-proxy",
  summary: "A TCP proxy that makes the network bad: slow, cut to pieces, silent, reset.",
  flags: {
    ...flags,
    port: { ...listen, alias: "listen" },
    to: { type: "string", required: true, placeholder: "host:port", help: "The server behind" },
    latency: { type: "duration", default: "0", help: "How much later everything arrives" },
    jitter: { type: "duration", default: "0", help: "More or less than that, at random" },
    bandwidth: { type: "size", min: "1", help: "The most bytes in a second" },
    chunkSize: { type: "size", min: "1", help: "The most bytes in one piece" },
    stallAfter: { type: "size", help: "Fall silent after this many bytes" },
    resetAfter: { type: "size", help: "Reset (RST) after this many bytes" },
    truncateAfter: { type: "size", help: "End (FIN) after this many bytes" },
    refuse: { type: "boolean", help: "Reset every connection at once" },
    direction: {
      type: "choice",
      choices: ["both", "upload", "download"],
      default: "both",
      help: "What is hit: what clients send, what the server sends",
    },
    maxConnections: { type: "integer", default: 1024, min: 1, help: "Connections at once" },
    connectTimeout: { type: "duration", default: "10s", help: "How long connecting may take" },
  },
  permissions: { "--allow-net=127.0.0.1": "listen there and connect to a server there" },
  examples: [
    "deno task fault-proxy --to 127.0.0.1:5432 --latency 100ms --reset-after 1mb",
    "deno task fault-proxy --to 127.0.0.1:8000 --direction upload --chunk-size 1",
  ],
});

/**
 * Runs the proxy.
 *
 * @param args The command line; `--help` lists the flags.
 * @param io The process, or a stand-in for tests.
 * @returns The exit code.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async ({ to, direction, refuse, drain, ...rest }, ctx) => {
    const { hostname, port, maxConnections, connectTimeout } = rest;
    const { latency, jitter, bandwidth, chunkSize, stallAfter, resetAfter, truncateAfter } = rest;
    const faults = {
      latency,
      jitter,
      ...(bandwidth !== undefined && { bandwidth }),
      ...(chunkSize !== undefined && { chunkSize }),
      ...(stallAfter !== undefined && { stallAfter }),
      ...(resetAfter !== undefined && { resetAfter }),
      ...(truncateAfter !== undefined && { truncateAfter }),
    };
    const target = readTo(to);
    await using proxy = await serveFaultProxy({
      hostname,
      port,
      to: target,
      maxConnections,
      connectTimeout,
      ...(direction !== "download" && { upload: faults }),
      ...(direction !== "upload" && { download: faults }),
      onEvent(event) {
        if (event.type === "error") {
          ctx.log.warn("{peer}: {error}", { ...event, error: event.error.message });
        } else if (event.type === "fault") {
          ctx.log.info("{peer}: {fault} of the {direction}", event);
        } else if (event.type === "open") {
          ctx.log.info("{peer}: connected", event);
        } else ctx.log.info("{peer}: closed, {uploaded} bytes up, {downloaded} down", event);
      },
    });
    ctx.listening(proxy);
    if (refuse) await proxy.setFaults({ refuse });
    await ctx.untilShutdown(proxy, { drain });
  });
}

function readTo(text: string): HostPort {
  try {
    const to = parseHostPort(text);
    if (to.port > 0) return to;
  } catch { /* It is told below. */ }
  throw badValue("--to", text, "host:port");
}

if (import.meta.main) Deno.exit(await main(Deno.args));
