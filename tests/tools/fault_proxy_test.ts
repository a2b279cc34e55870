import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { type Connection, type ConnectionHandler, NetError } from "../../net/mod.ts";
import { connectTcp } from "../../net/tcp/client.ts";
import { serveTcp } from "../../net/tcp/server.ts";
import {
  type FaultProxy,
  type FaultProxyEvent,
  type FaultProxyOptions,
  serveFaultProxy,
} from "../../tools/fault_proxy.ts";
import { runRunnable, startRunnable } from "../_support/runnable.ts";

const echo: ConnectionHandler = async (conn) => {
  for await (const chunk of conn) await conn.write(chunk);
};

/** A proxy in front of a server, and a client. */
async function through(
  options: Partial<FaultProxyOptions>,
  run: (client: Connection, proxy: FaultProxy) => Promise<void>,
  handler: ConnectionHandler = echo,
): Promise<void> {
  await using server = serveTcp({ lingerTimeout: 0 }, handler);
  const to = { hostname: "127.0.0.1", port: server.addr.port };
  await using proxy = await serveFaultProxy({ to, ...options });
  const { hostname, port } = proxy.addr;
  await using client = await connectTcp({ hostname, port, lingerTimeout: 0 });
  await run(client, proxy);
  client.abort();
  await server.shutdown({ deadline: 0 });
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A reset may arrive during the connection attempt. */
async function readFrom(port: number): Promise<unknown> {
  await using conn = await connectTcp({ port, lingerTimeout: 0 });
  return await conn.readChunk({ timeout: 30_000 });
}

async function kindOf(read: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => read, NetError)).kind;
}

Deno.test("without faults every byte passes in both directions, half-close included", async () => {
  await through({}, async (client) => {
    const sent = crypto.getRandomValues(new Uint8Array(60_000));
    const all = new Uint8Array(sent.length * 20);
    const writing = (async () => {
      for (let i = 0; i < 20; i++) await client.write(sent);
      await client.closeWrite();
    })();
    for (let at = 0; at < all.length;) {
      const chunk = await client.readChunk({ timeout: 30_000 });
      assert(chunk !== null);
      all.set(chunk, at);
      at += chunk.length;
    }
    await writing;
    assertEquals(await client.readChunk({ timeout: 30_000 }), null);
    for (let i = 0; i < 20; i++) assertEquals(all.subarray(i * 60_000, (i + 1) * 60_000), sent);
  });
});

Deno.test("latency delays each direction, jitter keeps the order", async () => {
  const slow = { latency: 60 };
  await through({ upload: slow, download: slow }, async (client) => {
    const began = performance.now();
    await client.write("x");
    await client.readExact(1);
    const took = performance.now() - began;
    assert(took >= 118, `${took} ms`);
  });
  let turn = 0;
  const random = () => turn++ % 2 === 0 ? 1 : 0;
  await through({ random, download: { latency: 20, jitter: 20 } }, async (client) => {
    for (let i = 0; i < 10; i++) {
      await client.write(`${i}`);
      // Each write must be a separate chunk.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assertEquals(text(await client.readExact(10)), "0123456789");
  });
});

Deno.test("bandwidth limits the rate", async () => {
  await through({ download: { bandwidth: 100_000 } }, async (client) => {
    const began = performance.now();
    await client.write(new Uint8Array(20_000));
    await client.readExact(20_000, { timeout: 30_000 });
    const took = performance.now() - began;
    assert(took >= 180, `${took} ms`);
  });
});

Deno.test("data that is on its way arrives after both ends have closed their sides", async () => {
  const sent = new Uint8Array(20_000).fill(7);
  const { promise: received, resolve } = Promise.withResolvers<number>();
  await through({ upload: { latency: 50, bandwidth: 200_000 } }, async (client) => {
    assertEquals(await client.readChunk({ timeout: 30_000 }), null);
    await client.write(sent);
    await client.close();
    assertEquals(await received, sent.length);
  }, async (conn) => {
    await conn.closeWrite();
    let size = 0;
    for await (const chunk of conn) size += chunk.length;
    resolve(size);
  });
});

Deno.test("chunkSize 1 sends every byte alone", async () => {
  const sizes: number[] = [];
  const handler: ConnectionHandler = async (conn) => {
    for await (const chunk of conn) sizes.push(chunk.length);
    await conn.write("done");
  };
  await through({ upload: { chunkSize: 1 } }, async (client) => {
    await client.write("abcdefgh");
    await client.closeWrite();
    assertEquals(text(await client.readExact(4, { timeout: 30_000 })), "done");
  }, handler);
  assertEquals(sizes.reduce((sum, size) => sum + size, 0), 8);
  assert(sizes.length >= 4, `${sizes}`);
});

Deno.test("resetAfter delivers that many bytes, then both ends are reset", async () => {
  let server = "";
  const events: FaultProxyEvent[] = [];
  const onEvent = (event: FaultProxyEvent) => events.push(event);
  await through({ download: { resetAfter: 3 }, onEvent }, async (client) => {
    await client.write("abcdef");
    assertEquals(text(await client.readExact(3, { timeout: 30_000 })), "abc");
    assertEquals(await kindOf(client.readChunk({ timeout: 30_000 })), "reset");
  }, async (conn) => {
    try {
      await echo(conn, undefined!);
    } catch (error) {
      server = (error as NetError).kind;
    }
  });
  assertEquals(server, "reset");
  const fault = events.find(({ type }) => type === "fault");
  assert(fault?.type === "fault");
  assertEquals([fault.fault, fault.direction], ["reset", "download"]);
  assert(events.some(({ type }) => type === "close"));
});

Deno.test("truncateAfter ends the connection in the middle of the data", async () => {
  await through({ download: { truncateAfter: 4 } }, async (client) => {
    await client.writeFrame("a whole frame");
    const error = await assertRejects(() => client.readFrame({ timeout: 30_000 }), NetError);
    assertEquals(error.kind, "truncated");
  });
});

Deno.test("stallAfter stops the data, and no data is lost after it ends", async () => {
  await through({ download: { stallAfter: 3 } }, async (client, proxy) => {
    await client.write("abcdef");
    assertEquals(text(await client.readExact(3, { timeout: 30_000 })), "abc");
    assertEquals(await kindOf(client.readChunk({ timeout: 50 })), "timeout");
    assertEquals(proxy.stats().active, 1);
    await proxy.setFaults({});
    assertEquals(text(await client.readExact(3, { timeout: 30_000 })), "def");
  });
});

Deno.test("a stall slows the sender down, so the memory stays bounded", async () => {
  await through({ upload: { stallAfter: 0 } }, async (client) => {
    const error = await assertRejects(async () => {
      for (let i = 0; i < 1000; i++) {
        await Promise.race([
          client.write(new Uint8Array(64 * 1024)),
          new Promise((_, reject) =>
            setTimeout(() => reject(new NetError("full", { kind: "timeout" })), 200)
          ),
        ]);
      }
    }, NetError);
    assertEquals(error.kind, "timeout");
  });
});

Deno.test("refuse closes the port until it ends", async () => {
  // No other test listens on this address, so nobody takes the closed port.
  await through({ hostname: "127.0.0.7" }, async (client, proxy) => {
    const { hostname, port } = proxy.addr;
    await proxy.setFaults({ refuse: true });
    assertEquals(await kindOf(connectTcp({ hostname, port })), "refused");
    // Open connections remain.
    await client.write("x");
    assertEquals(text(await client.readExact(1, { timeout: 30_000 })), "x");
    await proxy.setFaults({});
    await using again = await connectTcp({ hostname, port, lingerTimeout: 0 });
    await again.write("y");
    assertEquals(text(await again.readExact(1, { timeout: 30_000 })), "y");
  });
});

Deno.test("reset() resets open connections, a missing server resets the client", async () => {
  await through({}, async (client, proxy) => {
    await client.write("x");
    await client.readExact(1);
    proxy.reset();
    assertEquals(await kindOf(client.readChunk({ timeout: 30_000 })), "reset");
  });
  const dead = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  dead.close();
  const failed = Promise.withResolvers<NetError>();
  await using proxy = await serveFaultProxy({
    to: { hostname: "127.0.0.1", port: dead.addr.port },
    onEvent: (event) => event.type === "error" && failed.resolve(event.error),
  });
  assertEquals(await kindOf(readFrom(proxy.addr.port)), "reset");
  assertEquals((await failed.promise).kind, "refused");
});

Deno.test("a reset of the client reaches the server, and vice versa", async () => {
  const seen = Promise.withResolvers<string>();
  await through({}, async (client, proxy) => {
    await client.write("x");
    await client.readExact(1);
    // A second proxy in front gives the client a real reset.
    await using front = await serveFaultProxy({
      to: { hostname: "127.0.0.1", port: proxy.addr.port },
    });
    await using other = await connectTcp({ port: front.addr.port, lingerTimeout: 0 });
    await other.write("y");
    await other.readExact(1);
    front.reset();
    assertEquals(await seen.promise, "reset");
  }, async (conn) => {
    try {
      await echo(conn, undefined!);
    } catch (error) {
      seen.resolve((error as NetError).kind);
    }
  });
});

Deno.test("invalid options are rejected, a used port is an error, connections above maxConnections are reset", async () => {
  const to = { hostname: "127.0.0.1", port: 1 };
  await assertRejects(
    () => serveFaultProxy({ to, upload: { latency: -1 } }),
    RangeError,
    "latency",
  );
  await assertRejects(() => serveFaultProxy({ to, upload: { chunkSize: 0 } }), RangeError);
  await through({ maxConnections: 1 }, async (_client, proxy) => {
    const { port } = proxy.addr;
    assertEquals(await kindOf(serveFaultProxy({ to, port })), "address-in-use");
    assertEquals(await kindOf(readFrom(port)), "reset");
  });
});

Deno.test("invalid numbers are rejected before the proxy listens", async () => {
  const to = { hostname: "127.0.0.1", port: 1 };
  for (const options of [{ maxConnections: NaN }, { connectTimeout: -1 }]) {
    await assertRejects(() => serveFaultProxy({ to, ...options }), RangeError);
  }
  await using proxy = await serveFaultProxy({ to });
  assertThrows(() => proxy.shutdown({ deadline: NaN }), RangeError, "deadline");
});

Deno.test("invalid addresses are rejected before the proxy listens", async () => {
  const to = { hostname: "127.0.0.1", port: 1 };
  for (const port of [70_000, -1, 1.5, NaN]) {
    await assertRejects(
      () => serveFaultProxy({ to, port }),
      RangeError,
      "port must be an integer from 0 to 65535",
    );
    const away = { ...to, port };
    await assertRejects(
      () => serveFaultProxy({ to: away }),
      RangeError,
      "to.port must be an integer from 1 to 65535",
    );
  }
  await assertRejects(() => serveFaultProxy({ to: { ...to, port: 0 } }), RangeError);
  await assertRejects(() => serveFaultProxy({ to: { ...to, hostname: "" } }), TypeError);
  await assertRejects(() => serveFaultProxy({} as FaultProxyOptions), TypeError);
});

Deno.test("a proxy does not listen after its shutdown, even during its start", async () => {
  const to = { hostname: "127.0.0.1", port: 1 };
  const controller = new AbortController();
  const starting = serveFaultProxy({ to, signal: controller.signal });
  controller.abort();
  const proxy = await starting;
  await proxy.finished;
  await proxy.setFaults({});
  assertEquals(await kindOf(connectTcp({ port: proxy.addr.port })), "refused");
});

Deno.test("a proxy that cannot start removes its listener from the signal", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  const options = { to: { hostname: "127.0.0.1", port: 1 }, signal };
  const { port } = taken.addr;
  assertEquals(await kindOf(serveFaultProxy({ ...options, port })), "address-in-use");
  const nonsense = { latency: -1 };
  await assertRejects(() => serveFaultProxy({ ...options, upload: nonsense }), RangeError);
  assertEquals(listeners, 0);
});

Deno.test("the program applies its flags and logs the faults", async () => {
  await using server = serveTcp({ lingerTimeout: 0 }, (conn) => conn.write("hello, world"));
  await using proxy = await startRunnable("fault-proxy", [
    "--listen=0",
    `--to=127.0.0.1:${server.addr.port}`,
    "--reset-after=5",
    "--latency=20ms",
    "--direction=download",
  ]);
  await using client = await connectTcp({ port: proxy.port });
  assertEquals(text(await client.readExact(5, { timeout: 30_000 })), "hello");
  assertEquals(await kindOf(client.readChunk({ timeout: 30_000 })), "reset");
  await proxy.until(({ stderr }) => stderr.includes("closed, 0 bytes up, 5 down"), "it logs");
  proxy.signal("SIGTERM");
  assertEquals(await proxy.exitCode(), 0);
});

Deno.test("connectTimeout: Infinity lifts the limit", async () => {
  await using server = serveTcp({}, (conn) => conn.write("hello\n"));
  const to = { hostname: "127.0.0.1", port: server.addr.port };
  await using proxy = await serveFaultProxy({ to, connectTimeout: Infinity });
  await using client = await connectTcp({ port: proxy.addr.port });
  assertEquals(await client.readLine({ timeout: 30_000 }), "hello");
  assertEquals(proxy.stats(), { accepted: 1, active: 1, refused: 0 });
});

Deno.test("a missing permission for the target ends the program at its start: 3", async () => {
  const rows = [["127.77.9.1:9"], ["127.77.9.1:9", "--udp"], ["a.test:9"], ["a.test:9", "--udp"]];
  for (const [to = "", ...udp] of rows) {
    const args = ["--listen", "0", "--to", to, ...udp];
    const permissions = ["--allow-net=127.0.0.1"];
    const { code, stdout, stderr } = await runRunnable("fault-proxy", args, { permissions });
    assertEquals([code, stdout], [3, ""]);
    assertMatch(stderr, /^fault-proxy: [^\n]*--allow-net=(?:127\.77\.9\.1:9|a\.test(?::9)?)\n$/);
  }
});
