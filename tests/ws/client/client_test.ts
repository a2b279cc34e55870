import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { delay } from "@std/async/delay";
import { NetError } from "../../../net/errors/errors.ts";
import { connectWebSocket } from "../../../ws/client/client.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { RawPeer, serve, until } from "../../_support/ws_peers.ts";

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

Deno.test("a server without a WebSocket is reported with its status", async () => {
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
    const error = await failure(server.url, { timeout: 30_000 });
    assert(["protocol", "truncated", "reset", "closed"].includes(error.kind), `${error.kind}`);
    assertEquals(error.kind === "timeout", false);
  }
});

Deno.test("a server that ends or resets at any byte of its answer is an error that can be retried", async () => {
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  const answer = new TextEncoder().encode(
    "HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" +
      `Connection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
  );
  let size = 0;
  await using server = listen(async (conn) => {
    // A server that has not read everything resets the connection.
    await conn.read(new Uint8Array(size % 2 === 1 ? 1 : 2000));
    await conn.write(answer.subarray(0, size));
  });
  for (; size < answer.length; size += 3) {
    const error = await failure(server.url, { timeout: 30_000 });
    assert(["truncated", "reset", "closed"].includes(error.kind), `${size}: ${error}`);
    assert(error.retryable || error.kind === "closed", `${size}: ${error}`);
  }
});

Deno.test("an answer in single bytes opens the WebSocket, and one without an end is limited", async () => {
  await using slow = listen(async (conn) => {
    conn.setNoDelay();
    const write = conn.write.bind(conn);
    conn.write = async (bytes) => {
      for (const byte of bytes) await write(Uint8Array.of(byte));
      return bytes.length;
    };
    const raw = await RawPeer.accept(conn, [0x81, 2, 0x68, 0x69]);
    await raw.end();
  });
  await using conn = await connectWebSocket(slow.url);
  assertEquals(await conn.receive({ timeout: 30_000 }), "hi");
  await conn.close();
  await using endless = listen(async (conn) => {
    const line = new TextEncoder().encode(`X: ${"y".repeat(1000)}\r\n`);
    await conn.write(new TextEncoder().encode("HTTP/1.1 101 Yes\r\n"));
    while (await conn.write(line) > 0);
  });
  const error = await failure(endless.url);
  assertEquals([error.kind, error.phase], ["protocol", "handshake"]);
});

Deno.test("a server that switches to another protocol, or to none, is a protocol error", async () => {
  for (const line of ["Upgrade: h2c\r\nConnection: Upgrade", "Upgrade: websocket", "X: y"]) {
    await using server = listen(async (conn) => {
      await conn.read(new Uint8Array(2000));
      await conn.write(new TextEncoder().encode(`HTTP/1.1 101 Switching\r\n${line}\r\n\r\n`));
    });
    const error = await failure(server.url);
    assertEquals([error.kind, error.phase], ["protocol", "handshake"]);
    assertMatch(error.message, /switched to another protocol$/);
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
  assertEquals(await conn.receive({ timeout: 30_000 }), "secret");
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

Deno.test("an invalid URL or subprotocol is rejected before the client connects", async () => {
  await assertRejects(() => connectWebSocket("nonsense"), TypeError, `"nonsense"`);
  await assertRejects(() => connectWebSocket("ftp://a.test"), TypeError, "ws: or wss:");
  await assertRejects(
    () => connectWebSocket("ws://127.0.0.1:1", { protocols: ["a b"] }),
    TypeError,
    "Cannot open ws://127.0.0.1:1/",
  );
  await assertRejects(() => connectWebSocket("ws://127.0.0.1:1", { timeout: -1 }), RangeError);
});

Deno.test("the loop, closed and send report the end of the server", async () => {
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
    if (kind === undefined) assertEquals(await conn.receive({ timeout: 30_000 }), null);
    else {
      const error = await assertRejects(() => conn.receive({ timeout: 30_000 }), NetError);
      assertEquals(error.kind, kind);
    }
    const close = await conn.closed;
    assertEquals([close.code, close.reason], [code, reason]);
    assertEquals(conn.open, false);
    assertEquals(conn.trySend("x"), false);
    await assertRejects(() => conn.send("x"), NetError);
  }
});

Deno.test("a client closes with 1009 before a message that is too large has arrived", async () => {
  const { promise, resolve } = Promise.withResolvers<number | "end">();
  await using server = listen(async (conn) => {
    const raw = await RawPeer.accept(conn);
    // The head of a frame of 2 GiB; its payload never follows.
    await raw.write(new Uint8Array([0x82, 127, 0, 0, 0, 0, 0x80, 0, 0, 0]));
    resolve(await raw.end());
  });
  await using conn = await connectWebSocket(server.url, { maxMessageSize: 5, closeTimeout: 100 });
  const error = await assertRejects(() => conn.receive({ timeout: 30_000 }), NetError);
  assertEquals(error.kind, "limit");
  assertEquals(await promise, 1009);
});

Deno.test("close() waits at most closeTimeout for a server that does not answer", async () => {
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

Deno.test("close() rejects codes and reasons that the standard does not allow", async () => {
  await using server = serve();
  await using conn = await connectWebSocket(server.url);
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5, NaN]) {
    assertThrows(() => void conn.close(code), RangeError, `${code}`);
  }
  assertThrows(() => void conn.close(1000, "é".repeat(62)), RangeError, "123 bytes");
  assert(conn.open);
});

Deno.test("receive() has a time limit and a signal, and loses no message", async () => {
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
  assertEquals(await conn.receive({ timeout: 30_000 }), "kept");
});

Deno.test("messages from before the close can be received after it", async () => {
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

Deno.test("credentials in the URL are sent, and never shown", async () => {
  await using server = serve({}, (conn) => conn.send(conn.headers.get("authorization")!));
  const url = server.url.replace("ws://", "ws://ada:secret@");
  await using conn = await connectWebSocket(url);
  assertEquals(await conn.receive({ timeout: 30_000 }), `Basic ${btoa("ada:secret")}`);
  await using lasting = await connectWebSocket(url, { reconnect: true });
  assertEquals([conn.url, lasting.url], [`${server.url}/`, `${server.url}/`]);
  await using refusing = serve({ authorize: () => new Response("no", { status: 401 }) });
  const error = await failure(refusing.url.replace("ws://", "ws://ada:secret@"));
  assertEquals(
    error.message,
    `Cannot open ${refusing.url}/: the server answered 401, no WebSocket`,
  );
});

Deno.test("invalid caCerts are rejected before the client connects", async () => {
  const options = { caCerts: ["nope"] };
  await assertRejects(() => connectWebSocket("wss://127.0.0.1:1", options), TypeError, "caCerts");
});

Deno.test("one subprotocol may be given without a list", async () => {
  await using server = serve({ protocols: ["chat"] });
  await using conn = await connectWebSocket(server.url, { protocols: "chat" });
  assertEquals(conn.protocol, "chat");
});

Deno.test("invalid header fields are a TypeError", async () => {
  await using server = serve();
  for (const [name, value] of [["x", "a\r\nb: c"], ["x\r\n", "a"]] as const) {
    const headers = { [name]: value };
    await assertRejects(() => connectWebSocket(server.url, { headers }), TypeError, "Cannot open");
  }
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

Deno.test("a masked frame of a server ends the connection with 1002", async () => {
  const { promise, resolve } = Promise.withResolvers<number | "end">();
  await using server = listen(async (conn) => {
    const raw = await RawPeer.accept(conn);
    await raw.frame(0x81, "hidden", true);
    resolve(await raw.end());
  });
  await using conn = await connectWebSocket(server.url, { closeTimeout: 100 });
  const error = await assertRejects(() => conn.receive({ timeout: 30_000 }), NetError);
  assertEquals([error.kind, error.code, await promise], ["protocol", "1002", 1002]);
});

Deno.test("each frame of a client has a mask of its own", async () => {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  await using server = listen(async (conn) => {
    await RawPeer.accept(conn);
    const bytes = new Uint8Array(7 * 5);
    for (let at = 0; at < bytes.length;) at += await conn.read(bytes.subarray(at)) ?? 99;
    resolve(bytes);
  });
  await using conn = await connectWebSocket(server.url, { closeTimeout: 100 });
  for (let i = 0; i < 5; i++) await conn.send("a");
  const bytes = await promise;
  const keys = new Set<string>();
  for (let at = 0; at < bytes.length; at += 7) {
    assertEquals([bytes[at], bytes[at + 1]], [0x81, 0x81]);
    keys.add(bytes.subarray(at + 2, at + 6).join());
    assertEquals(bytes[at + 6]! ^ bytes[at + 2]!, 0x61);
  }
  assertEquals(keys.size, 5);
});

Deno.test("a frame right behind the response is not lost", async () => {
  await using server = listen(async (conn) => {
    const raw = await RawPeer.accept(conn, [0x81, 2, 0x68, 0x69]);
    await raw.end();
  });
  await using conn = await connectWebSocket(server.url);
  assertEquals(await conn.receive({ timeout: 30_000 }), "hi");
});

Deno.test("pingInterval finds a server that is gone, and a pong keeps a silent one", async () => {
  await using silent = listen(async (conn) => {
    await RawPeer.accept(conn);
    while (await conn.read(new Uint8Array(1000)) !== null);
  });
  await using lost = await connectWebSocket(silent.url, { pingInterval: 20, closeTimeout: 50 });
  assertEquals((await lost.closed).error?.kind, "timeout");
  await using server = serve();
  await using conn = await connectWebSocket(server.url, { pingInterval: 5 });
  await until(() => conn.stats().latency !== undefined);
  assert(conn.open);
});

Deno.test("the client reads no more than it has room for", async () => {
  const part = "x".repeat(64 * 1024);
  let sent = 0;
  await using server = serve({ outbox: { limit: 1 } }, async (conn) => {
    for (; sent < 400; sent++) await conn.send(part);
    await conn.closed;
  });
  await using conn = await connectWebSocket(server.url, { inbox: { limit: 2 } });
  assertEquals(await conn.receive({ timeout: 30_000 }), part);
  const before = conn.stats().unread;
  assert(before <= 3, `${before} messages wait`);
  for (let i = 1; i < 400; i++) assertEquals(await conn.receive({ timeout: 30_000 }), part);
  assert(conn.open);
});

Deno.test("errors and causes of the client do not show the query", async () => {
  await using refusing = serve({ authorize: () => new Response("no", { status: 403 }) });
  await using silent = listen(async (conn) => {
    while (await conn.read(new Uint8Array(1000)) !== null);
  });
  using taken = Deno.listen({ hostname: "127.0.0.9", port: 0 });
  const { port } = taken.addr;
  taken.close();
  const query = "?token=s3cret";
  const failures = [
    failure(`${refusing.url}/chat${query}`),
    failure(`${silent.url}chat${query}`, { timeout: 50 }),
    failure(`ws://127.0.0.9:${port}/${query}`),
    failure(`ws://127.0.0.9:${port}/${query}`, { reconnect: { maxAttempts: 1 } }),
    failure(`ws://nothing.invalid/${query}`),
  ];
  for (const error of await Promise.all(failures)) {
    assert(!Deno.inspect(error).includes("s3cret"), error.message);
  }
  for (const url of [`ftp://a.test/${query}`, `ws://ada:s3cret@a b/${query}`, `nonsense${query}`]) {
    const error = await assertRejects(() => connectWebSocket(url), TypeError);
    assert(!error.message.includes("s3cret"), error.message);
  }
  await using server = serve();
  await using lasting = await connectWebSocket(`${server.url}/${query}`, { reconnect: true });
  assertEquals(lasting.url, `${server.url}/${query}`);
  await server.shutdown();
  await until(() => !lasting.open);
  const error = await assertRejects(() => lasting.send("x"), NetError);
  assert(!Deno.inspect(error).includes("s3cret"), error.message);
});

Deno.test("a message between 1,100 and 16,384 bytes has no delay", async () => {
  await using server = serve();
  await using conn = await connectWebSocket(server.url);
  const message = "x".repeat(4096);
  const since = performance.now();
  for (let i = 0; i < 50; i++) {
    await conn.send(message);
    await conn.receive({ timeout: 30_000 });
  }
  // With Nagle's algorithm, one round trip takes 40 ms.
  assert(performance.now() - since < 50 * 20);
});
