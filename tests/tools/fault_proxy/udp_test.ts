/** `tools/fault_proxy/udp.ts`: faults of datagrams. */

import { assertEquals, assertRejects } from "@std/assert";
import { bindUdp, connectUdp } from "../../../net/udp/socket.ts";
import { serveUdpFaultProxy, type UdpFaultProxyOptions } from "../../../tools/fault_proxy.ts";
import { startRunnable } from "../../_support/runnable.ts";

const hostname = "127.0.0.1";
const text = (data: Uint8Array) => new TextDecoder().decode(data);

/** A client and a server with a proxy between them. */
async function through(options: Partial<UdpFaultProxyOptions>) {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await bindUdp());
  const to = { hostname, port: server.addr.port };
  const proxy = stack.use(await serveUdpFaultProxy({ to, ...options }));
  const connect = async () => stack.use(await connectUdp({ hostname, port: proxy.addr.port }));
  return { server, proxy, connect, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

Deno.test("datagrams pass in both directions, and each client gets its own answers", async () => {
  await using lab = await through({});
  for (const name of ["a", "b"]) {
    const client = await lab.connect();
    const serving = lab.server.receive().then(({ data, from }) => lab.server.send(data, from));
    assertEquals(text((await client.request(name)).data), name);
    await serving;
  }
  assertEquals(lab.proxy.stats(), { clients: 2, passed: 4, lost: 0 });
});

Deno.test("loss and maxSize drop datagrams of one direction", async () => {
  const values = [0.9, 0.1];
  let turn = 0;
  const random = () => values[turn++ % 2]!;
  await using lab = await through({ random, upload: { loss: 0.5, maxSize: 3 } });
  const client = await lab.connect();
  for (const data of ["one", "two", "long", "six"]) await client.send(data);
  assertEquals(text((await lab.server.receive({ timeout: 10_000 })).data), "one");
  assertEquals(text((await lab.server.receive({ timeout: 10_000 })).data), "six");
  assertEquals(lab.proxy.stats().lost, 2);
  lab.proxy.setFaults({});
  await client.send("long");
  assertEquals(text((await lab.server.receive({ timeout: 10_000 })).data), "long");
});

Deno.test("jitter changes the order, duplicate doubles", async () => {
  const values = [1, 0];
  let turn = 0;
  const random = () => values[turn++ % 2]!;
  await using lab = await through({ random, upload: { latency: 100, jitter: 100 } });
  const client = await lab.connect();
  await client.send("first");
  await client.send("second");
  const receive = () => lab.server.receive({ timeout: 10_000 });
  const order = [await receive(), await receive()];
  assertEquals(order.map(({ data }) => text(data)), ["second", "first"]);
  lab.proxy.setFaults({ upload: { duplicate: 0.5 } });
  // The next number is 1, and the one after it is 0.
  await client.send("once");
  await client.send("twice");
  assertEquals(text((await receive()).data), "once");
  const both = [await receive(), await receive()];
  assertEquals(both.map(({ data }) => text(data)), ["twice", "twice"]);
});

Deno.test("the client that is silent for the longest time makes room for another one", async () => {
  await using lab = await through({ maxClients: 2 });
  for (const name of ["a", "b", "c"]) {
    await (await lab.connect()).send(name);
    assertEquals(text((await lab.server.receive()).data), name);
  }
  assertEquals(lab.proxy.stats().clients, 2);
});

Deno.test("invalid options are rejected before the proxy listens", async () => {
  const to = { hostname, port: 9 };
  for (const faults of [{ loss: 2 }, { latency: -1 }, { maxSize: NaN }, { los: 1 }]) {
    await assertRejects(() => serveUdpFaultProxy({ to, upload: faults }));
  }
  await assertRejects(
    () => serveUdpFaultProxy({} as UdpFaultProxyOptions),
    TypeError,
    "to must be",
  );
});

Deno.test("fault-proxy --udp passes datagrams", async () => {
  await using server = await bindUdp();
  const args = ["--udp", "--port", "0", "--to", `${hostname}:${server.addr.port}`];
  await using program = await startRunnable("fault-proxy", args, { listeners: 1 });
  const port = Number(/udp:\/\/127\.0\.0\.1:(\d+)/.exec(program.stdout)![1]);
  await using client = await connectUdp({ hostname, port });
  await client.send("hello");
  assertEquals(text((await server.receive({ timeout: 10_000 })).data), "hello");
  program.signal("SIGTERM");
  assertEquals(await program.exitCode(), 0);
});

Deno.test("a name leads to its address of the family that the proxy listens on", async () => {
  await using server = await bindUdp();
  const to = { hostname: "localhost", port: server.addr.port };
  await using proxy = await serveUdpFaultProxy({ to });
  await using client = await connectUdp({ hostname, port: proxy.addr.port });
  await client.send("hello");
  assertEquals(text((await server.receive({ timeout: 10_000 })).data), "hello");
});

Deno.test("a signal that is aborted while the name is resolved leaves nothing open", async () => {
  const stop = new AbortController();
  const to = { hostname: "localhost", port: 9 };
  const starting = serveUdpFaultProxy({ to, signal: stop.signal });
  stop.abort("enough");
  assertEquals(await starting.then(() => "started", (reason) => reason), "enough");
});
