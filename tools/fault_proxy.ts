#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A TCP proxy that simulates a bad network: latency, jitter, low bandwidth, single bytes, stalls,
 * resets, truncation, lost data, refused connections, in each direction and by a schedule. Use it to test
 * clients and servers. {@linkcode serveFaultControl} is the HTTP interface of Toxiproxy.
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

import { formatAddress, type HostPort, parseHostPort } from "../net/address.ts";
import type { OptionRules } from "../net/internal/options.ts";
import { serveUdpFaultProxy, type UdpFaultProxyOptions } from "./fault_proxy/udp.ts";
import {
  badValue,
  type CliContext,
  CliError,
  type CliIo,
  defineCli,
  ExitCode,
  serverFlags,
} from "./cli.ts";
import { serveFaultControl } from "./fault_proxy/control.ts";
import {
  FAULT_PROXY,
  NETWORK_FAULTS,
  PROXY_FAULTS,
  SCHEDULED,
} from "./fault_proxy/_option_rules.ts";
import { ListeningProxy } from "./fault_proxy/_proxy.ts";
import type {
  FaultProxy,
  FaultProxyEvent,
  FaultProxyOptions,
  NetworkFaults,
} from "./fault_proxy/options.ts";

export {
  type FaultControl,
  type FaultControlOptions,
  serveFaultControl,
} from "./fault_proxy/control.ts";
export type * from "./fault_proxy/options.ts";
export {
  type DatagramFaults,
  serveUdpFaultProxy,
  type UdpFaultProxy,
  type UdpFaultProxyOptions,
  type UdpFaultProxyStats,
  type UdpProxyFaults,
} from "./fault_proxy/udp.ts";

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
  const proxy = new ListeningProxy(options);
  try {
    await proxy.setFaults(PROXY_FAULTS.pick(options));
    proxy.startSchedule();
  } catch (error) {
    await proxy.shutdown();
    throw error;
  }
  return proxy;
}

const { port: listen, ...flags } = serverFlags(7000);

const cli = defineCli({
  name: "fault-proxy",
  summary: "A TCP proxy that simulates a bad network: delays, small pieces, stalls, resets.",
  flags: {
    ...flags,
    port: { ...listen, alias: "listen" },
    to: { type: "string", placeholder: "host:port", help: "Target server" },
    control: {
      type: "port",
      placeholder: "port",
      help: "HTTP interface of Toxiproxy instead of --to; its usual port is 8474",
    },
    udp: { type: "boolean", help: "Proxy of UDP, with the delays, --loss and --duplicate alone" },
    loss: { type: "number", default: 0, min: 0, max: 1, help: "Share of lost datagrams" },
    duplicate: { type: "number", default: 0, min: 0, max: 1, help: "Share of doubled datagrams" },
    latency: { type: "duration", default: "0", help: "Delay of all data" },
    jitter: { type: "duration", default: "0", help: "Largest random deviation from the delay" },
    bandwidth: { type: "size", min: "1", help: "Most bytes per second" },
    chunkSize: { type: "size", min: "1", help: "Most bytes in one piece" },
    chunkVariation: { type: "size", help: "Largest random deviation from --chunk-size" },
    chunkDelay: { type: "duration", help: "Pause after each piece" },
    stallAfter: { type: "size", help: "Stall after this many bytes" },
    resetAfter: { type: "size", help: "Reset (RST) after this many bytes" },
    truncateAfter: { type: "size", help: "End (FIN) after this many bytes" },
    closeAfter: { type: "size", help: "Close the connection after this many bytes" },
    closeAfterTime: { type: "duration", help: "Close the connection after this time" },
    resetAfterTime: { type: "duration", help: "Reset the connection after this time" },
    closeDelay: { type: "duration", help: "Delay of the end of a direction" },
    discard: { type: "boolean", help: "Lose all data" },
    probability: {
      type: "number",
      default: 1,
      min: 0,
      max: 1,
      help: "Share of connections with faults",
    },
    upload: {
      type: "string",
      placeholder: "json",
      help: 'Faults of this direction alone: {"latency":50}',
    },
    download: { type: "string", placeholder: "json", help: "The same for the other direction" },
    schedule: {
      type: "string",
      placeholder: "json",
      help: 'Faults by time in ms: [{"at":5000,"refuse":true},{"at":6000}]',
    },
    scheduleInterval: {
      type: "duration",
      default: "0",
      help: "Repeat the schedule after this time",
    },
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
    "deno task fault-proxy --control 8474",
  ],
});

/** The faults that have flags of their own. */
const FAULT_FLAGS = [
  "latency",
  "jitter",
  "bandwidth",
  "chunkSize",
  "chunkVariation",
  "chunkDelay",
  "stallAfter",
  "resetAfter",
  "truncateAfter",
  "closeAfter",
  "closeAfterTime",
  "resetAfterTime",
  "closeDelay",
  "discard",
] as const satisfies (keyof NetworkFaults)[];

/** The values of flags that are not given, except undefined. */
const UNSET: Readonly<Record<string, unknown>> = {
  ...{ latency: 0, jitter: 0, loss: 0, duplicate: 0, probability: 1, scheduleInterval: 0 },
  ...{ direction: "both", refuse: false, discard: false, udp: false },
};
const DATAGRAM_FLAGS = ["loss", "duplicate"];
const STREAM_FLAGS = [
  ...FAULT_FLAGS.filter((name) => name !== "latency" && name !== "jitter"),
  ...["probability", "upload", "download", "schedule", "scheduleInterval", "refuse"],
];
const ALL_FLAGS = ["latency", "jitter", "direction", ...STREAM_FLAGS, ...DATAGRAM_FLAGS];

/** Throws if a flag is given that has no effect. */
function refuseFlags(names: readonly string[], given: object, why: string): void {
  const values: Record<string, unknown> = { ...given };
  for (const name of names) {
    if (values[name] === undefined || values[name] === UNSET[name]) continue;
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new CliError(`${flag} does not apply ${why}`, ExitCode.usage);
  }
}

/**
 * Runs the program.
 *
 * @param args The arguments of the command line; `--help` lists the flags.
 * @param io The process, or its replacement in a test. Default: the real process.
 * @returns The exit code of the program.
 */
export function main(args: readonly string[], io?: CliIo): Promise<number> {
  return cli.run(args, io, async (values, ctx) => {
    const { to, control, hostname, port, drain } = values;
    if ((to === undefined) === (control === undefined)) {
      throw new CliError("Give --to or --control", ExitCode.usage);
    }
    const onEvent = (event: FaultProxyEvent) => log(ctx, event);
    if (control !== undefined) {
      refuseFlags(["udp", ...ALL_FLAGS], values, "to --control: send faults to its interface");
      await using server = serveFaultControl({ hostname, port: control, onEvent });
      ctx.listening(server);
      return await ctx.untilShutdown(server, { drain });
    }
    if (values.udp) {
      refuseFlags(STREAM_FLAGS, values, "to --udp");
      const { latency, jitter, loss, duplicate, direction } = values;
      const faults = { latency, jitter, loss, duplicate };
      const options: UdpFaultProxyOptions = {
        ...{ hostname, port, to: readTo(to!) },
        ...direction !== "download" && { upload: faults },
        ...direction !== "upload" && { download: faults },
      };
      await using proxy = await checked(() => serveUdpFaultProxy(options));
      checkPermission(options.to);
      ctx.listening(proxy);
      return await ctx.untilShutdown(proxy, { drain });
    }
    refuseFlags(DATAGRAM_FLAGS, values, "without --udp");
    const { maxConnections, connectTimeout, scheduleInterval, refuse, probability } = values;
    const { upload = "{}", download = "{}", schedule = "[]", direction } = values;
    const faults = Object.fromEntries(
      FAULT_FLAGS.flatMap((name) => values[name] === undefined ? [] : [[name, values[name]]]),
    );
    const options = await checked((): FaultProxyOptions => ({
      ...{ hostname, port, to: readTo(to!), maxConnections, connectTimeout, scheduleInterval },
      ...{ probability, onEvent },
      upload: {
        ...direction !== "download" && faults,
        ...readJson("--upload", upload, NETWORK_FAULTS),
      },
      download: {
        ...direction !== "upload" && faults,
        ...readJson("--download", download, NETWORK_FAULTS),
      },
      schedule: readJsonList("--schedule", schedule, SCHEDULED),
    }));
    await using proxy = await checked(() => serveFaultProxy(options));
    checkPermission(options.to);
    ctx.listening(proxy);
    if (refuse) await proxy.setFaults({ ...PROXY_FAULTS.pick(options), refuse });
    await ctx.untilShutdown(proxy, { drain });
  });
}

/** Calls a function that checks values of flags, such as JSON and addresses. */
async function checked<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new CliError(error.message, ExitCode.usage);
  }
}

function log(ctx: CliContext, event: FaultProxyEvent): void {
  if (event.type === "error") {
    ctx.log.warn("{peer}: {error}", { ...event, error: event.error.message });
  } else if (event.type === "fault") {
    ctx.log.info("{peer}: {fault} of the {direction}", event);
  } else if (event.type === "open") {
    ctx.log.info("{peer}: connected", event);
  } else ctx.log.info("{peer}: closed, {uploaded} bytes up, {downloaded} down", event);
}

/** Reads an object with options. */
function readJson<T extends object>(flag: string, text: string, rules: OptionRules<T>): T {
  return rules.checkValue(flag, parseJson(flag, text));
}

/** Reads a list of objects with options. */
function readJsonList<T extends object>(flag: string, text: string, rules: OptionRules<T>): T[] {
  const list = parseJson(flag, text);
  if (!Array.isArray(list)) throw badValue(flag, text, "a list in JSON");
  return list.map((one: unknown, i) => rules.checkValue(`${flag}[${i}]`, one));
}

function parseJson(flag: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badValue(flag, text, "JSON");
  }
}

function readTo(text: string): HostPort {
  try {
    const to = parseHostPort(text);
    if (to.port > 0) return to;
  } catch { /* Not an address. */ }
  throw badValue("--to", text, "host:port");
}

/** Fails at the start if the server must not be reached. The proxy itself would fail with each client. */
function checkPermission(to: HostPort): void {
  const host = formatAddress(to);
  let state: Deno.PermissionState;
  try {
    ({ state } = Deno.permissions.requestSync({ name: "net", host }));
  } catch {
    // Deno does not accept names such as "a*b", and those in another script.
    throw badValue("--to", host, "host:port, with a name of ASCII letters");
  }
  if (state === "granted") return;
  const reason = `permission is missing, run again with --allow-net=${host}`;
  throw new CliError(`Cannot connect to ${host}: ${reason}`, ExitCode.missing);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
