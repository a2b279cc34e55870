import { assert, assertEquals, assertRejects } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { connectWebSocket } from "../../../ws/client/client.ts";
import type { ReconnectEvent } from "../../../ws/client/options.ts";
import type { WsConnection } from "../../../ws/connection/connection.ts";
import { echo, serve, until } from "../../_support/ws_peers.ts";

Deno.test("reconnect: one loop reads the messages of all connections", async () => {
  const events: string[] = [];
  let server = serve({}, async (conn) => {
    await conn.send("from the first");
    await conn.closed;
  });
  const { port } = server.addr;
  await using conn = await connectWebSocket(server.url, {
    reconnect: {
      minTimeout: 10,
      maxTimeout: 20,
      keep: 1000,
      resume: (open, again) => open.send(again ? "again" : "first"),
      onEvent: (event: ReconnectEvent) => void events.push(event.type),
    },
  });
  assert(conn.open);
  assertEquals(await conn.receive({ timeout: 30_000 }), "from the first");
  const gone = conn.closed;
  await server.shutdown();
  await until(() => !conn.open);
  await conn.send("over the gap");
  const got: unknown[] = [];
  server = serve({ port }, async (open) => {
    got.push(await open.receive(), await open.receive());
    await open.send("from the second");
    await open.closed;
  });
  assertEquals(await conn.receive({ timeout: 10_000 }), "from the second");
  assertEquals(got, ["again", "over the gap"]);
  assertEquals([events[0], events[1]], ["open", "lost"]);
  assertEquals(events.at(-1), "open");
  await conn.close();
  assertEquals((await gone).code, 1000);
  assertEquals(await conn.receive(), null);
  await server.shutdown();
});

Deno.test("reconnect: messages of an earlier connection are not lost", async () => {
  let turn = 0;
  await using server = serve({}, async (conn) => {
    turn++;
    for (let i = 0; i < 3; i++) await conn.send(`${turn}.${i}`);
    if (turn === 1) await conn.close(1012, "restart");
    await conn.closed;
  });
  const conn = await connectWebSocket(server.url, { reconnect: { minTimeout: 1 } });
  await until(() => turn === 2 && conn.connection?.stats().unread === 3);
  const got: unknown[] = [];
  for (let i = 0; i < 6; i++) got.push(await conn.receive({ timeout: 30_000 }));
  assertEquals(got, ["1.0", "1.1", "1.2", "2.0", "2.1", "2.2"]);
  const late = await assertRejects(() => conn.receive({ timeout: 20 }), NetError);
  assertEquals(late.kind, "timeout");
  await conn.close();
});

Deno.test("reconnect: stops after 1000 and after codes for a fault of this side", async () => {
  for (const [code, kind] of [[1000, undefined], [1008, "closed"], [4000, undefined]] as const) {
    let turn = 0;
    await using server = serve({}, async (conn: WsConnection) => {
      turn++;
      await conn.close(code === 4000 && turn === 2 ? 1000 : code, "why");
    });
    await using conn = await connectWebSocket(server.url, { reconnect: { minTimeout: 1 } });
    if (kind === undefined) assertEquals(await conn.receive({ timeout: 30_000 }), null);
    else {
      const error = await assertRejects(() => conn.receive({ timeout: 30_000 }), NetError);
      assertEquals(error.kind, kind);
    }
    assertEquals(turn, code === 4000 ? 2 : 1);
    await assertRejects(() => conn.send("x"), NetError);
  }
});

Deno.test("reconnect: stops after maxAttempts, or at once if another attempt is useless", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  taken.close();
  const seen: ReconnectEvent[] = [];
  const options = {
    reconnect: {
      minTimeout: 1,
      maxAttempts: 3,
      onEvent: (event: ReconnectEvent) => void seen.push(event),
    },
  };
  const error = await assertRejects(
    () => connectWebSocket(`ws://127.0.0.1:${port}`, options),
    NetError,
  );
  assertEquals(error.kind, "refused");
  assertEquals(seen.filter(({ type }) => type === "failed").length, 3);
  const waits = seen.filter((event) => event.type === "waiting");
  assertEquals(waits.length, 2);
  assert(waits.every(({ wait }, i) => wait <= 2 ** i && wait >= 2 ** i / 2));
  await using server = serve({ authorize: () => new Response("no", { status: 401 }) });
  assertEquals(
    (await assertRejects(() => connectWebSocket(server.url, options), NetError)).code,
    "401",
  );
  assertEquals(server.stats().refused, 1);
});

Deno.test("reconnect: maxAttempts counts short connections", async () => {
  let opened = 0;
  const ends = [[1001, "after 3 short connections"], [1011, "closed with 1011"]] as const;
  for (const [code, words] of ends) {
    opened = 0;
    await using server = serve({}, async (conn) => {
      opened++;
      await conn.close(code);
    });
    const reconnect = { minTimeout: 1, maxAttempts: 3, stableAfter: 60_000 };
    await using conn = await connectWebSocket(server.url, { reconnect });
    await assertRejects(() => conn.receive({ timeout: 30_000 }), NetError, words);
    assertEquals([opened, (await conn.closed).code], [3, code]);
  }
  await using server = serve({}, async (conn) => {
    if (++opened < 9) await conn.close(1001);
    await conn.closed;
  });
  const reconnect = { minTimeout: 1, maxAttempts: 1, stableAfter: 0 };
  await using _conn = await connectWebSocket(server.url, { reconnect });
  await until(() => opened === 9);
});

Deno.test("reconnect: keep limits the kept messages, and without it send() rejects", async () => {
  const first = serve();
  await using conn = await connectWebSocket(first.url, { reconnect: { minTimeout: 10_000 } });
  await using keeping = await connectWebSocket(first.url, {
    reconnect: { minTimeout: 10_000, keep: 5 },
  });
  await first.shutdown();
  await until(() => !conn.open && !keeping.open);
  const lost = await assertRejects(() => conn.send("x"), NetError, "the option keep");
  assertEquals(lost.kind, "closed");
  await keeping.send("12345");
  assertEquals((await assertRejects(() => keeping.send("6"), NetError)).kind, "limit");
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => keeping.send("", { signal }), Error, "enough");
});

Deno.test("reconnect: a failed resume is repeated until the signal is aborted", async () => {
  await using server = serve({}, echo);
  let turn = 0;
  const controller = new AbortController();
  await using conn = await connectWebSocket(server.url, {
    signal: controller.signal,
    reconnect: {
      minTimeout: 1,
      resume: () => {
        if (++turn < 3) throw new NetError("not yet", { kind: "closed" });
      },
    },
  });
  assertEquals(turn, 3);
  controller.abort();
  assertEquals(await conn.receive({ timeout: 30_000 }), null);
  await conn.closed;
});

Deno.test("reconnect: a lost connection ends a resume that waits for a message", async () => {
  let turn = 0;
  await using server = serve({}, async (conn) => {
    if (++turn === 1) await conn.close(1012);
    await conn.closed;
  });
  const resume = () => turn === 1 ? new Promise(() => {}) : undefined;
  await using conn = await connectWebSocket(server.url, { reconnect: { minTimeout: 1, resume } });
  assertEquals([turn, conn.open], [2, true]);
});

Deno.test("reconnect: a refused login in resume is not repeated", async () => {
  let turn = 0;
  await using server = serve({}, async (conn) => {
    turn++;
    await conn.receive();
    await conn.close(1008, "wrong password");
  });
  const resume = async (conn: WsConnection) => {
    await conn.send("login");
    await conn.receive();
  };
  const reconnect = { minTimeout: 1, resume };
  const dialling = connectWebSocket(server.url, { reconnect });
  const error = await assertRejects(() => dialling, NetError, "wrong password");
  assertEquals([error.kind, turn], ["closed", 1]);
});

Deno.test("reconnect: an event reports a reader that is eight connections behind", async () => {
  let turn = 0;
  await using server = serve({}, async (conn) => {
    await conn.send(`${++turn}`);
    await conn.close(1012);
  });
  const seen: ReconnectEvent[] = [];
  await using conn = await connectWebSocket(server.url, {
    reconnect: { minTimeout: 1, maxTimeout: 1, onEvent: (event) => seen.push(event) },
  });
  await until(() => seen.some((event) => event.type === "waiting" && event.wait === Infinity));
  assertEquals(turn, 8);
  for (let i = 1; i <= 9; i++) assertEquals(await conn.receive({ timeout: 30_000 }), `${i}`);
});

Deno.test("reconnect: invalid options are rejected", async () => {
  const nonsense = [
    { jitter: NaN },
    { jitter: -0.1 },
    { minTimeout: -1 },
    { maxTimeout: NaN },
    { multiplier: 0 },
    { stableAfter: -1 },
    { maxAttempts: 0 },
    { keep: 0.5 },
  ];
  for (const reconnect of nonsense) {
    const [name] = Object.keys(reconnect);
    const dialling = connectWebSocket("ws://127.0.0.1:1", { reconnect });
    await assertRejects(() => dialling, RangeError, `reconnect.${name}`);
  }
});

Deno.test("reconnect: close() and a signal end a resume that never ends", async () => {
  await using server = serve();
  for (const how of ["close", "abort"]) {
    const began = Promise.withResolvers<void>();
    const aborter = new AbortController();
    let resumed = 0;
    const following = connectWebSocket(server.url, {
      signal: aborter.signal,
      reconnect: {
        minTimeout: 1,
        shouldReconnect: () => true,
        resume: (connection) => {
          if (how === "close" && resumed++ === 0) return;
          began.resolve();
          return connection.receive().then(() => new Promise(() => {}));
        },
      },
    });
    if (how === "abort") {
      await began.promise;
      aborter.abort(new Error("enough"));
      await assertRejects(() => following, Error, "enough");
    } else {
      const conn = await following;
      await assertRejects(() => conn.close(1005), RangeError);
      for (const one of server.connections) void one.close(1011);
      await began.promise;
      await conn.close();
    }
  }
  await until(() => server.stats().active === 0);
});

Deno.test("reconnect: url, headers and protocols are called before each attempt", async () => {
  const seen: string[] = [];
  await using server = serve({ protocols: ["p1", "p2", "p3"] }, async (conn) => {
    const token = new URL(conn.url).searchParams.get("token");
    seen.push(`${token} ${conn.headers.get("x-token")} ${conn.protocol}`);
    if (seen.length < 3) await conn.close(1012);
    await conn.closed;
  });
  await using conn = await connectWebSocket(
    async ({ attempt, signal }) => {
      await Promise.resolve();
      assertEquals(signal.aborted, false);
      return `${server.url}/?token=${attempt}`;
    },
    {
      headers: ({ attempt }) => ({ "x-token": `h${attempt}` }),
      protocols: ({ attempt }) => Promise.resolve(`p${attempt}`),
      reconnect: { minTimeout: 1 },
    },
  );
  await until(() => seen.length === 3 && conn.open);
  assertEquals(seen, ["1 h1 p1", "2 h2 p2", "3 h3 p3"]);
  assertEquals(conn.url, `${server.url}/?token=3`);
});

Deno.test("reconnect: a function that fails for a while is called again, a bug ends", async () => {
  await using server = serve();
  let calls = 0;
  const url = () => {
    if (++calls < 3) throw new NetError("the token service is busy", { kind: "timeout" });
    return server.url;
  };
  await using _conn = await connectWebSocket(url, { reconnect: { minTimeout: 1 } });
  assertEquals(calls, 3);
  const bug = () => {
    calls++;
    throw new ReferenceError("token is not defined");
  };
  await assertRejects(
    () => connectWebSocket(bug, { reconnect: { minTimeout: 1 } }),
    NetError,
    "token is not defined",
  );
  assertEquals(calls, 4);
  await assertRejects(() => connectWebSocket(() => "nonsense"), TypeError, "it is not a URL");
  const endless = () => new Promise<string>(() => {});
  const late = await assertRejects(() => connectWebSocket(endless, { timeout: 20 }), NetError);
  assertEquals(late.kind, "timeout");
});

Deno.test("reconnect: Retry-After lengthens the wait, up to maxRetryAfter", async () => {
  let asked = 0;
  await using server = serve({
    authorize: () => {
      if (asked++ % 2 === 1) return undefined;
      return new Response("busy", { status: 503, headers: { "retry-after": "7" } });
    },
  });
  for (const [maxRetryAfter, expected] of [[20, 20], [0, 2], [Infinity, 7000]] as const) {
    const waits: number[] = [];
    const aborter = new AbortController();
    const connecting = connectWebSocket(server.url, {
      signal: aborter.signal,
      reconnect: {
        minTimeout: 2,
        jitter: 0,
        maxRetryAfter,
        onEvent: (event) => {
          if (event.type !== "waiting") return;
          waits.push(event.wait);
          if (event.wait > 1000) aborter.abort(new Error("enough"));
        },
      },
    });
    if (expected > 1000) await assertRejects(() => connecting, Error, "enough");
    else await (await connecting).close();
    assertEquals(waits, [expected]);
  }
});
