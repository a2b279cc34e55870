import { serveUnix, type ServeUnixOptions } from "../../../net/unix/server.ts";
import { connectUnix, type ConnectUnixOptions } from "../../../net/unix/client.ts";
import { runWorker } from "../../../net/tcp/run_worker.ts";
import { serveWithWorkers } from "../../../net/tcp/workers.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { connectTls } from "../../../net/tls/client.ts";
import { createRetryBudget, retry, type RetryBudgetOptions } from "../../../net/retry.ts";
import {
  encodeProxyHeader,
  type EncodeProxyHeaderOptions,
} from "../../../net/proxy_protocol_codec.ts";
import type { ConnectTcpOptions } from "../../../net/tcp/connect_options.ts";
import type { RetryOptions } from "../../../net/retry.ts";
import type { ServeTcpOptions, ShutdownOptions } from "../../../net/tcp/server_options.ts";
import type { ServeWithWorkersOptions } from "../../../net/tcp/worker_options.ts";
import type { ConnectTlsOptions } from "../../../net/tls/options.ts";
import { checkEveryOption, type OptionKind } from "../../_support/options.ts";
import { assertRejects, assertThrows } from "@std/assert";

const CONNECTION = {
  idleTimeout: "time",
  readTimeout: "time",
  writeTimeout: "time",
  lingerTimeout: "time",
  sendQueue: "none",
} as const;

const CONNECT: Record<keyof Required<ConnectTcpOptions>, OptionKind> = {
  ...CONNECTION,
  timeout: "time",
  signal: "none",
  retry: "none",
  hostname: "text",
  port: "none",
  localAddress: "none",
  noDelay: "none",
  keepAlive: "none",
  resetOnAbort: "none",
};

const gone = AbortSignal.abort();

Deno.test("connectTcp() checks every option", async () => {
  await checkEveryOption<ConnectTcpOptions>(
    "connectTcp",
    CONNECT,
    (options) => connectTcp({ port: 1, signal: gone, ...options }),
  );
});

Deno.test("connectTls() checks every option", async () => {
  await checkEveryOption<ConnectTlsOptions>("connectTls", {
    ...CONNECT,
    alpnProtocols: "none",
    minVersion: "none",
    inspect: "none",
    engine: "none",
    handshakeTimeout: "time",
    serverName: "text",
    caCerts: "none",
    pin: "none",
    cert: "text",
    key: "text",
  }, (options) => connectTls({ port: 1, signal: gone, ...options }));
});

Deno.test("serveTcp() checks every option", async () => {
  await checkEveryOption<ServeTcpOptions>("serveTcp", {
    ...CONNECTION,
    maxConnections: "count",
    whenFull: "none",
    signal: "none",
    onListen: "none",
    onEvent: "none",
    hostname: "text",
    port: "none",
    maxConnectionsPerAddress: "count",
    proxyProtocol: "none",
    backlog: "count",
    sharePort: "none",
    noDelay: "none",
    keepAlive: "none",
    deadPeerTimeout: "time",
    resetOnAbort: "none",
  }, async (options) => {
    await using _server = serveTcp(options, () => {});
  });
});

Deno.test("retry() checks every option", async () => {
  await checkEveryOption<RetryOptions>("retry", {
    maxAttempts: "count",
    minTimeout: "time",
    maxTimeout: "time",
    multiplier: "number",
    jitter: "none",
    kinds: "none",
    isRetriable: "none",
    deadline: "time",
    signal: "none",
    budget: "none",
    onRetry: "none",
  }, (options) => retry(() => {}, options));
});

Deno.test("a missing function is a TypeError at once", async () => {
  const none = undefined as never;
  assertThrows(() => serveTcp({}, none), TypeError, "handler must be a function, got undefined");
  await assertRejects(() => serveUnix({ path: "/a" }, none), TypeError, "handler must be");
  await assertRejects(() => retry(none), TypeError, "fn must be a function");
  await assertRejects(
    () => connectUnix({ path: "" }),
    TypeError,
    "path must be the path of a socket",
  );
});

Deno.test("serveUnix() and connectUnix() check every option", async () => {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/none/app.sock`;
  await checkEveryOption<ServeUnixOptions>("serveUnix", {
    ...CONNECTION,
    path: "text",
    mode: "none",
    maxConnections: "count",
    maxConnectionsPerAddress: "count",
    proxyProtocol: "none",
    whenFull: "none",
    signal: "none",
    onListen: "none",
    onEvent: "none",
  }, async (options) => {
    // A socket named "?" would be a file of this folder.
    if (options.path === "?") return;
    await using _server = await serveUnix({ path, ...options }, () => {});
  });
  await checkEveryOption<ConnectUnixOptions>("connectUnix", {
    ...CONNECTION,
    path: "text",
    timeout: "time",
    signal: "none",
    retry: "none",
  }, (options) => connectUnix({ path, signal: gone, ...options }));
  await Deno.remove(dir, { recursive: true });
});

Deno.test("serveWithWorkers() and shutdown() check every option", async () => {
  await checkEveryOption<ServeWithWorkersOptions>("serveWithWorkers", {
    module: "none",
    folder: "none",
    workers: "integer",
    hostname: "text",
    port: "none",
    startTimeout: "time",
    stuckTimeout: "time",
    data: "any",
    signal: "none",
  }, (options) => serveWithWorkers({ module: "data:text/javascript,", signal: gone, ...options }));
  await checkEveryOption<ShutdownOptions>("shutdown", { deadline: "time" }, async (options) => {
    await using server = serveTcp({}, () => {});
    await server.shutdown(options);
  });
  assertThrows(
    () => runWorker(undefined as never),
    TypeError,
    "start must be a function, got undefined",
  );
});

Deno.test("createRetryBudget() and encodeProxyHeader() check every option", async () => {
  await checkEveryOption<RetryBudgetOptions>("createRetryBudget", {
    ratio: "number",
    minPerSecond: "number",
  }, (options) => createRetryBudget(options));
  const header = {
    version: 2,
    source: { hostname: "192.0.2.1", port: 1 },
    destination: { hostname: "192.0.2.2", port: 2 },
  } as const;
  await checkEveryOption<EncodeProxyHeaderOptions>("encodeProxyHeader", {
    checksum: "none",
  }, (options) => encodeProxyHeader(header, options));
});
