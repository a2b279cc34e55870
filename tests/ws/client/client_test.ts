import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { delay } from "@std/async/delay";
import { NetError } from "../../../net/errors/errors.ts";
import { connectWebSocket } from "../../../ws/client/client.ts";
import type { ReconnectEvent } from "../../../ws/client/options.ts";
import type { WsConnection } from "../../../ws/connection/connection.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { echo, RawPeer, serve, until } from "../../_support/ws_peers.ts";

/** A TCP server of which each connection is given to `answer`. */
function listen(answer: (conn: Deno.TcpConn) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const running: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const conn of listener) {
      running.push(
        answer(conn).catch(() => {}).finally(() => {
          try {
            conn.close();
          } catch { /* It is closed. */ }
        }),
      );
    }
  })();
  return {
    url: `ws://127.0.0.1:${listener.addr.port}/`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(running);
    },
  };
}

async function failure(url: string, options = {}): Promise<NetError> {
  return await assertRejects(() => connectWebSocket(url, options), NetError);
}

Deno.test("a refused port, an unknown name and a black hole are told apart", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  taken.close();
  const refused = await failure(`ws://127.0.0.1:${port}`);
  assertEquals([refused.kind, refused.retryable], ["refused", true]);
  assertMatch(refused.message, new RegExp(`127\\.0\\.0\\.1:${port}`));
  assertEquals((await failure("ws://nothing.invalid")).kind, "dns");
  await using silent = listen(async (conn) => {
    while (await conn.read(new Uint8Array(1000)) !== null);
  });
  const late = await failure(silent.url, { timeout: 50 });
  assertEquals([late.kind, late.phase], ["timeout", "connect"]);
});

Deno.test("what is no WebSocket is told with its status", async () => {
  for (const status of [200, 401, 404, 503]) {
    await using server = listen(async (conn) => {
      await conn.read(new Uint8Array(2000));
      await conn.write(
        new TextEncoder().encode(
          `HTTP/1.1 ${status} Whatever\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
        ),
      );
    });
    const error = await failure(server.url);
    assertEquals([error.kind, error.code], ["protocol", `${status}`]);
    assertEquals(error.retryable, status === 503);
  }
});

Deno.test("what is no HTTP at all, or ends in the middle, is an error of the protocol or the line", async () => {
  for (const answer of ["SSH-2.0-OpenSSH_9.6\r\n", "HTTP/1.1 101 Sw", ""]) {
    await using server = listen(async (conn) => {
      await conn.read(new Uint8Array(2000));
      if (answer !== "") await conn.write(new TextEncoder().encode(answer));
    });
    const error = await failure(server.url, { timeout: 5000 });
    assert(["protocol", "truncated", "reset", "closed"].includes(error.kind), `${error.kind}`);
    assertEquals(error.kind === "timeout", false);
  }
});

Deno.test("a server that switches to another protocol, or to none, is an error of the protocol", async () => {
  for (const line of ["Upgrade: h2c\r\nConnection: Upgrade", "Upgrade: websocket", "X: y"]) {
    await using server = listen(async (conn) => {
      await conn.read(new Uint8Array(2000));
      await conn.write(new TextEncoder().encode(`HTTP/1.1 101 Switching\r\n${line}\r\n\r\n`));
    });
    const error = await failure(server.url);
    assertEquals([error.kind, error.phase], ["protocol", "handshake"]);
    assertMatch(error.message, /switches to no WebSocket$/);
  }
});

Deno.test("a certificate that nobody vouches for is refused, an own authority trusted", async () => {
  const { ca, good } = await testCertificates();
  await using server = serve({ cert: good.cert, key: good.key });
  assertMatch(server.url, /^wss:/);
  const error = await failure(server.url);
  assertEquals(error.kind, "tls");
  await using conn = await connectWebSocket(server.url, { caCerts: [ca] });
  await conn.send("secret");
  assertEquals(await conn.receive({ timeout: 5000 }), "secret");
});

Deno.test("a signal gives up dialling and what is open", async () => {
  await using silent = listen(async (conn) => {
    while (await conn.read(new Uint8Array(1000)) !== null);
  });
  const controller = new AbortController();
  const dialling = connectWebSocket(silent.url, { signal: controller.signal });
  await delay(20);
  controller.abort(new Error("enough"));
  await assertRejects(() => dialling, Error, "enough");
  await assertRejects(
    () => connectWebSocket(silent.url, { signal: AbortSignal.abort(new Error("before")) }),
    Error,
    "before",
  );
});

Deno.test("a URL or a subprotocol that is no use is refused before anything is dialled", async () => {
  await assertRejects(() => connectWebSocket("nonsense"), TypeError, `"nonsense"`);
  await assertRejects(() => connectWebSocket("ftp://a.test"), TypeError, "ws: or wss:");
  await assertRejects(
    () => connectWebSocket("ws://127.0.0.1:1", { protocols: ["a b"] }),
    TypeError,
    "Cannot open ws://127.0.0.1:1/",
  );
  await assertRejects(() => connectWebSocket("ws://127.0.0.1:1", { timeout: -1 }), RangeError);
});

Deno.test("how the server ended is told by the loop, by closed and by send", async () => {
  const cases: [number[], string, number, string | undefined][] = [
    [[0x88, 2, 0x03, 0xe8], "", 1000, undefined],
    [[0x88, 4, 0x03, 0xe9, 0x62, 0x79], "by", 1001, undefined],
    [[0x88, 0], "", 1005, undefined],
    [[0x88, 4, 0x0f, 0xa1, 0x6e, 0x6f], "no", 4001, "closed"],
    [[], "", 1006, "truncated"],
  ];
  for (const [bytes, reason, code, kind] of cases) {
    await using server = listen(async (conn) => {
      await RawPeer.accept(conn);
      if (bytes.length > 0) {
        await conn.write(new Uint8Array(bytes));
        await conn.read(new Uint8Array(100));
      }
    });
    await using conn = await connectWebSocket(server.url);
    if (kind === undefined) assertEquals(await conn.receive({ timeout: 5000 }), null);
    else {
      const error = await assertRejects(() => conn.receive({ timeout: 5000 }), NetError);
      assertEquals(error.kind, kind);
    }
    const close = await conn.closed;
    assertEquals([close.code, close.reason], [code, reason]);
    assertEquals(conn.open, false);
    assertEquals(conn.trySend("x"), false);
    await assertRejects(() => conn.send("x"), NetError);
  }
});

Deno.test("a client closes with a code that it may send: 4009 for 1009", async () => {
  const { promise, resolve } = Promise.withResolvers<number | "end">();
  await using server = listen(async (conn) => {
    const raw = await RawPeer.accept(conn);
    await raw.frame(0x81, "a longer message");
    resolve(await raw.end());
  });
  await using conn = await connectWebSocket(server.url, { maxMessageSize: 5, closeTimeout: 100 });
  const error = await assertRejects(() => conn.receive({ timeout: 5000 }), NetError);
  assertEquals(error.kind, "limit");
  assertEquals(await promise, 4009);
});

Deno.test("a server that never answers the close frame is waited for closeTimeout only", async () => {
  const left = Promise.withResolvers<void>();
  await using server = listen(async (conn) => {
    await RawPeer.accept(conn);
    await left.promise;
  });
  const conn = await connectWebSocket(server.url, { closeTimeout: 50 });
  const close = await conn.close(1000, "bye");
  assertEquals([close.code, close.wasClean, close.error], [1006, false, undefined]);
  left.resolve();
  await conn.gone;
});

Deno.test("close() refuses codes and reasons that the standard has not", async () => {
  await using server = serve();
  await using conn = await connectWebSocket(server.url);
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5, NaN]) {
    assertThrows(() => void conn.close(code), RangeError, `${code}`);
  }
  assertThrows(() => void conn.close(1000, "é".repeat(62)), RangeError, "123 bytes");
  assert(conn.open);
});

Deno.test("receive() has a time limit and a signal, and loses nothing by them", async () => {
  await using server = serve();
  await using conn = await connectWebSocket(server.url);
  const late = await assertRejects(() => conn.receive({ timeout: 20 }), NetError);
  assertEquals([late.kind, late.phase], ["timeout", "read"]);
  const controller = new AbortController();
  const reading = conn.receive({ signal: controller.signal });
  await assertRejects(() => conn.receive(), TypeError, "another receive");
  controller.abort(new Error("enough"));
  await assertRejects(() => reading, Error, "enough");
  await conn.send("kept");
  assertEquals(await conn.receive({ timeout: 5000 }), "kept");
});

Deno.test("what came before the close can be received after it", async () => {
  await using server = serve({}, async (conn) => {
    for (const word of ["a", "b", "c"]) await conn.send(word);
  });
  await using conn = await connectWebSocket(server.url);
  assertEquals((await conn.closed).code, 1000);
  const got: unknown[] = [];
  for await (const message of conn) got.push(message);
  assertEquals(got, ["a", "b", "c"]);
});

Deno.test("an open signal is aborted when the connection ends", async () => {
  await using server = serve({}, async (conn) => void await conn.receive());
  await using conn = await connectWebSocket(server.url);
  const { signal } = conn;
  assertEquals(signal.aborted, false);
  await conn.send("end");
  await conn.closed;
  assert(signal.aborted);
  assert(signal.reason instanceof NetError);
});

Deno.test("reconnect: one loop over the life of all connections", async () => {
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
  assertEquals(await conn.receive({ timeout: 5000 }), "from the first");
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

Deno.test("reconnect: what an earlier connection has received is not lost by the next", async () => {
  let turn = 0;
  await using server = serve({}, async (conn) => {
    turn++;
    for (let i = 0; i < 3; i++) await conn.send(`${turn}.${i}`);
    if (turn === 1) await conn.close(1012, "restart");
    await conn.closed;
  });
  const conn = await connectWebSocket(server.url, { reconnect: { minTimeout: 1 } });
  await until(() => turn === 2 && conn.connection?.stats.unread === 3);
  const got: unknown[] = [];
  for (let i = 0; i < 6; i++) got.push(await conn.receive({ timeout: 5000 }));
  assertEquals(got, ["1.0", "1.1", "1.2", "2.0", "2.1", "2.2"]);
  const late = await assertRejects(() => conn.receive({ timeout: 20 }), NetError);
  assertEquals(late.kind, "timeout");
  await conn.close();
});

Deno.test("reconnect: ends for good on 1000 and on codes that a repetition would not mend", async () => {
  for (const [code, kind] of [[1000, undefined], [1008, "closed"], [4000, undefined]] as const) {
    let turn = 0;
    await using server = serve({}, async (conn: WsConnection) => {
      turn++;
      await conn.close(code === 4000 && turn === 2 ? 1000 : code, "why");
    });
    await using conn = await connectWebSocket(server.url, { reconnect: { minTimeout: 1 } });
    if (kind === undefined) assertEquals(await conn.receive({ timeout: 5000 }), null);
    else {
      const error = await assertRejects(() => conn.receive({ timeout: 5000 }), NetError);
      assertEquals(error.kind, kind);
    }
    assertEquals(turn, code === 4000 ? 2 : 1);
    await assertRejects(() => conn.send("x"), NetError);
  }
});

Deno.test("reconnect: gives up after maxAttempts, at once where trying again is no use", async () => {
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
  const error = await failure(`ws://127.0.0.1:${port}`, options);
  assertEquals(error.kind, "refused");
  assertEquals(seen.filter(({ type }) => type === "failed").length, 3);
  const waits = seen.filter((event) => event.type === "waiting");
  assertEquals(waits.length, 2);
  assert(waits.every(({ wait }, i) => wait <= 2 ** i && wait >= 2 ** i / 2));
  await using server = serve({ authorize: () => new Response("no", { status: 401 }) });
  assertEquals((await failure(server.url, options)).code, "401");
  assertEquals(server.stats().refused, 1);
});

Deno.test("reconnect: maxAttempts counts connections that do not last", async () => {
  let opened = 0;
  for (const [code, words] of [[1001, "given up after 3"], [1011, "closed with 1011"]] as const) {
    opened = 0;
    await using server = serve({}, async (conn) => {
      opened++;
      await conn.close(code);
    });
    const reconnect = { minTimeout: 1, maxAttempts: 3, stableAfter: 60_000 };
    await using conn = await connectWebSocket(server.url, { reconnect });
    await assertRejects(() => conn.receive({ timeout: 5000 }), NetError, words);
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

Deno.test("reconnect: keep bounds what waits, and without it send() rejects", async () => {
  const first = serve();
  await using conn = await connectWebSocket(first.url, { reconnect: { minTimeout: 10_000 } });
  await using keeping = await connectWebSocket(first.url, {
    reconnect: { minTimeout: 10_000, keep: 5 },
  });
  await first.shutdown();
  await until(() => !conn.open && !keeping.open);
  const lost = await assertRejects(() => conn.send("x"), NetError, "with keep");
  assertEquals(lost.kind, "closed");
  await keeping.send("12345");
  assertEquals((await assertRejects(() => keeping.send("6"), NetError)).kind, "limit");
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => keeping.send("", { signal }), Error, "enough");
});

Deno.test("reconnect: a resume that fails is tried again; a signal ends it", async () => {
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
  assertEquals(await conn.receive({ timeout: 5000 }), null);
  await conn.closed;
});

Deno.test("reconnect: a loss ends a resume that waits for what will not come", async () => {
  let turn = 0;
  await using server = serve({}, async (conn) => {
    if (++turn === 1) await conn.close(1012);
    await conn.closed;
  });
  const resume = () => turn === 1 ? new Promise(() => {}) : undefined;
  await using conn = await connectWebSocket(server.url, { reconnect: { minTimeout: 1, resume } });
  assertEquals([turn, conn.open], [2, true]);
});

Deno.test("reconnect: a login that is refused while it resumes is not repeated", async () => {
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

Deno.test("reconnect: says that it waits for a reader that is eight connections behind", async () => {
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
  for (let i = 1; i <= 9; i++) assertEquals(await conn.receive({ timeout: 5000 }), `${i}`);
});

Deno.test("reconnect: nonsense is refused", async () => {
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

Deno.test("a login in the URL is sent, and shown nowhere", async () => {
  await using server = serve({}, (conn) => conn.send(conn.headers.get("authorization")!));
  const url = server.url.replace("ws://", "ws://ada:secret@");
  await using conn = await connectWebSocket(url);
  assertEquals(await conn.receive({ timeout: 5000 }), `Basic ${btoa("ada:secret")}`);
  await using lasting = await connectWebSocket(url, { reconnect: true });
  assertEquals([conn.url, lasting.url], [`${server.url}/`, `${server.url}/`]);
  await using refusing = serve({ authorize: () => new Response("no", { status: 401 }) });
  const error = await failure(refusing.url.replace("ws://", "ws://ada:secret@"));
  assertEquals(
    error.message,
    `Cannot open ${refusing.url}/: the server answered 401, no WebSocket`,
  );
});

Deno.test("caCerts that are no certificates are refused before anything is dialled", async () => {
  const options = { caCerts: ["nope"] };
  await assertRejects(() => connectWebSocket("wss://127.0.0.1:1", options), TypeError, "caCerts");
});

Deno.test("one subprotocol may be given without a list", async () => {
  await using server = serve({ protocols: ["chat"] });
  await using conn = await connectWebSocket(server.url, { protocols: "chat" });
  assertEquals(conn.protocol, "chat");
});

Deno.test("header fields that are none are a TypeError", async () => {
  await using server = serve();
  for (const [name, value] of [["x", "a\r\nb: c"], ["x\r\n", "a"]] as const) {
    const headers = { [name]: value };
    await assertRejects(() => connectWebSocket(server.url, { headers }), TypeError, "Cannot open");
  }
});

Deno.test("reconnect: close() and a signal end a resume that never does", async () => {
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

Deno.test("a server that chooses a subprotocol which was not offered is refused", async () => {
  const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
  await using server = Deno.serve(options, (request) => {
    const { response } = Deno.upgradeWebSocket(request);
    response.headers.set("sec-websocket-protocol", "other");
    return response;
  });
  const url = `ws://127.0.0.1:${server.addr.port}`;
  for (const protocols of [undefined, "mine", ["mine", "yours"]]) {
    const dialling = connectWebSocket(url, { ...(protocols && { protocols }) });
    const error = await assertRejects(() => dialling, NetError, "not offered");
    assertEquals(error.kind, "protocol");
  }
});

Deno.test("Deno's client looks neither at the accept field nor at extensions, as documented", async () => {
  await using server = listen(async (conn) => {
    await conn.read(new Uint8Array(2000));
    const head = [
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
      "Sec-WebSocket-Extensions: permessage-deflate",
      "\r\n",
    ];
    await conn.write(new TextEncoder().encode(head.join("\r\n")));
    await conn.read(new Uint8Array(2000));
  });
  await using conn = await connectWebSocket(server.url, { closeTimeout: 50 });
  assert(conn.open);
});
