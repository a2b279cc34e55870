import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Connection, type ConnectionOptions } from "../../../net/connection/connection.ts";
import { developmentCertificate } from "../../../net/tls/certificate.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import { memoryTransports } from "../../../net/internal/memory_transports.ts";
import type { Transport } from "../../../net/connection/transport.ts";
import { conformance } from "../../_support/conformance.ts";

/** Two ends over the loopback, made of raw Deno connections. */
async function connected(
  listener: Deno.Listener<Deno.Conn, Deno.NetAddr>,
  connect: (port: number) => Promise<Deno.Conn>,
  options?: ConnectionOptions,
): Promise<[Connection, Connection]> {
  const [server, client] = await Promise.all([listener.accept(), connect(listener.addr.port)]);
  listener.close();
  return [new Connection(client, options), new Connection(server, options)];
}

const certificate = await developmentCertificate();

conformance("memory", (options) => Promise.resolve(memoryPair(options)));

conformance("memory, one byte at a time", (options) => {
  return Promise.resolve(memoryPair({ faults: { chunkSize: 1 }, ...options }));
}, 5000);

conformance("tcp", (options) => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return connected(listener, (port) => Deno.connect({ port }), options);
});

conformance("tls", (options) => {
  const { cert, key, ca } = certificate;
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const connect = (port: number) => Deno.connectTls({ port, caCerts: [ca] });
  return connected(listener, connect, options);
});

conformance("unix", async (options) => {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/socket`;
  const listener = Deno.listen({ transport: "unix", path });
  const [server, client] = await Promise.all([
    listener.accept(),
    Deno.connect({ transport: "unix", path }),
  ]);
  listener.close();
  await Deno.remove(dir, { recursive: true });
  return [new Connection(client, options), new Connection(server, options)];
});

Deno.test("detach() hands over the transport and what was not read, and ends the connection", async () => {
  const [a, b] = memoryPair();
  const { closed, signal } = b;
  await a.write("line\nrest");
  assertEquals(await b.readLine(), "line");
  const { transport, buffered } = b.detach();
  assertEquals(new TextDecoder().decode(buffered), "rest");
  assertEquals((await closed)?.kind, "closed");
  assertEquals(signal.aborted, true);
  assertThrows(() => b.detach(), TypeError);
  await transport.write(new Uint8Array([0x21]));
  assertEquals(await a.readExact(1), new Uint8Array([0x21]));
  transport.close();
  await a.close();
});

Deno.test("no bytes are memory of their own: transferring it harms no other connection", async () => {
  const [a, b] = memoryPair();
  await using _a = a;
  await using _b = b;
  (await a.readExact(0)).buffer.transfer();
  const [c, d] = memoryPair();
  await using _c = c;
  await using _d = d;
  await d.write("hi\n");
  assertEquals(await c.readLine(), "hi");
});

Deno.test("a connection whose transport has failed is not duplex, and closes without a wait", async () => {
  const calls: string[] = [];
  const address = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  const conn = new Connection({
    localAddr: address,
    remoteAddr: address,
    read() {
      calls.push("read");
      return Promise.reject(new Deno.errors.ConnectionReset("gone"));
    },
    write: (data) => Promise.resolve(data.length),
    closeWrite() {
      calls.push("closeWrite");
      return Promise.resolve();
    },
    close: () => void calls.push("close"),
  });
  assertEquals(conn.duplex, true);
  await assertRejects(() => conn.readLine({ max: Infinity }), NetError, "reset");
  assertEquals([conn.open, conn.duplex], [true, false]);
  await conn.close();
  assertEquals(calls, ["read", "close"]);
});

/** A transport whose peer has always sent more. */
function flood(read: (into: Uint8Array) => number): Transport {
  const address = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  return {
    localAddr: address,
    remoteAddr: address,
    read: (into) => Promise.resolve(read(into)),
    write: (data) => Promise.resolve(data.length),
    closeWrite: () => Promise.resolve(),
    close() {},
  };
}

Deno.test("a peer that fills every buffer is read in larger pieces, each its reader's", async () => {
  let most = Infinity;
  const conn = new Connection(flood((into) => {
    const n = Math.min(into.length, most);
    into.fill(7, 0, n);
    return n;
  }));
  const next = async () => {
    const chunk = (await conn.readChunk())!;
    assertEquals([chunk[0], chunk.at(-1)], [7, 7]);
    const { length } = chunk;
    chunk.buffer.transfer();
    return length;
  };
  const sizes: number[] = [];
  while (sizes.length < 20) sizes.push(await next());
  assertEquals(sizes.filter((size) => size > 100_000), Array(12).fill(260 * 1024));
  // One that is slower is read as before.
  most = 100_000;
  assertEquals([await next(), await next(), await next()], [100_000, 66_560, 66_560]);
  conn.abort();
});

Deno.test("a connection whose peer pauses after a flood does not keep a large buffer", async () => {
  for (const lent of [false, true]) {
    let [most, offered] = [Infinity, 0];
    const conn = new Connection(flood((into) => {
      offered = into.length;
      return Math.min(into.length, most);
    }));
    for (let i = 0; i < 30; i++) await conn.readChunk({ lent });
    assertEquals(offered, (lent ? 130 : 260) * 1024);
    // The last piece fills most of the buffer, but not all of it.
    most = offered - 1;
    await conn.readChunk({ lent });
    await conn.readChunk({ lent });
    assertEquals(offered, 65 * 1024, `lent ${lent}`);
    conn.abort();
  }
});

Deno.test("a peer that floods leaves a turn to others, however it is read", async () => {
  const most = 64 * 1024 * 1024;
  const buffer = new Uint8Array(64 * 1024);
  for (
    const read of [
      (conn: Connection) => conn.read(buffer),
      (conn: Connection) => conn.readLine({ max: Infinity }),
    ]
  ) {
    const conn = new Connection(flood((into) => into.fill(10, into.fill(97).length - 1).length));
    let seen: number | undefined;
    setImmediate(() => seen = conn.stats().bytesRead);
    while (conn.stats().bytesRead < most) await read(conn);
    assert(seen! < most / 10, `others had their first turn after ${seen} bytes`);
    conn.abort();
  }
});

Deno.test("a lent chunk is good until the next read, in the memory of all of them", async () => {
  const [a, b] = memoryPair();
  const next = async (said: string, lent: boolean) => {
    await a.write(said);
    const chunk = (await b.readChunk({ lent }))!;
    assertEquals(new TextDecoder().decode(chunk), said);
    return chunk;
  };
  const one = await next("one", true);
  assert((await next("two", true)).buffer === one.buffer);
  const own = await next("own", false);
  await next("lent", true);
  assertEquals(new TextDecoder().decode(own), "own");
  a.abort();
  b.abort();
});

Deno.test("drop-oldest keeps what somebody waits for, and costs the same in a long queue", async () => {
  const sendQueue = { limit: 256 * 1024, policy: "drop-oldest" } as const;
  const [a, b] = memoryPair({ sendQueue, writeTimeout: 0 });
  await using _a = a;
  await using _b = b;
  const fill = () => {
    for (let i = 0; i < 50_000; i++) a.trySend("old\n");
  };
  const started = performance.now();
  fill();
  fill();
  const first = a.write("first\n");
  fill();
  const second = a.write("second\n");
  fill();
  const took = performance.now() - started;
  assert(took < 5000, `it took ${took} ms`);
  const { dropped, queuedBytes } = a.stats();
  assert(dropped > 100_000 && queuedBytes <= sendQueue.limit, `${dropped}, ${queuedBytes}`);
  const ending = a.closeWrite();
  const lines = await Array.fromAsync(b.lines());
  await Promise.all([first, second, ending]);
  assertEquals(lines.filter((line) => line !== "old"), ["first", "second"]);
  assertEquals(lines.length + dropped, 200_002);
});

Deno.test("what is neither bytes nor text is a TypeError, and the connection goes on", async () => {
  const [a, b] = memoryPair({ sendQueue: { limit: 10 } });
  await using _a = a;
  await using _b = b;
  for (const nonsense of [undefined, null, 5, {}, new ArrayBuffer(3)]) {
    const data = nonsense as Uint8Array;
    await assertRejects(() => a.write(data), TypeError, "data must be a Uint8Array or a string");
    await assertRejects(() => a.send(data), TypeError, "data must be");
    assertThrows(() => a.trySend(data), TypeError, "data must be");
  }
  // The queue still counts what is in it.
  assertEquals([a.trySend("123456"), a.trySend("123456")], [true, false]);
  assertEquals(await b.readExact(6), new TextEncoder().encode("123456"));
});

Deno.test("a signal that is none is a TypeError, and the next read works", async () => {
  const [a, b] = memoryPair();
  await using _a = a;
  await using _b = b;
  await assertRejects(() => b.readLine({ signal: {} as AbortSignal }), TypeError);
  await a.write("hi\n");
  assertEquals(await b.readLine(), "hi");
});

Deno.test("the error of an end stays the same, however late it is asked for", async () => {
  const [raw] = memoryTransports();
  const failing: Transport = {
    localAddr: raw.localAddr,
    remoteAddr: raw.remoteAddr,
    read: (buffer) => raw.read(buffer),
    write: () => Promise.reject(new Deno.errors.BrokenPipe("broken pipe")),
    closeWrite: () => raw.closeWrite(),
    close: () => raw.close(),
  };
  const conn = new Connection(failing);
  const writing = assertRejects(() => conn.write("lost\n"), NetError);
  const closing = conn.close();
  const reading = assertRejects(() => conn.readLine(), NetError);
  assertEquals([(await writing).kind, (await reading).kind], ["closed", "closed"]);
  await closing;
  const late = await assertRejects(() => conn.write("more\n"), NetError);
  assertEquals([late.kind, (await conn.closed)?.kind], ["closed", "reset"]);
  assertStrictEquals(await assertRejects(() => conn.readLine(), NetError), await reading);
  assertStrictEquals(conn.signal.reason, late);
});
