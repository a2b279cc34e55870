import { assertRejects } from "@std/assert";
import type {
  BindUdpOptions,
  ConnectUdpOptions,
  ReceiveOptions,
  RequestUdpOptions,
} from "../../../net/udp/options.ts";
import { bindUdp, connectUdp } from "../../../net/udp/socket.ts";
import { checkEveryOption } from "../../_support/options.ts";

const BIND = {
  hostname: "text",
  port: "none",
  maxSize: "count",
  inbox: "none",
  pace: "number",
  reuseAddress: "none",
  broadcast: "none",
  backend: "none",
  signal: "none",
} as const;

const gone = AbortSignal.abort();

Deno.test("bindUdp() checks every option", async () => {
  await checkEveryOption<BindUdpOptions>("bindUdp", BIND, async (options) => {
    await using _socket = await bindUdp({ signal: gone, ...options });
  });
});

Deno.test("connectUdp() checks every option", async () => {
  const kinds = { ...BIND, hostname: "none" } as const;
  await checkEveryOption<ConnectUdpOptions>("connectUdp", kinds, async (options) => {
    const peer = { hostname: "127.0.0.1", port: 1, signal: gone };
    await using _socket = await connectUdp({ ...peer, ...options });
  });
});

Deno.test("receive(), request() and joinMulticast() check every option", async () => {
  await using socket = await bindUdp();
  const limits = { timeout: "time", signal: "none" } as const;
  await checkEveryOption<ReceiveOptions>("receive", limits, (options) => {
    return socket.receive({ signal: gone, ...options });
  });
  const kinds = { ...limits, resends: "count", match: "none" } as const;
  await checkEveryOption<RequestUdpOptions>("request", kinds, (options) => {
    return socket.request("x", socket.addr, { signal: gone, ...options });
  });
  const group = "239.255.77.78";
  await assertRejects(
    () => socket.joinMulticast(group, { loopback: "yes" as unknown as boolean }),
    TypeError,
    'loopback must be true or false, got string "yes"',
  );
  await assertRejects(
    () => socket.joinMulticast(group, { interface: -1 }),
    RangeError,
    "interface must be a string or an integer of at least 0, got -1",
  );
});

Deno.test("nested options, peers and data of UDP sockets are checked", async () => {
  await assertRejects(
    () => bindUdp({ inbox: { limit: 1.5 } }),
    RangeError,
    "inbox.limit must be an integer of at least 1, or Infinity, got 1.5",
  );
  await using socket = await bindUdp();
  const to = { hostname: "127.0.0.1", port: "9" as unknown as number };
  await assertRejects(
    () => socket.send("x", to),
    TypeError,
    'to.port must be an integer from 1 to 65535, got string "9"',
  );
  await assertRejects(
    () => socket.request("x", { hostname: "localhost", port: 9 }),
    TypeError,
    'to.hostname must be an IP address, got string "localhost"',
  );
});
