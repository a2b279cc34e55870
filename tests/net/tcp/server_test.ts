import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { delay } from "@std/async/delay";
import { once } from "node:events";
import { connect } from "node:net";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { type ServerEvent, serveTcp, type TcpServer } from "../../../net/tcp/server.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { until } from "../../_support/until.ts";
import { CONFIG } from "../../_support/flags.ts";

/** Answers every line with itself. */
async function echo(conn: Connection): Promise<void> {
  for await (const line of conn.lines()) await conn.write(`${line}\n`);
}

function dial(server: TcpServer): Promise<Connection> {
  return connectTcp({ port: server.addr.port, lingerTimeout: 50 });
}

async function ask(conn: Connection, line: string): Promise<string | null> {
  await conn.write(`${line}\n`);
  return await conn.readLine({ timeout: 30_000 });
}

Deno.test("serveTcp() listens on loopback and says where", async () => {
  let heard: Deno.NetAddr | undefined;
  await using server = serveTcp({ onListen: (addr) => heard = addr }, echo);
  assertEquals(server.addr.hostname, "127.0.0.1");
  assertEquals(server.url, `tcp://127.0.0.1:${server.addr.port}`);
  assertEquals(heard, server.addr);
  await using conn = await dial(server);
  assertEquals(await ask(conn, "hello"), "hello");
});

Deno.test("serveTcp() reports a port in use before it returns", async () => {
  await using server = serveTcp({}, echo);
  const { port } = server.addr;
  const error = assertThrows(() => serveTcp({ port }, echo), NetError);
  assertEquals([error.kind, error.phase], ["address-in-use", "listen"]);
  assertEquals(error.message, `Cannot listen on 127.0.0.1:${port}: the address is in use`);
});

Deno.test("serveTcp() rejects nonsense before any I/O", () => {
  assertThrows(() => serveTcp({ port: -1 }, echo), RangeError, "port must be an integer");
  assertThrows(() => serveTcp({ port: 1.5 }, echo), RangeError, "port must be an integer");
  assertThrows(() => serveTcp({ idleTimeout: -5 }, echo), RangeError, "idleTimeout");
  assertThrows(() => serveTcp({ maxConnections: NaN }, echo), RangeError, "maxConnections");
  assertThrows(() => serveTcp({ backlog: 0 }, echo), RangeError, "backlog");
  const whenFull = "maybe" as "wait";
  assertThrows(() => serveTcp({ whenFull }, echo), TypeError, "whenFull");
});

Deno.test({
  name: "serveTcp() names the flag that is missing",
  permissions: { net: false },
  fn() {
    const error = assertThrows(() => serveTcp({ port: 9000 }, echo), NetError);
    assertEquals(error.kind, "permission");
    assertEquals(error.permission, "--allow-net=127.0.0.1:9000");
  },
});

Deno.test("a handler that throws or rejects ends its own connection alone", async () => {
  const errors: unknown[] = [];
  const onEvent = (event: ServerEvent) => {
    if (event.type === "error") errors.push(event.error);
  };
  let n = 0;
  await using server = serveTcp({ onEvent, maxConnections: 1 }, (conn) => {
    n++;
    if (n === 1) throw new Error("thrown at once");
    if (n === 2) return Promise.reject(new Error("rejected"));
    return echo(conn);
  });
  for (let i = 0; i < 2; i++) {
    await using conn = await dial(server);
    assertEquals(await conn.readLine({ timeout: 30_000 }), null);
  }
  await using good = await dial(server);
  assertEquals(await ask(good, "still there"), "still there");
  assertEquals(errors.map((error) => (error as Error).message), ["thrown at once", "rejected"]);
  assertEquals(server.stats().failed, 2);
});

Deno.test("an event listener that throws harms nobody", async () => {
  const onEvent = () => {
    throw new Error("listener");
  };
  await using server = serveTcp({ onEvent }, echo);
  await using conn = await dial(server);
  assertEquals(await ask(conn, "x"), "x");
});

Deno.test("whenFull wait leaves one more in the backlog until a slot is free", async () => {
  await using server = serveTcp({ maxConnections: 2 }, echo);
  await using first = await dial(server);
  await using second = await dial(server);
  await using third = await dial(server);
  assertEquals([await ask(first, "1"), await ask(second, "2")], ["1", "2"]);
  await third.write("3\n");
  await assertRejects(() => third.readLine({ timeout: 100 }), NetError, "nothing came");
  assertEquals(server.stats().active, 2);
  await first.close();
  assertEquals(await third.readLine({ timeout: 30_000 }), "3");
});

Deno.test("whenFull refuse closes one more at once", async () => {
  const reasons: string[] = [];
  const onEvent = (event: ServerEvent) => {
    if (event.type === "refused") reasons.push(event.reason);
  };
  await using server = serveTcp({ maxConnections: 1, whenFull: "refuse", onEvent }, echo);
  await using first = await dial(server);
  assertEquals(await ask(first, "1"), "1");
  await using second = await dial(server);
  const end = await second.readLine({ timeout: 30_000 }).catch((error: NetError) => error.kind);
  assert(end === null || end === "reset", `${end}`);
  assertEquals(reasons, ["full"]);
  assertEquals(server.stats().refused, 1);
  assertEquals(await ask(first, "still"), "still");
});

Deno.test("one address cannot take every slot", async () => {
  await using server = serveTcp({ maxConnectionsPerAddress: 2 }, echo);
  await using first = await dial(server);
  await using second = await dial(server);
  assertEquals([await ask(first, "1"), await ask(second, "2")], ["1", "2"]);
  await using third = await dial(server);
  const end = await third.readLine({ timeout: 30_000 }).catch((error: NetError) => error.kind);
  assert(end === null || end === "reset", `${end}`);
  await first.close();
  await until(() => server.stats().active === 1);
  await using fourth = await dial(server);
  assertEquals(await ask(fourth, "4"), "4");
});

Deno.test("an idle peer is closed on time while a busy one works", async () => {
  const ends: string[] = [];
  const onEvent = (event: ServerEvent) => {
    if (event.type === "close") ends.push(event.error?.kind ?? "clean");
  };
  await using server = serveTcp({ idleTimeout: 1000, onEvent }, echo);
  await using idle = await dial(server);
  await using busy = await dial(server);
  // Far more often than it must, and for longer than the limit.
  const end = performance.now() + 1500;
  while (ends.length === 0 || performance.now() < end) {
    assertEquals(await ask(busy, "busy"), "busy");
    await delay(20);
  }
  assertEquals(await idle.readLine({ timeout: 30_000 }), null);
  assertEquals(ends, ["timeout"]);
});

Deno.test("pause() stops accepting, resume() goes on", async () => {
  await using server = serveTcp({}, echo);
  server.pause();
  await using first = await dial(server);
  await using second = await dial(server);
  await first.write("1\n");
  await assertRejects(() => first.readLine({ timeout: 100 }), NetError);
  assertEquals(server.stats().active, 0);
  server.resume();
  assertEquals(await first.readLine({ timeout: 30_000 }), "1");
  assertEquals(await ask(second, "2"), "2");
});

Deno.test("peers that reset before they are accepted hold nobody up", async () => {
  const events: string[] = [];
  await using server = serveTcp({ onEvent: (event) => events.push(event.type) }, echo);
  // One is held by the server, the others wait in the backlog.
  server.pause();
  await using first = await dial(server);
  for (let i = 0; i < 20; i++) {
    const socket = connect(server.addr.port, "127.0.0.1");
    await once(socket, "connect");
    socket.resetAndDestroy();
    await once(socket, "close");
  }
  await using last = await dial(server);
  server.resume();
  assertEquals(await ask(first, "1"), "1");
  assertEquals(await ask(last, "2"), "2");
  // After each of those, accepting pauses.
  assertEquals(events.filter((type) => type === "accept-error"), []);
});

Deno.test("stats() counts connections and bytes", async () => {
  await using server = serveTcp({}, echo);
  const conn = await dial(server);
  assertEquals(await ask(conn, "12345"), "12345");
  assertEquals(server.stats().active, 1);
  await conn.close();
  await until(() => server.stats().active === 0);
  assertEquals(server.stats(), {
    accepted: 1,
    active: 0,
    refused: 0,
    failed: 0,
    bytesRead: 6,
    bytesWritten: 6,
  });
});

Deno.test("shutdown() drains idle and working handlers, and the port is free at once", async () => {
  const server = serveTcp({}, async (conn, { signal }) => {
    for await (const line of conn.lines()) {
      await delay(150);
      await conn.write(`${line} ${signal.aborted}\n`);
    }
  });
  await using idle = await dial(server);
  await using working = await dial(server);
  await working.write("work\n");
  await until(() => server.stats().active === 2 && server.stats().bytesRead === 5);
  const started = performance.now();
  const report = await server.shutdown();
  assertEquals(report, { drained: 2, forced: 0, refused: 0 });
  assert(performance.now() - started < 2000, "as long as the deadline");
  assertEquals(await working.readLine(), "work true");
  assertEquals(await working.readLine(), null);
  assertEquals(await idle.readLine(), null);
  await server.finished;
  await using again = serveTcp({ port: server.addr.port }, echo);
  await using conn = await dial(again);
  assertEquals(await ask(conn, "again"), "again");
});

Deno.test("shutdown() cuts what is stuck at the deadline, handlers that never end included", async () => {
  const server = serveTcp({}, () => new Promise<void>(() => {}));
  await using stuck = await dial(server);
  await until(() => server.stats().active === 1);
  const started = performance.now();
  assertEquals(await server.shutdown({ deadline: 100 }), { drained: 0, forced: 1, refused: 0 });
  assert(performance.now() - started >= 95, "did not wait");
  const end = await stuck.readLine({ timeout: 30_000 }).catch((error: NetError) => error.kind);
  assert(end === null || end === "reset", `${end}`);
});

Deno.test("shutdown() waits for a handler whose connection is gone, but not beyond the deadline", async () => {
  const work = Promise.withResolvers<void>();
  const server = serveTcp({}, async (conn) => {
    await conn.close();
    await work.promise;
  });
  {
    await using conn = await connectTcp({ port: server.addr.port });
    assertEquals(await conn.readChunk(), null);
  }
  await until(() => server.stats().active === 0);
  let over = false;
  const stopping = server.shutdown({ deadline: 60_000 }).then((report) => {
    over = true;
    return report;
  });
  await delay(50);
  assertEquals(over, false);
  work.resolve();
  assertEquals(await stopping, { drained: 0, forced: 0, refused: 0 });

  const stuck = serveTcp({}, async (conn) => {
    await conn.close();
    await new Promise(() => {});
  });
  await using conn = await connectTcp({ port: stuck.addr.port });
  assertEquals(await conn.readChunk(), null);
  await stuck.shutdown({ deadline: 50 });
});

Deno.test("a second shutdown() brings the deadline forward and gives the same report", async () => {
  const server = serveTcp({}, () => new Promise<void>(() => {}));
  await using _stuck = await dial(server);
  await until(() => server.stats().active === 1);
  const first = server.shutdown({ deadline: 60_000 });
  const second = server.shutdown({ deadline: 10 });
  assertEquals(await first, { drained: 0, forced: 1, refused: 0 });
  assertEquals(await second, await first);
  assertEquals(await server.shutdown(), await first);
});

Deno.test("the signal option shuts the server down", async () => {
  const stop = new AbortController();
  const server = serveTcp({ signal: stop.signal }, echo);
  await using conn = await dial(server);
  assertEquals(await ask(conn, "x"), "x");
  stop.abort();
  await server.finished;
  assertEquals(await conn.readLine({ timeout: 30_000 }), null);
  const dead = serveTcp({ signal: stop.signal }, echo);
  await dead.finished;
});

Deno.test("shutdown() under full load answers what it has taken and leaks nothing", async () => {
  const server = serveTcp({}, echo);
  const clients = await Promise.all(Array.from({ length: 50 }, () => dial(server)));
  let answered = 0;
  const running = clients.map(async (conn) => {
    try {
      while (await ask(conn, "load") === "load") answered++;
    } catch (error) {
      assert(error instanceof NetError, `${error}`);
    }
    await conn.close();
  });
  await until(() => server.stats().active === 50 && answered > 0);
  const report = await server.shutdown({ deadline: 5000 });
  await Promise.all(running);
  assert(answered > 0);
  assertEquals(report, { drained: 50, forced: 0, refused: 0 });
});

Deno.test("a connection that dies frees its slot though the handler never ends", async () => {
  await using server = serveTcp({ maxConnections: 1, idleTimeout: 100 }, async (conn) => {
    await conn.readLine().catch(() => {});
    await new Promise(() => {});
  });
  for (let i = 0; i < 2; i++) {
    await using conn = await dial(server);
    assertEquals(await conn.readLine({ timeout: 30_000 }).catch(() => null), null);
  }
  await until(() => server.stats().accepted === 2);
});

Deno.test("an onListen that throws leaves nothing that listens", async () => {
  let port = 0;
  const onListen = (addr: Deno.NetAddr) => {
    port = addr.port;
    throw new Error("mine");
  };
  assertThrows(() => serveTcp({ onListen }, () => {}), Error, "mine");
  const error = await assertRejects(() => connectTcp({ port }), NetError);
  assertEquals(error.kind, "refused");
});

Deno.test("the server survives running out of descriptors and goes on afterwards", async () => {
  const script = `
    import { serveTcp } from "${new URL("../../../net/tcp/server.ts", import.meta.url)}";
    let failures = 0;
    const server = serveTcp({
      onEvent: (e) => { if (e.type === "accept-error" && failures++ === 0) console.log(e.error.kind); },
    }, async (conn) => { for await (const line of conn.lines()) await conn.write(line + "\\n"); });
    console.log(server.addr.port);
  `;
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/server.ts`, script);
    const deno = Deno.execPath();
    const command = `ulimit -n 64; exec "${deno}" run -q ${CONFIG.join(" ")} --no-check ` +
      `--allow-net=127.0.0.1 "${dir}/server.ts"`;
    const child = new Deno.Command("sh", {
      args: ["-c", command],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const out = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const port = Number((await out.read()).value);
    const clients: Connection[] = [];
    for (let i = 0; i < 100; i++) clients.push(await connectTcp({ port, lingerTimeout: 0 }));
    assertEquals((await out.read()).value?.trim(), "descriptor-limit");
    assertEquals(await ask(clients[0]!, "held"), "held");
    for (const conn of clients) await conn.close();
    await using late = await connectTcp({ port });
    assertEquals(await ask(late, "after"), "after");
    await out.cancel();
    child.kill("SIGKILL");
    await child.status;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
