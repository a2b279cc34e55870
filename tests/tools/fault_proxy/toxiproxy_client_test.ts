/** `tools/fault_proxy/control.ts` with the client of Toxiproxy for Node, `toxiproxy-node-client`. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Toxiproxy, ToxiproxyError } from "toxiproxy-node-client";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { serveFaultControl } from "../../../tools/fault_proxy.ts";

const portOf = (listen: string) => Number(listen.split(":").at(-1));

/** The interface, its client, and a server that echoes. */
function lab() {
  const stack = new AsyncDisposableStack();
  const server = stack.use(serveTcp({ lingerTimeout: 0 }, async (conn) => {
    for await (const chunk of conn) await conn.write(chunk);
  }));
  const control = stack.use(serveFaultControl());
  const toxiproxy = new Toxiproxy(control.url);
  const upstream = `127.0.0.1:${server.addr.port}`;
  return { toxiproxy, upstream, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function echoes(port: number): Promise<string> {
  await using client = await connectTcp({ port, lingerTimeout: 0 });
  await client.write("hello\n");
  return (await client.readLine({ timeout: 20_000 })) ?? "";
}

// The client does not read the bodies of errors.
const options = { sanitizeResources: false };

Deno.test(
  "the Node client of Toxiproxy creates, disables, enables and removes proxies",
  options,
  async () => {
    await using found = lab();
    const { toxiproxy, upstream } = found;
    assertMatch(await toxiproxy.getVersion(), /"version": ?"2\./);
    const proxy = await toxiproxy.createProxy({ name: "db", listen: "127.0.0.1:0", upstream });
    assertEquals([proxy.name, proxy.upstream, proxy.enabled], ["db", upstream, true]);
    const { listen } = proxy;
    const port = portOf(listen);
    assertEquals(await echoes(port), "hello");
    const disabled = await proxy.update({ enabled: false, listen, upstream });
    assertEquals([disabled.enabled, disabled.listen], [false, listen]);
    const error = await assertRejects(() => connectTcp({ port }), NetError);
    assertEquals(error.kind, "refused");
    assertEquals((await toxiproxy.get("db")).enabled, false);
    await toxiproxy.reset();
    assertEquals(await echoes(port), "hello");
    const all = await toxiproxy.populate([
      { name: "db", listen, upstream },
      { name: "mail", listen: "localhost:0", upstream },
    ]);
    assertEquals(Object.keys(all), ["db", "mail"]);
    assertEquals(await echoes(portOf(all["db"]!.listen)), "hello");
    await proxy.remove();
    assertEquals(Object.keys(await toxiproxy.getAll()), ["mail"]);
    await assertRejects(() => toxiproxy.get("db"), ToxiproxyError, "404");
  },
);

Deno.test(
  "the Node client of Toxiproxy adds, changes and removes each toxic",
  options,
  async () => {
    await using found = lab();
    const { toxiproxy, upstream } = found;
    const proxy = await toxiproxy.createProxy({ name: "db", listen: "127.0.0.1:0", upstream });
    const types = [
      ["latency", { latency: 60, jitter: 0 }],
      ["bandwidth", { rate: 1000 }],
      ["slow_close", { delay: 10 }],
      ["timeout", { timeout: 5000 }],
      ["slicer", { average_size: 2, size_variation: 1, delay: 10 }],
      ["reset_peer", { timeout: 5000 }],
      ["limit_data", { bytes: 4 }],
    ] as const;
    for (const [type, attributes] of types) {
      const toxic = { name: type, type, stream: "upstream", toxicity: 1, attributes } as const;
      const added = await proxy.addToxic(toxic);
      assertEquals(added.toJson(), toxic);
      assertEquals((await proxy.getToxic(type)).toJson(), toxic);
      const changed = await added.update({ ...toxic, toxicity: 0.5 });
      assertEquals(changed.toJson(), { ...toxic, toxicity: 0.5 });
      await assertRejects(() => proxy.addToxic(toxic), ToxiproxyError, "409");
      await added.remove();
      await assertRejects(() => proxy.getToxic(type), ToxiproxyError, "404");
    }
    const name = "slow";
    const attributes = { latency: 60, jitter: 0 };
    const slow = { name, type: "latency", stream: "downstream", toxicity: 1, attributes } as const;
    const delayed = await proxy.addToxic(slow);
    const began = performance.now();
    assertEquals(await echoes(portOf(proxy.listen)), "hello");
    assert(performance.now() - began >= 59);
    await delayed.remove();
    assertEquals(await echoes(portOf(proxy.listen)), "hello");
  },
);
