/** How connections end for their peers: by a reset, or in order. @module */

import type { Socket } from "node:net";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Connection } from "../../../net/connection/connection.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { connectTls } from "../../../net/tls/client.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import { memoryTransports } from "../../../net/internal/memory_transports.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { resettable } from "../../../net/connection/resettable.ts";
import { testAlone } from "../../_support/alone.ts";
import { conformance } from "../../_support/conformance.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { ending, rawClient, rawServer } from "../../_support/ending.ts";
import { pythonWith } from "../../_support/peers.ts";
import { until } from "../../_support/until.ts";

const windows = Deno.build.os === "windows";
const certs = await testCertificates();

/** One of our connections, the raw peer at its other end, and what else has to end. */
type Pair = [ours: Connection, peer: Socket, server?: AsyncDisposable];

async function accepted(): Promise<Pair> {
  const { promise, resolve } = Promise.withResolvers<Connection>();
  const server = serveTcp({ resetOnAbort: true, idleTimeout: 0 }, async (conn) => {
    resolve(conn);
    await conn.closed;
  });
  const peer = await rawClient(server.addr.port);
  return [await promise, peer, server];
}

async function dialled(): Promise<Pair> {
  const { port, accepted } = await rawServer();
  const ours = await connectTcp({ port, resetOnAbort: true });
  return [ours, await accepted];
}

async function prepared(): Promise<Pair> {
  const { port, accepted } = await rawServer();
  const ours = await connectTcp({ port });
  assert(ours.resetOnAbort());
  return [ours, await accepted];
}

for (
  const [name, make] of [
    ["an accepted connection", accepted],
    ["a dialled connection", dialled],
    ["a connection after resetOnAbort()", prepared],
  ] as const
) {
  const test = (title: string, run: (ours: Connection, peer: Socket) => Promise<void>) =>
    Deno.test({
      name: `abort() of ${name} resets it: ${title}`,
      ignore: windows,
      fn: async () => {
        const [ours, peer, server] = await make();
        await run(ours, peer);
        await server?.[Symbol.asyncDispose]();
      },
    });

  test("idle", async (ours, peer) => {
    const seen = ending(peer.resume());
    ours.abort();
    assertEquals(await seen, { how: "reset", bytes: 0 });
  });

  test("after everything has been sent", async (ours, peer) => {
    const seen = ending(peer.resume());
    await ours.write("half an answer");
    await until(() => peer.bytesRead === 14);
    ours.abort();
    assertEquals(await seen, { how: "reset", bytes: 14 });
  });

  test("with a pending read", async (ours, peer) => {
    const seen = ending(peer.resume());
    const reading = assertRejects(() => ours.readChunk(), NetError);
    ours.abort(new Error("enough"));
    assertEquals((await seen).how, "reset");
    await reading;
  });

  test("with unread data", async (ours, peer) => {
    const seen = ending(peer.resume());
    await new Promise((resolve) => peer.write(new Uint8Array(1000), resolve));
    ours.abort();
    assertEquals((await seen).how, "reset");
  });

  test("with unsent data and a pending write", async (ours, peer) => {
    const writing = assertRejects(async () => {
      while (true) await ours.write(new Uint8Array(256 * 1024));
    }, NetError);
    await until(() => ours.queuedBytes > 0 && ours.stats().bytesWritten > 0);
    const sent = ours.stats().bytesWritten;
    await until(() => ours.stats().bytesWritten === sent || ours.queuedBytes > 0);
    ours.abort();
    await writing;
    const { how, bytes } = await ending(peer.resume());
    assertEquals(how, "reset");
    assert(bytes <= ours.stats().bytesWritten, `${bytes} bytes`);
  });

  test("after the peer has half-closed", async (ours, peer) => {
    const seen = ending(peer.resume());
    peer.end();
    assertEquals(await ours.readChunk(), null);
    ours.abort();
    assertEquals((await seen).how, "reset");
  });

  test("twice, and after close()", async (ours, peer) => {
    const seen = ending(peer.resume());
    ours.abort();
    ours.abort();
    await ours.close();
    assertEquals((await seen).how, "reset");
  });
}

Deno.test({
  name: "close() of a connection that resets on abort() ends in order",
  ignore: windows,
  fn: async () => {
    const [ours, peer] = await dialled();
    const seen = ending(peer.resume());
    await ours.write(new Uint8Array(100_000));
    await ours.close();
    assertEquals(await seen, { how: "end", bytes: 100_000 });
  },
});

Deno.test("abort() of a plain connection ends in order", async () => {
  const { port, accepted } = await rawServer();
  const ours = await connectTcp({ port });
  const seen = ending((await accepted).resume());
  ours.abort();
  assertEquals((await seen).how, "end");
});

Deno.test("abort() resets in memory, and the peer is told so", async () => {
  const [a, b] = memoryPair();
  await using _b = b;
  a.abort();
  const error = await assertRejects(() => b.readChunk(), NetError);
  assertEquals(error.kind, "reset");
});

for (
  const [title, options] of [
    ["idleTimeout", { idleTimeout: 40 }],
    ["writeTimeout", { writeTimeout: 40 }],
    ["a full send queue", { sendQueue: { limit: 100_000, policy: "disconnect" } }],
  ] as const
) {
  Deno.test({
    name: `resetOnAbort: ${title} resets the connection`,
    ignore: windows,
    fn: async () => {
      const { port, accepted } = await rawServer();
      const ours = await connectTcp({ port, resetOnAbort: true, ...options });
      const peer = await accepted;
      if (title === "idleTimeout") await assertRejects(() => ours.readChunk(), NetError);
      else while (ours.open) await ours.send(new Uint8Array(50_000)).catch(() => {});
      assertEquals((await ending(peer.resume())).how, "reset");
    },
  });
}

Deno.test({
  name: "resetOnAbort() while a read is under way resets once that has ended",
  ignore: windows,
  fn: async () => {
    const { port, accepted } = await rawServer();
    const ours = await connectTcp({ port });
    const peer = await accepted;
    const seen = ending(peer.resume());
    const reading = ours.readChunk();
    assert(ours.resetOnAbort());
    peer.write("x");
    assertEquals((await reading)?.length, 1);
    const next = ours.readChunk().catch(() => {});
    ours.abort();
    assertEquals((await seen).how, "reset");
    await next;
  },
});

Deno.test({
  name: "a handler that throws resets its connection if the server has resetOnAbort",
  ignore: windows,
  fn: async () => {
    for (const resetOnAbort of [true, false]) {
      const errors: string[] = [];
      await using server = serveTcp({
        resetOnAbort,
        onEvent: (event) => {
          if (event.type === "close") errors.push(`${event.error?.message}`);
        },
      }, async (conn) => {
        await conn.readLine();
        await conn.write("half");
        throw new Error("a bug");
      });
      const peer = await rawClient(server.addr.port);
      const seen = ending(peer.resume());
      peer.write("go\n");
      const { how, bytes } = await seen;
      peer.destroy();
      assertEquals(how, resetOnAbort ? "reset" : "end");
      assert(bytes <= 4);
      await server.shutdown();
      assertEquals(errors, [resetOnAbort ? "Connection ended: a bug" : "undefined"]);
    }
  },
});

Deno.test({
  name: "a connection that has come with a PROXY header is reset, too",
  ignore: windows,
  fn: async () => {
    for (const resetOnAbort of [true, false]) {
      await using server = serveTcp({
        resetOnAbort,
        proxyProtocol: { trusted: ["127.0.0.1"] },
      }, async (conn) => {
        assertEquals(conn.resetOnAbort(), true);
        assertEquals(await conn.readLine(), "hello");
        conn.abort();
      });
      const peer = await rawClient(server.addr.port);
      const seen = ending(peer.resume());
      peer.write("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nhello\n");
      assertEquals((await seen).how, "reset");
    }
  },
});

Deno.test({
  name: "resetOnAbort() in the middle of a stream loses no byte",
  ignore: windows,
  fn: async () => {
    const { port, accepted } = await rawServer();
    const ours = await connectTcp({ port });
    const peer = await accepted;
    const bytes = Uint8Array.from({ length: 3_000_000 }, (_, index) => index % 251);
    peer.end(bytes);
    let at = 0;
    for await (const chunk of ours) {
      for (const byte of chunk) assertEquals(byte, at++ % 251);
      if (at > 1_000_000) assert(ours.resetOnAbort());
    }
    assertEquals(at, bytes.length);
    await ours.close();
    peer.destroy();
  },
});

Deno.test("resetOnAbort() says where it cannot be done", async () => {
  await using server = serveTls(certs.good, async (conn) => void await conn.readChunk());
  await using client = await connectTls({ port: server.addr.port, caCerts: [certs.ca] });
  assertEquals(client.resetOnAbort(), false);
  client.abort();
  assertEquals(client.resetOnAbort(), false);
});

/** Says how Python's TLS sees the end of a connection. */
const TLS_CLIENT = `
import socket, ssl, sys
context = ssl.create_default_context(cadata=sys.argv[2])
context.check_hostname = False
tls = context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))),
                          suppress_ragged_eofs=False)
seen = b""
try:
    while chunk := tls.recv(1000): seen += chunk
    print("end", len(seen))
except (ConnectionResetError, ssl.SSLEOFError): print("error", len(seen))
`;
const python = pythonWith("ssl");

Deno.test({
  name: `abort() with resetOnAbort is an error to TLS${
    python ? "" : " (python3 is not installed)"
  }`,
  ignore: windows || python === undefined,
  fn: async () => {
    const options = { ...certs.good, resetOnAbort: true };
    await using server = serveTls(options, async (conn) => {
      await conn.write("half");
      await until(() => conn.stats().bytesWritten === 4);
      conn.abort();
    });
    const { stdout } = await new Deno.Command(python!, {
      args: ["-c", TLS_CLIENT, `${server.addr.port}`, certs.ca],
    }).output();
    assertEquals(new TextDecoder().decode(stdout).trim(), "error 4");
  },
});

Deno.test("abort() on node:tls sends no close_notify", async () => {
  await using server = serveTls({ ...certs.good, engine: "node" }, async (conn) => {
    await conn.write("half");
    conn.abort();
  });
  await using client = await connectTls({ port: server.addr.port, caCerts: [certs.ca] });
  assertEquals((await client.readExact(4)).length, 4);
  const error = await assertRejects(() => client.readChunk(), NetError);
  assertEquals(error.kind, "truncated");
});

Deno.test("connectTls() with resetOnAbort breaks off", async () => {
  const { promise, resolve } = Promise.withResolvers<NetError>();
  await using server = serveTls(certs.good, async (conn) => {
    await conn.readExact(4);
    await conn.write("seen");
    resolve(await assertRejects(() => conn.readChunk(), NetError));
  });
  const client = await connectTls({
    port: server.addr.port,
    caCerts: [certs.ca],
    resetOnAbort: true,
  });
  await client.write("half");
  // A reset would overtake it.
  await client.readExact(4);
  client.abort();
  // Deno's TLS words a reset as an end without a close_notify.
  assert(["reset", "truncated"].includes((await promise).kind));
});

Deno.test('engine "deno" and resetOnAbort exclude each other', async () => {
  const both = { engine: "deno", resetOnAbort: true } as const;
  assertThrows(() => serveTls({ ...certs.good, ...both }, () => {}), TypeError, "engine");
  await assertRejects(() => connectTls({ port: 1, ...both }), TypeError, "engine");
});

Deno.test({
  name: "a transport that can be reset reports errors as Deno.Conn does",
  ignore: windows,
  fn: async () => {
    const { port, accepted } = await rawServer();
    const transport = resettable(await Deno.connect({ hostname: "127.0.0.1", port }));
    const peer = await accepted;
    const reading = assertRejects(
      () => transport.read(new Uint8Array(1)),
      Deno.errors.ConnectionReset,
    );
    peer.resetAndDestroy();
    const error = await reading;
    assertEquals(error.message, "Connection reset by peer (os error 104)");
    await assertRejects(async () => {
      while (true) await transport.write(new Uint8Array(1000));
    }, Deno.errors.BrokenPipe);
    assertEquals(await transport.read(new Uint8Array(1)), null);
    transport.close();
    await assertRejects(() => transport.read(new Uint8Array(1)), Deno.errors.BadResource);
    await assertRejects(() => transport.write(new Uint8Array(1)), Deno.errors.BadResource);
    await assertRejects(() => transport.closeWrite(), Deno.errors.BadResource);
  },
});

Deno.test("resettable() gives back what it cannot do anything for", async () => {
  const { port, accepted } = await rawServer();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const peer = await accepted;
  conn.close();
  assertEquals(resettable(conn), conn);
  peer.destroy();
  const [memory] = memoryTransports();
  assertEquals(resettable(memory), memory);
  memory.close();
});

Deno.test({
  name: "a large answer reaches a peer that has half-closed",
  ignore: windows,
  fn: async () => {
    const { port, accepted } = await rawServer();
    const ours = await connectTcp({ port, resetOnAbort: true });
    const peer = await accepted;
    peer.end();
    assertEquals(await ours.readChunk(), null);
    const writing = ours.write(new Uint8Array(20_000_000)).then(() => ours.closeWrite());
    await until(() => ours.stats().bytesWritten > 0);
    assertEquals(await ending(peer.resume()), { how: "end", bytes: 20_000_000 });
    await writing;
    await ours.close();
  },
});

testAlone(import.meta.url, {
  name: "connections that can be reset leave no descriptor behind, however they end",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;
    const round = async () => {
      const { port, accepted } = await rawServer();
      const ours = await connectTcp({ port, resetOnAbort: true });
      const peer = await accepted;
      const seen = ending(peer.resume());
      return { ours, peer, seen };
    };
    await (await round()).ours.close();
    const before = descriptors();
    for (let index = 0; index < 30; index++) {
      const { ours, peer, seen } = await round();
      if (index % 3 === 0) ours.abort();
      else if (index % 3 === 1) await ours.close();
      else {
        const reading = ours.readChunk().catch(() => {});
        peer.resetAndDestroy();
        await reading;
        ours.abort();
        continue;
      }
      await seen;
    }
    await until(() => descriptors() <= before);
  },
});

conformance("tcp that can be reset", async (options) => {
  const { promise, resolve } = Promise.withResolvers<Connection>();
  const settings = { resetOnAbort: true, ...options };
  const server = serveTcp({ idleTimeout: 0, ...settings }, async (conn) => {
    resolve(conn);
    await conn.closed;
  });
  const client = await connectTcp({ port: server.addr.port, ...settings });
  return [client, await promise, server];
});

conformance("tls that can be reset", async (options) => {
  const { promise, resolve } = Promise.withResolvers<Connection>();
  const settings = { resetOnAbort: true, ...options };
  const server = serveTls({ ...certs.good, idleTimeout: 0, ...settings }, async (conn) => {
    resolve(conn);
    await conn.closed;
  });
  const port = server.addr.port;
  const client = await connectTls({ port, caCerts: [certs.ca], ...settings });
  return [client, await promise, server];
});

Deno.test("a handler that resets a transport of TLS by itself leaves nothing to wait for", async () => {
  await using server = serveTls({ port: 0, ...certs.good, resetOnAbort: true }, async (conn) => {
    await conn.upgrade((transport) => {
      transport.reset!();
      return Promise.resolve({ transport, tls: conn.tls });
    });
  });
  await using client = await connectTls({ port: server.addr.port, caCerts: [certs.ca] });
  await assertRejects(() => client.readChunk(), NetError);
  // A connection that waited for its end would be cut at the deadline.
  assertEquals((await server.shutdown({ deadline: 1000 })).forced, 0);
});
