#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A TCP proxy that simulates a bad network: latency, jitter, low bandwidth, single bytes, stalls,
 * resets, truncation, refused connections. Use it to test clients and servers.
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
 * **Permissions**: `--allow-net=127.0.0.1` for the addresses to listen on and to connect to. The
 * proxy uses `node:net`, because its sockets can send a reset (RST).
 *
 * @module
 */

import { createServer, type Server, type Socket } from "node:net";
import { formatAddress, type HostPort, parseHostPort } from "../net/address.ts";
import { toNetError } from "../net/errors/errors.ts";
import { Countdown } from "../net/internal/countdown.ts";
import { ignoreFailure } from "../net/internal/ignore_failure.ts";
import { SHUTDOWN } from "../net/internal/listening_server.ts";
import { countLimit } from "../net/internal/options.ts";
import type { ShutdownOptions, ShutdownReport } from "../net/tcp/server_options.ts";
import { badValue, type CliIo, defineCli, serverFlags } from "./cli.ts";
import { FaultLink } from "./fault_proxy/_link.ts";
import { FAULT_PROXY, PROXY_FAULTS } from "./fault_proxy/_option_rules.ts";
import type {
  FaultProxy,
  FaultProxyOptions,
  FaultProxyStats,
  ProxyFaults,
} from "./fault_proxy/options.ts";

export type * from "./fault_proxy/options.ts";

/**
 * Starts a fault proxy.
 *
 * @param options The address to listen on, the target server, and the faults.
 * @returns The running proxy. It listens already.
 * @throws {NetError} In phase "listen": "address-in-use", "permission" …
 * @throws {RangeError | TypeError} If an option is invalid.
 *
 * @example A server that stalls and recovers
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
  options = FAULT_PROXY.check("serveFaultProxy", options);
  const proxy = new Proxy(options);
  try {
    await proxy.setFaults(PROXY_FAULTS.pick(options));
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
  /** Settles when the current attempt to listen has succeeded or failed. */
  #listening: Promise<void> | undefined;
  #stopping: Promise<ShutdownReport> | undefined;
  #accepted = 0;
  #refused = 0;

  constructor(options: FaultProxyOptions) {
    const { hostname = "127.0.0.1", port = 0, signal } = options;
    this.#options = options;
    this.addr = { transport: "tcp", hostname, port };
    this.finished = this.#finish.promise;
    signal?.throwIfAborted();
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get url(): string {
    return `tcp://${formatAddress(this.addr)}`;
  }

  stats(): FaultProxyStats {
    return { accepted: this.#accepted, active: this.#links.size, refused: this.#refused };
  }

  async setFaults(faults: ProxyFaults): Promise<void> {
    faults = PROXY_FAULTS.check("setFaults", faults);
    // A proxy must not listen again after its shutdown.
    if (this.#stopping !== undefined) return;
    this.#faults = faults;
    for (const link of this.#links) link.changed();
    // The proxy must listen once, even with `refuse`, to obtain its port.
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

  shutdown(options: ShutdownOptions = {}): Promise<ShutdownReport> {
    options = SHUTDOWN.check("shutdown", options);
    return this.#stopping ??= this.#stop(options.deadline ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #stop(deadline: number): Promise<ShutdownReport> {
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    // Node has no event for a server that is closed before it listens.
    await ignoreFailure(this.#listening);
    const server = this.#server;
    this.#server = undefined;
    const closed = server && new Promise((resolve) => server.close(resolve));
    const open = [...this.#links];
    let forced = 0;
    const countdown = new Countdown(() => {
      forced = this.#links.size;
      this.#links.forEach((link) => link.destroy());
    });
    countdown.start(deadline);
    await Promise.all(open.map((link) => link.closed));
    countdown.stop();
    await closed;
    this.#finish.resolve();
    return { drained: open.length - forced, forced, refused: this.#refused };
  }

  #listen(): Promise<void> {
    const { hostname, port } = this.addr;
    const maxConnections = countLimit(this.#options.maxConnections ?? 1024);
    // Without the permission, the listener of Node throws an error that cannot be caught.
    try {
      Deno.listen({ hostname, port }).close();
    } catch (error) {
      return Promise.reject(toNetError(error, { phase: "listen", hostname, port }));
    }
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const busy = this.#links.size >= maxConnections || this.#stopping !== undefined;
      if (busy || this.#faults.refuse) {
        this.#refused++;
        client.resetAndDestroy();
      } else this.#accept(client);
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
    this.#accepted++;
    const link = new FaultLink(client, this.#options, () => this.#faults);
    this.#links.add(link);
    link.closed.then(() => this.#links.delete(link));
  }
}

const { port: listen, ...flags } = serverFlags(7000);

const cli = defineCli({
  name: "fault-proxy",
  summary: "A TCP proxy that simulates a bad network: delays, small pieces, stalls, resets.",
  flags: {
    ...flags,
    port: { ...listen, alias: "listen" },
    to: { type: "string", required: true, placeholder: "host:port", help: "Target server" },
    latency: { type: "duration", default: "0", help: "Delay of all data" },
    jitter: { type: "duration", default: "0", help: "Largest random deviation from the delay" },
    bandwidth: { type: "size", min: "1", help: "Most bytes per second" },
    chunkSize: { type: "size", min: "1", help: "Most bytes in one piece" },
    stallAfter: { type: "size", help: "Stall after this many bytes" },
    resetAfter: { type: "size", help: "Reset (RST) after this many bytes" },
    truncateAfter: { type: "size", help: "End (FIN) after this many bytes" },
    refuse: { type: "boolean", help: "Refuse all connections" },
    direction: {
      type: "choice",
      choices: ["both", "upload", "download"],
      default: "both",
      help: "Direction of the faults: upload is data from clients",
    },
    maxConnections: { type: "integer", default: 1024, min: 1, help: "Connections at once" },
    connectTimeout: { type: "duration", default: "10s", help: "Time limit for connecting" },
  },
  permissions: { "--allow-net=127.0.0.1": "listen and connect there" },
  examples: [
    "deno task fault-proxy --to 127.0.0.1:5432 --latency 100ms --reset-after 1mb",
    "deno task fault-proxy --to 127.0.0.1:8000 --direction upload --chunk-size 1",
  ],
});

/**
 * Runs the program.
 *
 * @param args The arguments of the command line; `--help` lists the flags.
 * @param io The process, or its replacement in a test. Default: the real process.
 * @returns The exit code of the program.
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
  } catch { /* The error below is for the command line. */ }
  throw badValue("--to", text, "host:port");
}

if (import.meta.main) Deno.exit(await main(Deno.args));
