/**
 * Bad peers and bad networks against servers and clients: each test is one fault.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async/delay";
import type { Connection, ConnectionOptions } from "../../../net/connection/connection.ts";
import { developmentAuthority, developmentCertificate } from "../../../net/tls/certificate.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { withDeadline } from "../../../net/internal/deadline.ts";
import { createPool } from "../../../net/pool/pool.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTcp, type ServeTcpOptions, type TcpServer } from "../../../net/tcp/server.ts";
import { connectTls } from "../../../net/tls/client.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { type FaultProxyOptions, serveFaultProxy } from "../../../tools/fault_proxy.ts";
import { testAlone } from "../../_support/alone.ts";
import { until } from "../../_support/until.ts";
import { CONFIG } from "../../_support/flags.ts";

/** Answers every line with itself. */
async function echo(conn: Connection): Promise<void> {
  for await (const line of conn.lines({ max: 1000 })) await conn.write(`${line}\n`);
}

function serve(options: ServeTcpOptions = {}, handler = echo): TcpServer {
  return serveTcp({ lingerTimeout: 20, ...options }, handler);
}

function dial(server: { addr: Deno.NetAddr }, options: ConnectionOptions = {}) {
  return connectTcp({ port: server.addr.port, lingerTimeout: 20, ...options });
}

async function asks(conn: Connection, line: string): Promise<void> {
  await conn.write(`${line}\n`);
  assertEquals(await conn.readLine({ timeout: 30_000 }), line);
}

async function before(server: TcpServer, faults: Partial<FaultProxyOptions>) {
  const to = { hostname: "127.0.0.1", port: server.addr.port };
  return await serveFaultProxy({ to, ...faults });
}

/** The open descriptors of this process, by what they lead to. */
function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

Deno.test("a peer that drips a byte at a time runs into the deadline of the line", async () => {
  const kinds: string[] = [];
  await using server = serve({ idleTimeout: 5000 }, async (conn) => {
    try {
      // Each byte comes well within the idle time; the line as a whole does not.
      await conn.readLine({ timeout: 800 });
    } catch (error) {
      kinds.push((error as NetError).kind);
      await conn.write("408\n");
    }
  });
  await using conn = await dial(server);
  await using other = await dial(server);
  const dripping = (async () => {
    for (let i = 0; i < 100; i++) {
      await conn.write("x");
      await delay(20);
    }
  })().catch(() => {});
  await other.write("fast\n");
  assertEquals(await other.readLine({ timeout: 30_000 }), null);
  assertEquals(await conn.readLine({ timeout: 30_000 }), "408");
  assertEquals(kinds, ["timeout"]);
  conn.abort();
  await dripping;
});

Deno.test("a flood without an end of line costs bounded memory and one connection", async () => {
  const kinds: string[] = [];
  await using server = serve({}, async (conn) => {
    try {
      await echo(conn);
    } catch (error) {
      kinds.push((error as NetError).kind);
    }
  });
  await using conn = await dial(server);
  const flood = new Uint8Array(64 * 1024).fill(0x78);
  const flooding = (async () => {
    for (let i = 0; i < 500; i++) await conn.write(flood);
  })().catch(() => {});
  await until(() => kinds.length === 1);
  await flooding;
  assertEquals(kinds, ["limit"]);
  await using good = await dial(server);
  await asks(good, "others work");
});

Deno.test("a flood of lines from a peer that reads no answer stops at the send queue", async () => {
  await using server = serve({ writeTimeout: 200 });
  await using conn = await dial(server);
  let queued = 0;
  const lines = "y".repeat(900) + "\n";
  const flooding = (async () => {
    while (true) {
      await conn.write(lines.repeat(50));
      queued = Math.max(queued, server.stats().bytesRead - server.stats().bytesWritten);
    }
  })();
  await assertRejects(() => flooding, NetError);
  assert(queued < 16 * 1024 * 1024, `${queued}`);
  await until(() => server.stats().active === 0);
});

Deno.test("a thousand idle connections are reaped on time while others work", async () => {
  let reaped = 0;
  const onEvent: ServeTcpOptions["onEvent"] = (event) => {
    if (event.type === "close" && event.error?.kind === "timeout") reaped++;
  };
  await using server = serve({ idleTimeout: 1500, onEvent });
  await using busy = await dial(server);
  const idle: Connection[] = [];
  for (let i = 0; i < 1000; i++) {
    idle.push(await dial(server));
    if (i % 10 === 0) await asks(busy, `${i}`);
  }
  const began = performance.now();
  while (reaped < 1000) {
    await asks(busy, "still here");
    await delay(20);
    assert(performance.now() - began < 10_000, `${reaped} reaped`);
  }
  await until(() => server.stats().active === 1);
  for (const conn of idle) conn.abort();
  await asks(busy, "and at the end");
});

Deno.test("a slot is free again after a handler that throws, rejects, or has gone", async () => {
  let turn = 0;
  await using server = serve({ maxConnections: 1 }, (conn) => {
    turn++;
    if (turn === 1) throw new Error("thrown");
    if (turn === 2) return Promise.reject(new Error("rejected"));
    return echo(conn);
  });
  for (let i = 0; i < 2; i++) {
    await using conn = await dial(server);
    assertEquals(await conn.readLine({ timeout: 30_000 }), null);
  }
  await using conn = await dial(server);
  await asks(conn, "third");
  assertEquals(server.stats().failed, 2);
});

Deno.test("the network cuts everything into single bytes: lines and frames stay whole", async () => {
  await using server = serve();
  const slow = { chunkSize: 1 };
  await using proxy = await before(server, { upload: slow, download: slow });
  await using conn = await dial(proxy);
  await asks(conn, "grüße, 世界 👋");
  await using frames = serve({}, async (conn) => {
    for await (const frame of conn.frames({ max: 100 })) await conn.writeFrame(frame);
  });
  await using other = await before(frames, { upload: slow, download: slow });
  await using framed = await dial(other);
  await framed.writeFrame(new Uint8Array([0, 1, 2, 255]));
  assertEquals(await framed.readFrame({ timeout: 30_000 }), new Uint8Array([0, 1, 2, 255]));
});

Deno.test("a reset in the middle of a message is a reset on both sides, and nothing else", async () => {
  const kinds: string[] = [];
  await using server = serve({}, async (conn) => {
    try {
      await echo(conn);
    } catch (error) {
      kinds.push((error as NetError).kind);
      throw error;
    }
  });
  await using proxy = await before(server, { upload: { resetAfter: 7 } });
  await using conn = await dial(proxy);
  await conn.write("one\ntwo and more\n");
  assertEquals(await conn.readLine({ timeout: 30_000 }).catch(() => "one"), "one");
  const error = await assertRejects(() => conn.readLine({ timeout: 30_000 }), NetError);
  assertEquals(error.kind, "reset");
  await until(() => kinds.length === 1);
  assertEquals(kinds, ["reset"]);
  assertEquals(server.stats().failed, 0);
});

Deno.test("a stalled network is told by the time limits, and by nothing else", async () => {
  await using server = serve();
  await using proxy = await before(server, { download: { stallAfter: 3 } });
  await using conn = await dial(proxy);
  await conn.write("hello\n");
  const error = await assertRejects(() => conn.readLine({ timeout: 100 }), NetError);
  assertEquals([error.kind, error.phase], ["timeout", "read"]);
  // What the timed-out read left behind is not lost.
  await proxy.setFaults({});
  assertEquals(await conn.readLine({ timeout: 30_000 }), "hello");
});

Deno.test("a pool outlives a network that resets, stalls and refuses", async () => {
  await using server = serve();
  await using proxy = await before(server, {});
  await using pool = createPool({ maxPerHost: 2 });
  const to = { hostname: "127.0.0.1", port: proxy.addr.port };
  const ask = async (line: string) => {
    await using lease = await pool.acquire(to);
    await asks(lease.connection, line);
    lease.keep();
  };
  const noticed = () => until(() => pool.stats().idle === 0);
  await ask("one");
  proxy.reset();
  await noticed();
  await ask("after a reset");
  await proxy.setFaults({ refuse: true });
  proxy.reset();
  await noticed();
  const error = await assertRejects(() => ask("refused"), NetError);
  assertEquals(error.kind, "refused");
  await proxy.setFaults({});
  await Promise.all(["a", "b", "c", "d", "e"].map(ask));
  assertEquals(pool.stats().active, 0);
});

Deno.test("TLS survives single bytes, and a reset in the handshake is one", async () => {
  const { cert, key, ca } = await developmentCertificate();
  await using server = serveTls({ cert, key, lingerTimeout: 20 }, echo);
  await using proxy = await before(server, {
    upload: { chunkSize: 1 },
    download: { chunkSize: 1 },
  });
  const options = { port: proxy.addr.port, caCerts: [ca], lingerTimeout: 20 };
  await using conn = await connectTls(options);
  await asks(conn, "hello");
  await proxy.setFaults({ download: { resetAfter: 100 } });
  const error = await assertRejects(() => connectTls(options), NetError);
  assertEquals([error.kind, error.phase], ["reset", "handshake"]);
  await proxy.setFaults({ download: { stallAfter: 100 } });
  const impatient = { ...options, handshakeTimeout: 100 };
  const late = await assertRejects(() => connectTls(impatient), NetError);
  assertEquals([late.kind, late.phase], ["timeout", "handshake"]);
});

Deno.test("connectTls() gives up on time where nothing answers, whoever does the handshake", async () => {
  const authority = await developmentAuthority();
  const { cert, key } = await authority.issue({ usage: "client" });
  const full = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = full.addr;
  const waiting = [await Deno.connect({ port }), await Deno.connect({ port })];
  const variants = [{}, { inspect: true }, { cert, key }];
  for (const options of variants) {
    const error = await assertRejects(
      () => connectTls({ port, timeout: 100, caCerts: [authority.cert], ...options }),
      NetError,
    );
    assertEquals([error.kind, error.phase], ["timeout", "connect"]);
  }
  for (const conn of waiting) conn.close();
  full.close();
});

testAlone(import.meta.url, {
  name: "node:tls lets go of a handshake that was given up at once, on both sides",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const { cert, key } = await developmentCertificate();
    await using silent = serve({}, async (conn) => {
      while (await conn.readChunk() !== null);
    });
    await using server = serveTls({ cert, key, engine: "node", handshakeTimeout: 50 }, echo);
    const clients = [];
    const base = descriptors();
    for (let i = 0; i < 10; i++) {
      const options = { port: silent.addr.port, engine: "node", handshakeTimeout: 20 } as const;
      await assertRejects(() => connectTls(options), NetError);
      clients.push(await dial(server));
    }
    await until(() => server.stats().failed === 10);
    // What is left are the ten clients that have said nothing.
    await until(() => descriptors() <= base + 10);
    for (const conn of clients) conn.abort();
    await silent.shutdown({ deadline: 0 });
  },
});

Deno.test("shutdown() with idle, busy and stuck connections keeps its deadline, twice", async () => {
  const server = serve({ lingerTimeout: 0 }, async (conn) => {
    const line = await conn.readLine();
    if (line === "busy") {
      await delay(100);
      await conn.write("done\n");
    } else if (line === "stuck") await new Promise(() => {});
  });
  const [idle, busy, stuck] = [await dial(server), await dial(server), await dial(server)];
  await busy.write("busy\n");
  await stuck.write("stuck\n");
  await until(() => server.stats().bytesRead === 11);
  const began = performance.now();
  const [report, again] = await Promise.all([
    server.shutdown({ deadline: 1000 }),
    server.shutdown({ deadline: 5000 }),
  ]);
  const took = performance.now() - began;
  assert(took >= 990 && took < 3000, `${took} ms`);
  assertEquals(report, { drained: 2, forced: 1, refused: 0 });
  assertEquals(again, report);
  assertEquals(await busy.readLine({ timeout: 30_000 }), "done");
  for (const conn of [idle, busy, stuck]) conn.abort();
  await using next = serve({ port: server.addr.port });
  await using conn = await dial(next);
  await asks(conn, "the same port at once");
});

testAlone(import.meta.url, {
  name: "no descriptor is left after load, faults and a shutdown",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const round = async () => {
      const server = serve();
      const proxy = await before(server, { download: { resetAfter: 50 } });
      const all = Array.from({ length: 40 }, async (_, i) => {
        await using conn = await dial(i % 2 ? proxy : server);
        for (let n = 0; n < 20; n++) await asks(conn, "some load");
      });
      await Promise.allSettled(all);
      await proxy.shutdown();
      await server.shutdown({ deadline: 1000 });
    };
    await round();
    const base = descriptors();
    await round();
    await round();
    await until(() => descriptors() <= base);
  },
});

Deno.test({
  name: "shutdown() from a signal's listener, twice, under full load: the process ends by itself",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const script = `
      import { serveTcp } from "${new URL("../../../net/tcp/server.ts", import.meta.url)}";
      const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;
      const start = (port) => serveTcp({ port, lingerTimeout: 100 }, async (conn) => {
        for await (const line of conn.lines()) await conn.write(line + "\\n");
      });
      // The first server of a process leaves what the runtime keeps for all of them.
      await start(0).shutdown();
      const stop = async () => {
        const { port } = server.addr;
        const reports = await Promise.all([
          server.shutdown({ deadline: 5000 }),
          server.shutdown({ deadline: 4000 }),
        ]);
        await start(port).shutdown();
        const left = descriptors() - before;
        console.log(JSON.stringify({ reports, left, active: server.stats().active }));
        Deno.removeSignalListener("SIGTERM", stop);
      };
      Deno.addSignalListener("SIGTERM", stop);
      const before = descriptors();
      const server = start(0);
      console.log(server.addr.port);
    `;
    const dir = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${dir}/server.ts`, script);
      const child = new Deno.Command(Deno.execPath(), {
        // Deno lets nobody but the almighty count descriptors.
        args: ["run", "-q", "-A", "--no-check", ...CONFIG, `${dir}/server.ts`],
        stdin: "null",
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
      const out = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      const port = Number((await out.read()).value);
      let answers = 0;
      const load = Array.from({ length: 40 }, async () => {
        await using conn = await connectTcp({ port, lingerTimeout: 20 });
        while (true) {
          await conn.write("load\n");
          if (await conn.readLine({ timeout: 10_000 }) !== "load") return;
          answers++;
        }
      });
      await until(() => answers > 1000);
      child.kill("SIGTERM");
      const told = JSON.parse((await out.read()).value!);
      const report = { drained: 40, forced: 0, refused: 0 };
      assertEquals(told, { reports: [report, report], left: 0, active: 0 });
      assertEquals((await child.status).code, 0);
      await Promise.allSettled(load);
      await out.cancel();
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

Deno.test("a peer in time is not late because the event loop was blocked", async () => {
  const { promise, resolve } = Promise.withResolvers<Connection>();
  await using server = serve({}, async (conn) => {
    resolve(conn);
    await conn.closed;
  });
  await using client = await dial(server);
  await using peer = await promise;
  const reads: (() => Promise<unknown>)[] = [
    () => client.readLine({ timeout: 1000 }),
    () => withDeadline(client.readLine(), 1000, () => new Error("late")),
  ];
  for (const read of reads) {
    const reading = read();
    await delay(5);
    // The write reaches the kernel at once. The timers expire during the block.
    const writing = peer.write("in time\n");
    for (const end = performance.now() + 1200; performance.now() < end;);
    assertEquals(await reading, "in time");
    await writing;
  }
});
