import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { delay } from "@std/async/delay";
import type { Connection } from "../../../net/connection/connection.ts";
import { developmentAuthority } from "../../../net/tls/certificate.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { createPool, type Lease, type Pool, type PoolTarget } from "../../../net/pool/pool.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { until } from "../../_support/until.ts";

async function echo(conn: Connection): Promise<void> {
  for await (const line of conn.lines()) {
    await conn.write(`${line}\n`);
    if (line === "bye") return;
  }
}

async function ask({ connection }: Lease, line: string): Promise<void> {
  await connection.write(`${line}\n`);
  assertEquals(await connection.readLine({ timeout: 30_000 }), line);
}

/** Asks over a connection of the pool, and gives it back. */
async function exchange(pool: Pool, port: number, line: string): Promise<boolean> {
  await using lease = await pool.acquire({ port, lingerTimeout: 50 });
  await ask(lease, line);
  lease.keep();
  return lease.reused;
}

Deno.test("a pool lends a connection again that was kept", async () => {
  await using server = serveTcp({}, echo);
  await using pool = createPool();
  const { port } = server.addr;
  assertEquals(await exchange(pool, port, "one"), false);
  assertEquals(pool.stats(), { active: 0, idle: 1, waiting: 0, opened: 1, reused: 0 });
  assertEquals(await exchange(pool, port, "two"), true);
  assertEquals(pool.stats(), { active: 0, idle: 1, waiting: 0, opened: 1, reused: 1 });
});

Deno.test("a pool closes what was not kept: half an answer is nobody's", async () => {
  await using server = serveTcp({}, echo);
  await using pool = createPool();
  {
    await using lease = await pool.acquire({ port: server.addr.port });
    await lease.connection.write("never read\n");
  }
  assertEquals(pool.stats().idle, 0);
  assertEquals(await exchange(pool, server.addr.port, "clean"), false);
});

Deno.test("a pool opens no more than maxPerHost, and serves those who wait in order", async () => {
  await using server = serveTcp({}, echo);
  await using pool = createPool({ maxPerHost: 2 });
  const order: number[] = [];
  await Promise.all(Array.from({ length: 20 }, async (_, i) => {
    await using lease = await pool.acquire({ port: server.addr.port });
    order.push(i);
    assert(server.stats().active <= 2);
    await ask(lease, `${i}`);
    lease.keep();
  }));
  assertEquals(order, Array.from({ length: 20 }, (_, i) => i));
  assertEquals(pool.stats(), { active: 0, idle: 2, waiting: 0, opened: 2, reused: 18 });
});

Deno.test("a pool ends a wait on time, by its signal, and when too many wait", async () => {
  await using server = serveTcp({}, echo);
  await using pool = createPool({ maxPerHost: 1, acquireTimeout: 50, maxWaiting: 2 });
  const target = { port: server.addr.port };
  await using held = await pool.acquire(target);
  const stop = new AbortController();
  const late = pool.acquire(target);
  const aborted = pool.acquire({ ...target, signal: stop.signal });
  const refused = await assertRejects(() => pool.acquire(target), NetError);
  assertEquals(refused.kind, "limit");
  stop.abort("enough");
  assertEquals(await aborted.catch((reason) => reason), "enough");
  assertEquals((await assertRejects(() => late, NetError)).kind, "timeout");
  assertEquals(pool.stats().waiting, 0);
  await ask(held, "still mine");
});

Deno.test("a pool forgets a connection that the peer has ended or talked on while it was idle", async () => {
  const served: Connection[] = [];
  await using server = serveTcp({}, async (conn) => {
    served.push(conn);
    await echo(conn);
  });
  await using pool = createPool();
  const { port } = server.addr;
  await exchange(pool, port, "bye");
  await until(() => pool.stats().idle === 0);
  assertEquals(await exchange(pool, port, "new"), false);
  await served[1]!.write("unasked\n");
  await until(() => pool.stats().idle === 0);
  assertEquals(await exchange(pool, port, "clean"), false);
  assertEquals(pool.stats().opened, 3);
});

Deno.test("a pool closes what is idle for too long or too old", async () => {
  await using server = serveTcp({}, echo);
  await using idle = createPool({ idleTimeout: 50 });
  await exchange(idle, server.addr.port, "x");
  await until(() => idle.stats().idle === 0 && server.stats().active === 0);
  await using old = createPool({ maxAge: 30 });
  await exchange(old, server.addr.port, "x");
  await delay(40);
  assertEquals(await exchange(old, server.addr.port, "x"), false);
});

Deno.test("a pool checks before it lends again", async () => {
  await using server = serveTcp({}, echo);
  let good = true;
  const check = async (connection: Connection) => {
    await connection.write("noop\n");
    assertEquals(await connection.readLine({ timeout: 30_000 }), "noop");
    return good;
  };
  await using pool = createPool({ check });
  assertEquals(await exchange(pool, server.addr.port, "1"), false);
  assertEquals(await exchange(pool, server.addr.port, "2"), true);
  good = false;
  assertEquals(await exchange(pool, server.addr.port, "3"), false);
});

Deno.test("a check ends with the acquirer's timeout or signal, and its connection with it", async () => {
  await using server = serveTcp({}, echo);
  const { port } = server.addr;
  let checks = 0;
  const check = (connection: Connection) => {
    checks++;
    return connection.readLine().then(() => true);
  };
  await using pool = createPool({ check });
  const both = await Promise.all([pool.acquire({ port }), pool.acquire({ port })]);
  for (const lease of both) {
    lease.keep();
    await lease[Symbol.asyncDispose]();
  }
  {
    // One time for all checks: the second connection goes without one.
    await using lease = await pool.acquire({ port, timeout: 200 });
    assertEquals([lease.reused, checks, pool.stats().idle], [false, 1, 0]);
    await ask(lease, "hello");
    lease.keep();
  }
  const signal = AbortSignal.timeout(50);
  const error = await assertRejects(() => pool.acquire({ port, signal }));
  assertEquals(error, signal.reason);
  assertEquals(checks, 2);
  assertEquals(pool.stats(), { active: 0, idle: 0, waiting: 0, opened: 3, reused: 0 });
  await until(() => server.stats().active === 0);
});

Deno.test("close() cuts a check at its deadline", async () => {
  await using server = serveTcp({}, echo);
  const pool = createPool({ check: () => new Promise(() => {}) });
  const target = { port: server.addr.port, timeout: 0 };
  await exchange(pool, target.port, "x");
  const acquiring = assertRejects(() => pool.acquire(target), NetError, "the pool is closed");
  await delay(0);
  await pool.close({ deadline: 20 });
  await acquiring;
});

Deno.test("a pool keeps apart what is set differently on the socket, or by another engine", async () => {
  const { good, ca } = await testCertificates();
  await using plain = serveTcp({}, echo);
  await using secure = serveTls(good, echo);
  await using pool = createPool();
  const tcp = { port: plain.addr.port, lingerTimeout: 50 };
  const tls: PoolTarget = { ...tcp, port: secure.addr.port, tls: true, caCerts: [ca] };
  const targets: [PoolTarget, boolean][] = [
    [tcp, false],
    [{ ...tcp, noDelay: true, keepAlive: true, readTimeout: 60_000 }, true],
    [{ ...tcp, noDelay: false }, false],
    [{ ...tcp, keepAlive: false }, false],
    [tls, false],
    [{ ...tls, engine: "node" as const }, false],
    [{ ...tls, noDelay: false }, false],
    [tls, true],
  ];
  for (const [target, reused] of targets) {
    await using lease = await pool.acquire(target);
    assertEquals(lease.reused, reused, JSON.stringify(target));
    await ask(lease, "x");
    lease.keep();
  }
});

Deno.test("a pool gives the place of a failed dialling to the next", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  await using pool = createPool({ maxPerHost: 1 });
  const results = await Promise.allSettled([1, 2, 3].map(() => pool.acquire({ port })));
  for (const result of results) {
    assert(result.status === "rejected" && result.reason instanceof NetError);
    assertEquals(result.reason.kind, "refused");
  }
  assertEquals(pool.stats(), { active: 0, idle: 0, waiting: 0, opened: 0, reused: 0 });
});

Deno.test("a pool keeps TLS apart by whom it trusts", async () => {
  const { good, ca } = await testCertificates();
  await using server = serveTls(good, echo);
  await using pool = createPool();
  const target = { port: server.addr.port, tls: true as const, lingerTimeout: 50 };
  for (let i = 0; i < 2; i++) {
    await using lease = await pool.acquire({ ...target, caCerts: [ca] });
    await ask(lease, "secret");
    lease.keep();
  }
  assertEquals([pool.stats().opened, pool.stats().reused], [1, 1]);
  const error = await assertRejects(() => pool.acquire(target), NetError);
  assertEquals(error.tls, "untrusted");
});

Deno.test("close() lends nothing more, waits for what is lent, and cuts it at the deadline", async () => {
  await using server = serveTcp({}, echo);
  const pool = createPool({ maxPerHost: 1 });
  const target = { port: server.addr.port };
  const lease = await pool.acquire(target);
  const waiting = pool.acquire(target);
  const draining = pool.close();
  assertEquals((await assertRejects(() => waiting, NetError)).kind, "closed");
  assertEquals((await assertRejects(() => pool.acquire(target), NetError)).kind, "closed");
  await ask(lease, "last");
  await lease[Symbol.asyncDispose]();
  await draining;
  const stuck = createPool();
  const held = await stuck.acquire(target);
  await stuck.close({ deadline: 20 });
  assertEquals(held.connection.open, false);
  await held[Symbol.asyncDispose]();
});

Deno.test("a pool refuses nonsense", () => {
  assertThrows(() => createPool({ maxPerHost: 0 }), RangeError, "maxPerHost");
  assertThrows(() => createPool({ idleTimeout: -1 }), RangeError, "idleTimeout");
});

Deno.test("a pool keeps apart who shows which certificate", async () => {
  const authority = await developmentAuthority();
  const clientCa = [authority.cert];
  const [own, alice, bob] = await Promise.all([
    authority.issue(),
    authority.issue({ usage: "client", commonName: "alice" }),
    authority.issue({ usage: "client", commonName: "bob" }),
  ]);
  const options = { ...own, clientAuth: "require", clientCa } as const;
  await using server = serveTls(options, async (conn) => {
    for await (const _ of conn.lines()) {
      await conn.write(`${conn.tls?.peerCertificate?.commonName}\n`);
    }
  });
  await using pool = createPool();
  const base = { port: server.addr.port, tls: true as const, caCerts: [authority.cert] };
  for (const [name, { cert, key }] of [["alice", alice], ["bob", bob], ["alice", alice]] as const) {
    await using lease = await pool.acquire({ ...base, cert, key, lingerTimeout: 50 });
    await lease.connection.write("who am I\n");
    assertEquals(await lease.connection.readLine({ timeout: 30_000 }), name);
    lease.keep();
  }
});

Deno.test("a pool never hands on what an earlier exchange has left unread", async () => {
  await using server = serveTcp({}, async (conn) => {
    for await (const line of conn.lines()) await conn.write(`${line}\nPOISON\n`);
  });
  await using pool = createPool({ maxPerHost: 1 });
  const heard = await Promise.all(["a", "b", "c"].map(async (word) => {
    await using lease = await pool.acquire({ port: server.addr.port, lingerTimeout: 50 });
    await lease.connection.write(`${word}\n`);
    const line = await lease.connection.readLine({ timeout: 30_000 });
    lease.keep();
    return line;
  }));
  assertEquals(heard, ["a", "b", "c"]);
});

Deno.test("close() waits for a check, and what it held is not lent any more", async () => {
  await using server = serveTcp({}, echo);
  const checking = Promise.withResolvers<boolean>();
  const pool = createPool({ check: () => checking.promise });
  await exchange(pool, server.addr.port, "x");
  const acquiring = assertRejects(() => pool.acquire({ port: server.addr.port }), NetError);
  await delay(0);
  const draining = pool.close();
  checking.resolve(true);
  assertEquals((await acquiring).kind, "closed");
  await draining;
  assertEquals(pool.stats(), { active: 0, idle: 0, waiting: 0, opened: 1, reused: 0 });
});

Deno.test("a connection that its peer has ended is not handed to the one who waits", async () => {
  await using server = serveTcp({}, echo);
  await using pool = createPool({ maxPerHost: 1 });
  const target = { port: server.addr.port, lingerTimeout: 50 };
  const first = await pool.acquire(target);
  const waiting = pool.acquire(target);
  await ask(first, "bye");
  assertEquals(await first.connection.readLine({ timeout: 30_000 }), null);
  first.keep();
  await first[Symbol.asyncDispose]();
  await using second = await waiting;
  assertEquals(second.reused, false);
  await ask(second, "hello");
});

Deno.test("close() cuts what is still being dialled at its deadline", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = silent.accept();
  const pool = createPool();
  const acquiring = pool.acquire({ port: silent.addr.port, tls: true, handshakeTimeout: 0 });
  const refused = assertRejects(() => acquiring, NetError, "the pool is closed");
  using _conn = await accepted;
  await pool.close({ deadline: 50 });
  await refused;
});

Deno.test("close() has closed everything when it is over, and cuts what closes slowly", async () => {
  const finish = Promise.withResolvers<void>();
  // It never ends its side, which whoever closes waits for a moment.
  await using server = serveTcp({}, async (conn) => {
    await conn.write("hello\n");
    await finish.promise;
  });
  const target = { port: server.addr.port, lingerTimeout: 60_000 };
  for (const kept of [true, false]) {
    const pool = createPool();
    const lease = await pool.acquire(target);
    assertEquals(await lease.connection.readLine({ timeout: 30_000 }), "hello");
    if (kept) lease.keep();
    const ending = lease[Symbol.asyncDispose]();
    if (kept) await ending;
    let closed = false;
    void lease.connection.closed.then(() => closed = true);
    await pool.close({ deadline: 20 });
    await delay(0);
    assert(closed);
    await ending;
  }
  finish.resolve();
});

/** A server that never ends its side, as long as its clients are open. */
function silent() {
  return serveTcp({ idleTimeout: 0 }, async (conn) => {
    await conn.closed;
  });
}

Deno.test("a caller whose connection turns out bad keeps its place in the queue", async () => {
  await using server = serveTcp({}, echo);
  const { port } = server.addr;
  let bad = 1;
  await using pool = createPool({ maxPerHost: 1, check: () => bad-- <= 0, acquireTimeout: 5000 });
  const first = await pool.acquire({ port });
  const order: string[] = [];
  const all = ["B", "C", "D"].map(async (name) => {
    await using lease = await pool.acquire({ port, lingerTimeout: 50 });
    order.push(name);
    lease.keep();
  });
  await until(() => pool.stats().waiting === 3);
  first.keep();
  await first[Symbol.asyncDispose]();
  await Promise.all(all);
  assertEquals(order, ["B", "C", "D"]);
});

Deno.test("nobody but close() waits for the goodbye of a connection", async () => {
  await using server = silent();
  const target = { port: server.addr.port, lingerTimeout: 60_000 };
  const pool = createPool({ maxAge: 1 });
  {
    await using lease = await pool.acquire(target);
    lease.keep();
  }
  await delay(5);
  {
    // The old connection is thrown away, and this one is not kept.
    await using lease = await pool.acquire(target);
    assertEquals(lease.reused, false);
  }
  await pool.close({ deadline: 10 });
});

Deno.test("a connection gets too old at a moment of its own", async () => {
  await using server = serveTcp({}, echo);
  const { port } = server.addr;
  await using pool = createPool({ maxAge: 3_600_000 });
  assertEquals(await exchange(pool, port, "a"), false);
  assertEquals(await exchange(pool, port, "b"), true);
  await using aged = createPool({ maxAge: 20 });
  assertEquals(await exchange(aged, port, "a"), false);
  await delay(25);
  assertEquals(await exchange(aged, port, "b"), false);
});

Deno.test("maxTotal closes the oldest idle connection of another host, or makes callers wait", async () => {
  await using one = serveTcp({}, echo);
  await using two = serveTcp({}, echo);
  await using three = serveTcp({}, echo);
  await using pool = createPool({ maxTotal: 2, acquireTimeout: 5000 });
  const ports = [one, two, three].map(({ addr }) => addr.port) as [number, number, number];
  for (const port of ports) assertEquals(await exchange(pool, port, "x"), false);
  // The first one had to go.
  assertEquals(pool.stats().idle, 2);
  assertEquals(await exchange(pool, ports[2], "y"), true);
  assertEquals(await exchange(pool, ports[1], "y"), true);
  const held = [await pool.acquire({ port: ports[1] }), await pool.acquire({ port: ports[2] })];
  const order: number[] = [];
  const waiting = [0, 2, 0, 1].map(async (i) => {
    await using lease = await pool.acquire({ port: ports[i]!, lingerTimeout: 50 });
    order.push(i);
    lease.keep();
  });
  await until(() => pool.stats().waiting === 4);
  for (const lease of held) await lease[Symbol.asyncDispose]();
  await Promise.all(waiting);
  assertEquals(order.sort(), [0, 0, 1, 2]);
  assert(pool.stats().idle <= 2);
  await pool.close();
  assertEquals(pool.stats(), { ...pool.stats(), active: 0, idle: 0, waiting: 0 });
});

Deno.test("a wait for the total limit ends on time, and leaves nothing behind", async () => {
  await using server = serveTcp({}, echo);
  await using other = serveTcp({}, echo);
  await using pool = createPool({ maxTotal: 1, acquireTimeout: 20 });
  const lease = await pool.acquire({ port: server.addr.port });
  const error = await assertRejects(() => pool.acquire({ port: other.addr.port }), NetError);
  assertEquals(error.kind, "timeout");
  await lease[Symbol.asyncDispose]();
  assertEquals(await exchange(pool, other.addr.port, "a"), false);
});

Deno.test("minIdle connections are ready, within the limits, and stay", async () => {
  await using server = serveTcp({}, echo);
  const { port } = server.addr;
  await using pool = createPool({ minIdle: 3, maxPerHost: 5, idleTimeout: 10 });
  assertEquals(await exchange(pool, port, "a"), false);
  await until(() => pool.stats().idle >= 3);
  await delay(30);
  assert(pool.stats().idle >= 3);
  const leases = [];
  for (let i = 0; i < 5; i++) leases.push(await pool.acquire({ port }));
  assert(leases.some(({ reused }) => reused));
  assertEquals(pool.stats().active, 5);
  for (const lease of leases) await lease[Symbol.asyncDispose]();
  await until(() => pool.stats().idle >= 3);
  await using refused = createPool({ minIdle: 2 });
  const closed = serveTcp({}, echo);
  await closed.shutdown();
  await assertRejects(() => refused.acquire({ port: closed.addr.port }), NetError);
  for (const options of [{ minIdle: -1 }, { minIdle: 1.5 }, { minIdle: NaN }, { maxTotal: 0 }]) {
    assertThrows(() => createPool(options), RangeError);
  }
});
