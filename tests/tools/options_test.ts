/** Every exported function of the tools checks its options before any I/O. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { ShutdownOptions } from "../../net/tcp/server_options.ts";
import {
  type FaultProxyOptions,
  type NetworkFaults,
  type ProxyFaults,
  serveFaultProxy,
} from "../../tools/fault_proxy.ts";
import { diagnose, type DiagnoseOptions } from "../../tools/diagnose.ts";
import { scan, type ScanOptions } from "../../tools/scan.ts";
import { checkEveryOption } from "../_support/options.ts";

const to = { hostname: "127.0.0.1", port: 1 };

Deno.test("serveFaultProxy() and its methods check every option", async () => {
  const faults = { upload: "none", download: "none", refuse: "none", probability: "none" } as const;
  await checkEveryOption<FaultProxyOptions>("serveFaultProxy", {
    ...faults,
    hostname: "text",
    port: "none",
    to: "none",
    schedule: "none",
    scheduleInterval: "range",
    connectTimeout: "time",
    maxConnections: "count",
    random: "none",
    signal: "none",
    onEvent: "none",
  }, async (options) => {
    await using _proxy = await serveFaultProxy({ to, ...options });
  });
  await using proxy = await serveFaultProxy({ to });
  await checkEveryOption<ProxyFaults>("setFaults", faults, (given) => proxy.setFaults(given));
  const network = {
    latency: 3e9,
    jitter: Infinity,
    bandwidth: 0.5,
    chunkSize: 0,
    stallAfter: 1.5,
    resetAfter: NaN,
    truncateAfter: -1,
  } satisfies NetworkFaults;
  for (const [name, value] of Object.entries(network)) {
    await assertRejects(
      () => proxy.setFaults({ upload: { [name]: value } }),
      RangeError,
      `upload.${name} must be`,
    );
  }
  await checkEveryOption<ShutdownOptions>(
    "shutdown",
    { deadline: "time" },
    (options) => proxy.shutdown(options),
  );
  assertEquals(await proxy.shutdown(), { drained: 0, forced: 0, refused: 0 });
  const none = {} as FaultProxyOptions;
  await assertRejects(
    () => serveFaultProxy(none),
    TypeError,
    "to must be an object, got undefined",
  );
});

Deno.test("scan() checks every option", async () => {
  await checkEveryOption<ScanOptions>("scan", {
    ports: "text",
    exclude: "none",
    concurrency: "none",
    timeout: "none",
    retries: "none",
    rate: "none",
    maxProbes: "integer",
    seed: "integer",
    udp: "none",
    banner: "none",
    tls: "none",
    service: "none",
    workers: "none",
    signal: "none",
  }, (options) => scan([], options));
  assertThrows(() => scan([], { ports: [80, 0] }), RangeError, "ports[1] must be an integer");
  assertThrows(() => scan(undefined as never), TypeError, "targets must be a target");
});

Deno.test("diagnose() checks every option", async () => {
  await checkEveryOption<DiagnoseOptions>("diagnose", {
    steps: "none",
    timeout: "none",
    traceTimeout: "none",
    count: "none",
    server: "none",
    lookUp: "none",
    types: "none",
    caCerts: "none",
    cert: "text",
    key: "text",
    pin: "none",
    headers: "none",
    proxy: "text",
    family: "none",
    onStep: "none",
    signal: "none",
  }, (options) => diagnose("127.0.0.1", { signal: AbortSignal.abort(), ...options }));
  const steps = ["dns", "sing"] as never;
  await assertRejects(() => diagnose("127.0.0.1", { steps }), TypeError, "steps[1] must be");
});
