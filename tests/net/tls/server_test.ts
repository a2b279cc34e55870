import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import type { Connection } from "../../../net/connection/connection.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import type { ServerEvent, TcpServer } from "../../../net/tcp/server.ts";
import { connectTls, type ConnectTlsOptions } from "../../../net/tls/client.ts";
import { serveTls, type ServeTlsOptions } from "../../../net/tls/server.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { until } from "../../_support/until.ts";
import { LOOPBACK, thrown } from "../../_support/errors.ts";

async function echo(conn: Connection): Promise<void> {
  for await (const line of conn.lines()) await conn.write(`${line}\n`);
}

async function ask(conn: Connection, line: string): Promise<string | null> {
  await conn.write(`${line}\n`);
  return await conn.readLine({ timeout: 30_000 });
}

const certs = await testCertificates();

function serveGood(
  options: Partial<ServeTlsOptions> = {},
  handler: (conn: Connection) => void | Promise<void> = echo,
): TcpServer {
  const { cert, key } = certs.good;
  return serveTls({ cert, key, ...options }, handler);
}

function dial(
  server: { readonly addr: Deno.NetAddr },
  options: Partial<ConnectTlsOptions> = {},
): Promise<Connection> {
  return connectTls({ port: server.addr.port, caCerts: [certs.ca], lingerTimeout: 50, ...options });
}

/** A listener that accepts one raw connection and keeps it, doing nothing. */
class SilentServer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  readonly accepted: Promise<Deno.TcpConn> = this.#listener.accept();

  get addr(): Deno.NetAddr {
    return this.#listener.addr;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    (await this.accepted).close();
    this.#listener.close();
  }
}

Deno.test("connectTls() resolves when the handshake is done, and the certificate is verified", async () => {
  await using server = serveGood();
  assertEquals(server.url, `tls://127.0.0.1:${server.addr.port}`);
  await using conn = await dial(server);
  assertEquals(conn.tls, { alpnProtocol: null });
  assertEquals(conn.peer, `127.0.0.1:${server.addr.port}`);
  assertEquals(await ask(conn, "hello"), "hello");
});

Deno.test("connectTls() verifies localhost, and a name of its own choice", async () => {
  await using server = serveGood();
  await using named = await dial(server, { hostname: "localhost" });
  assertEquals(await ask(named, "a"), "a");
  await using chosen = await dial(server, { serverName: "localhost" });
  assertEquals(await ask(chosen, "b"), "b");
});

Deno.test("serverName is what the certificate has to bear", async () => {
  const { cert, key } = certs.wrongName;
  await using server = serveTls({ cert, key }, echo);
  await using conn = await dial(server, { serverName: "wrong.test" });
  assertEquals(await ask(conn, "right after all"), "right after all");
  await using good = serveGood();
  const error = await assertRejects(() => dial(good, { serverName: "wrong.test" }), NetError);
  assertEquals([error.kind, error.tls], ["tls", "wrong-name"]);
});

Deno.test("alpn: the first protocol of the server that the client knows too", async () => {
  const seen: Array<string | null | undefined> = [];
  await using server = serveGood({ alpnProtocols: ["echo/2", "echo/1"] }, (conn) => {
    seen.push(conn.tls?.alpnProtocol);
    return echo(conn);
  });
  const offers: Array<[string[] | undefined, string | null]> = [
    [["echo/1", "echo/2"], "echo/2"],
    [["echo/1", "other"], "echo/1"],
    [undefined, null],
  ];
  for (const [alpnProtocols, agreed] of offers) {
    await using conn = await dial(server, alpnProtocols ? { alpnProtocols } : {});
    assertEquals(conn.tls?.alpnProtocol, agreed);
    assertEquals(await ask(conn, "x"), "x");
  }
  assertEquals(seen, ["echo/2", "echo/1", null]);
});

Deno.test("alpn: no protocol in common fails the handshake on both sides", async () => {
  const errors: NetError[] = [];
  const onEvent = (event: ServerEvent) => {
    if (event.type === "handshake-error") errors.push(event.error);
  };
  await using server = serveGood({ alpnProtocols: ["echo/1"], onEvent });
  const error = await assertRejects(() => dial(server, { alpnProtocols: ["chat/1"] }), NetError);
  assertEquals([error.kind, error.phase, error.retryable], ["tls", "handshake", false]);
  await until(() => errors.length === 1);
  assertEquals([errors[0]!.kind, errors[0]!.phase], ["tls", "handshake"]);
});

Deno.test("connectTls() says why it trusts a certificate not", async () => {
  const rows = [
    [certs.untrusted, "untrusted", "its certificate is not signed by a trusted authority"],
    [certs.wrongName, "wrong-name", "its certificate is for another name"],
    [certs.expired, "expired", "its certificate has expired"],
    [certs.notYetValid, "not-yet-valid", "its certificate is not valid yet"],
  ] as const;
  for (const [{ cert, key }, tls, sentence] of rows) {
    const errors: NetError[] = [];
    const onEvent = (event: ServerEvent) => {
      if (event.type === "handshake-error") errors.push(event.error);
    };
    let handled = 0;
    await using server = serveTls({ cert, key, onEvent }, () => void handled++);
    const error = await assertRejects(() => dial(server), NetError);
    assertEquals([error.kind, error.tls, error.phase], ["tls", tls, "handshake"]);
    assertEquals(error.retryable, false);
    const address = `127.0.0.1:${server.addr.port}`;
    assertStringIncludes(error.message, `TLS handshake failed with ${address}: ${sentence}`);
    assertEquals(error.address, address);
    await until(() => errors.length === 1);
    assertEquals([errors[0]!.kind, errors[0]!.tls], ["tls", "rejected"]);
    assertEquals([server.stats().failed, server.stats().active, handled], [1, 0, 0]);
  }
});

Deno.test("connectTls() trusts no own authority unless it is told to", async () => {
  await using server = serveGood();
  for (const caCerts of [undefined, [], [certs.untrusted.ca]]) {
    const options = { port: server.addr.port, ...(caCerts && { caCerts }) };
    const error = await assertRejects(() => connectTls(options), NetError);
    assertEquals([error.kind, error.tls], ["tls", "untrusted"]);
  }
  await using conn = await dial(server, { caCerts: [certs.untrusted.ca, certs.ca] });
  assertEquals(await ask(conn, "both"), "both");
});

Deno.test({
  name: "connectTls() rejects nonsense before any I/O",
  permissions: { net: false },
  async fn() {
    for (const caCerts of [["nope"], [""], [certs.ca, "nope"], [certs.good.key]]) {
      await assertRejects(() => connectTls({ port: 1, caCerts }), TypeError, "caCerts");
    }
    for (const handshakeTimeout of [-1, NaN]) {
      const options = { port: 1, handshakeTimeout };
      await assertRejects(() => connectTls(options), RangeError, "handshakeTimeout");
    }
    await assertRejects(() => connectTls({ port: 0 }), RangeError, "port must be an integer");
    await assertRejects(
      () => connectTls({ hostname: "a b", port: 1 }),
      TypeError,
      "hostname must be a host name",
    );
    await assertRejects(() => connectTls({ port: 1, idleTimeout: -1 }), RangeError, "idleTimeout");
  },
});

Deno.test("connectTls() says that a certificate in PEM is broken, and leaks nothing", async () => {
  await using server = serveGood();
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const error = await assertRejects(() => dial(server, { caCerts: [broken] }), NetError);
  assertEquals([error.kind, error.tls], ["tls", "bad-certificate"]);
  await until(() => server.stats().active === 0);
});

Deno.test("connectTls() takes no name that no certificate can bear", async () => {
  await using server = serveGood();
  for (const engine of ["deno", "node"] as const) {
    for (
      const serverName of [
        ...["a b", "-a.test", "a-.test", "a..test", "*.a.test", ".", "1.2.3", "1.2.3.256", "::x"],
        ...["a\0.test", "a.test..", `${"a".repeat(64)}.test`],
      ]
    ) {
      const error = await assertRejects(() => dial(server, { serverName, engine }), NetError);
      assertEquals([error.kind, error.phase], ["usage", "handshake"], serverName);
      const { port } = server.addr;
      const quoted = JSON.stringify(serverName);
      const subject = `TLS handshake failed with 127.0.0.1:${port}`;
      assertEquals(error.message, `${subject}: no certificate can have the name ${quoted}`);
    }
  }
});

Deno.test("connectTls() says that nobody listens", async () => {
  const listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const { port } = listener.addr;
  listener.close();
  const error = await assertRejects(() => connectTls({ port }), NetError);
  assertEquals([error.kind, error.phase], ["refused", "connect"]);
  assertEquals(error.message, `Cannot connect to 127.0.0.1:${port}: connection refused`);
});

Deno.test("connectTls() says that the server speaks plain text", async () => {
  await using server = new SilentServer();
  const connecting = thrown(dial(server));
  const peer = await server.accepted;
  await peer.write(new TextEncoder().encode("220 mail.example ESMTP\r\n"));
  const error = await connecting;
  assert(error instanceof NetError, `${error}`);
  assertEquals([error.kind, error.tls, error.phase], ["tls", "not-tls", "handshake"]);
});

Deno.test("connectTls() says that the server closed instead of shaking hands", async () => {
  await using server = new SilentServer();
  const connecting = thrown(dial(server));
  const peer = await server.accepted;
  assert(await peer.read(new Uint8Array(4096)) !== null);
  await peer.closeWrite();
  const error = await connecting;
  assert(error instanceof NetError, `${error}`);
  assertEquals([error.kind, error.phase, error.retryable], ["truncated", "handshake", true]);
});

Deno.test("a silent server is given up after handshakeTimeout", async () => {
  await using server = new SilentServer();
  const started = performance.now();
  const error = await assertRejects(() => dial(server, { handshakeTimeout: 80 }), NetError);
  const took = performance.now() - started;
  assert(took >= 79 && took < 5000, `${took} ms`);
  assertEquals([error.kind, error.phase, error.retryable], ["timeout", "handshake", true]);
  const address = `127.0.0.1:${server.addr.port}`;
  assertEquals(error.message, `TLS handshake with ${address} took longer than 80 ms`);
});

Deno.test("a signal ends the handshake at once, with its reason", async () => {
  await using server = new SilentServer();
  const stop = new AbortController();
  const connecting = thrown(dial(server, { signal: stop.signal }));
  // The hello has arrived: the handshake is under way.
  assert(await (await server.accepted).read(new Uint8Array(4096)) !== null);
  stop.abort("the user went away");
  assertStrictEquals(await connecting, "the user went away");
});

Deno.test("a signal that fires after the handshake leaves the connection alone", async () => {
  await using server = serveGood();
  const stop = new AbortController();
  await using conn = await dial(server, { signal: stop.signal });
  stop.abort();
  assertEquals(await ask(conn, "still here"), "still here");
});

Deno.test("retry tries a cut handshake again, but no bad certificate", async () => {
  await using relay = await CuttingRelay.open();
  await using server = serveGood();
  relay.target = server.addr.port;
  relay.dropFirst = true;
  const tries: string[] = [];
  const options: Partial<ConnectTlsOptions> = {
    retry: { maxAttempts: 3, minTimeout: 1, onRetry: ({ kind }) => void tries.push(kind) },
  };
  await using conn = await dial(relay, options);
  assertEquals(tries, ["truncated"]);
  assertEquals(await ask(conn, "second time lucky"), "second time lucky");
  await conn.close();

  tries.length = 0;
  await using bad = serveTls({ cert: certs.untrusted.cert, key: certs.untrusted.key }, echo);
  const error = await assertRejects(() => dial(bad, options), NetError);
  assertEquals([error.kind, tries.length], ["tls", 0]);
});

Deno.test("serveTls() refuses a certificate or key that is no use, before it listens", () => {
  const { cert, key } = certs.good;
  const rows: Array<[string, string, string]> = [
    ["no certificate", key, "the certificate is not readable as PEM"],
    [cert, "no key", "the key is not readable as PEM"],
    [key, cert, "the certificate is not readable as PEM"],
    [cert, certs.client.key, "the key does not belong to the certificate"],
    ["", "", "the certificate is not readable as PEM"],
  ];
  for (const [badCert, badKey, why] of rows) {
    const error = assertThrows(() => serveTls({ cert: badCert, key: badKey }, echo), NetError);
    assertEquals([error.kind, error.tls, error.phase], ["tls", "bad-certificate", "listen"]);
    assertEquals(error.message, `Cannot listen on 127.0.0.1:0: ${why}`);
  }
  const options = { cert, key, handshakeTimeout: -1 };
  assertThrows(() => serveTls(options, echo), RangeError, "handshakeTimeout");
  assertThrows(
    () => serveTls({ cert, key, port: 1.5 }, echo),
    RangeError,
    "port must be an integer",
  );
});

/** A server that records its failed handshakes. */
function recording(options: Partial<ServeTlsOptions> = {}): {
  server: TcpServer;
  failures: Array<[string, string | undefined]>;
} {
  const failures: Array<[string, string | undefined]> = [];
  const onEvent = (event: ServerEvent) => {
    if (event.type === "handshake-error") failures.push([event.error.kind, event.error.tls]);
  };
  return { server: serveGood({ ...options, onEvent }), failures };
}

Deno.test("serveTls() turns a client away that speaks plain text", async () => {
  const { server, failures } = recording();
  await using _server = server;
  await using plain = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
  await plain.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await until(() => failures.length === 1);
  assertEquals(failures, [["tls", "not-tls"]]);
  await using good = await dial(server);
  assertEquals(await ask(good, "good"), "good");
});

Deno.test("serveTls() survives a client that closes in the middle of its hello", async () => {
  const { server, failures } = recording();
  await using _server = server;
  for (const start of [[], [0x16], [0x16, 0x03, 0x01, 0x02, 0x00, 0x01]]) {
    const conn = await Deno.connect({ hostname: LOOPBACK, port: server.addr.port });
    if (start.length > 0) await conn.write(Uint8Array.from(start));
    conn.close();
  }
  await until(() => failures.length === 3);
  assertEquals(failures, Array(3).fill(["truncated", undefined]));
  assertEquals(server.stats().active, 0);
  await using good = await dial(server);
  assertEquals(await ask(good, "good"), "good");
});

Deno.test("a silent client loses its slot after handshakeTimeout", async () => {
  const { server, failures } = recording({ handshakeTimeout: 2000, maxConnections: 1 });
  await using _server = server;
  using silent = await Deno.connect({ hostname: LOOPBACK, port: server.addr.port });
  await silent.write(Uint8Array.of(0x16, 0x03, 0x01));
  // There is one slot: this one gets it once the silent client has lost it.
  await using good = await dial(server);
  assertEquals(await ask(good, "good"), "good");
  assertEquals(failures, [["timeout", undefined]]);
});

for (const engine of ["deno", "node"] as const) {
  Deno.test(`five bad clients in a row, then a good one: engine ${engine}`, async () => {
    const { server, failures } = recording({ handshakeTimeout: 2000, engine });
    await using _server = server;
    const { port } = server.addr;
    const raw = () => Deno.connect({ hostname: LOOPBACK, port });
    (await raw()).close();
    using plain = await raw();
    await plain.write(new TextEncoder().encode("hello?\r\n"));
    using partial = await raw();
    await partial.write(Uint8Array.of(0x16, 0x03, 0x01, 0x00));
    using _silent = await raw();
    await assertRejects(() => connectTls({ port }), NetError);
    await using good = await dial(server);
    assertEquals(await ask(good, "good"), "good");
    await until(() => failures.length === 5);
    assertEquals(failures.map(([kind]) => kind).sort(), [
      "timeout",
      "timeout",
      "tls",
      "tls",
      "truncated",
    ]);
    assertEquals(failures.map(([, tls]) => tls).filter(Boolean).sort(), ["not-tls", "rejected"]);
    assertEquals([server.stats().failed, server.stats().active], [5, 1]);
  });
}

/** Returns the first message of a client. */
async function clientHello(): Promise<Uint8Array> {
  await using silent = new SilentServer();
  const stop = new AbortController();
  const dialling = dial(silent, { signal: stop.signal });
  const buffer = new Uint8Array(16 * 1024);
  const size = await (await silent.accepted).read(buffer);
  stop.abort();
  await assertRejects(() => dialling);
  return buffer.slice(0, size!);
}

/** Reads until the peer ends the connection, politely or by a reset. */
async function readToEnd(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  try {
    while (await conn.read(buffer) !== null);
  } catch (error) {
    assert(error instanceof Deno.errors.ConnectionReset, `${error}`);
  }
}

for (const handshakeTimeout of [300, 0]) {
  const end = handshakeTimeout > 0 ? "handshakeTimeout" : "shutdown()";
  Deno.test(`${end} ends a handshake and closes its socket, whatever the client has sent`, async () => {
    const hello = await clientHello();
    const { server, failures } = recording({ handshakeTimeout });
    const clients: Deno.TcpConn[] = [];
    for (const size of [0, 3, hello.length - 1, hello.length]) {
      const client = await Deno.connect({ hostname: LOOPBACK, port: server.addr.port });
      clients.push(client);
      await client.write(hello.subarray(0, size));
    }
    if (handshakeTimeout === 0) {
      await until(() => server.stats().active === clients.length);
      await server.shutdown({ deadline: 0 });
    }
    // The clients keep their sides open.
    await Promise.all(clients.map(readToEnd));
    await until(() => failures.length === clients.length);
    assertEquals(server.stats().active, 0);
    for (const client of clients) client.close();
    await server.shutdown();
  });
}

Deno.test("shutdown() cuts a handshake that is under way at the deadline", async () => {
  const { server, failures } = recording();
  const silent = await Deno.connect({ hostname: LOOPBACK, port: server.addr.port });
  await silent.write(Uint8Array.of(0x16, 0x03, 0x01));
  await until(() => server.stats().active === 1);
  const started = performance.now();
  const report = await server.shutdown({ deadline: 60 });
  const took = performance.now() - started;
  assert(took >= 59 && took < 5000, `${took} ms`);
  assertEquals(report, { drained: 0, forced: 1, refused: 0 });
  assertEquals([server.stats().active, failures.length], [0, 1]);
  silent.close();
});

Deno.test("shutdown() lets a handshake that is under way come to its end", async () => {
  await using relay = await CuttingRelay.open();
  const server = serveGood();
  relay.target = server.addr.port;
  relay.hold();
  const connecting = dial(relay);
  await until(() => server.stats().active === 1);
  const shutdown = server.shutdown({ deadline: 5000 });
  relay.release();
  const conn = await connecting;
  assertEquals(await conn.readLine({ timeout: 30_000 }), null);
  await conn.close();
  assertEquals(await shutdown, { drained: 1, forced: 0, refused: 0 });
});

Deno.test("half-close: the answer still comes after the client has ended its output", async () => {
  await using server = serveGood({}, async (conn) => {
    let size = 0;
    for await (const chunk of conn) size += chunk.length;
    await conn.write("x".repeat(300_000));
    await conn.write(`\n${size}\n`);
  });
  await using conn = await dial(server);
  await conn.write("y".repeat(100_000));
  await conn.closeWrite();
  assertEquals((await conn.readLine({ max: 300_000, timeout: 10_000 }))?.length, 300_000);
  assertEquals(await conn.readLine({ timeout: 30_000 }), "100000");
  assertEquals(await conn.readLine({ timeout: 30_000 }), null);
});

/** A raw TCP relay in front of a TLS server, that can hold bytes back and cut. */
class CuttingRelay implements AsyncDisposable {
  /** The port of the server. */
  target = 0;
  /** Whether the first connection is closed once its hello has come. */
  dropFirst = false;
  readonly #listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  #conns: Deno.TcpConn[] = [];
  #held: PromiseWithResolvers<void> | undefined;
  #running: Promise<void>;

  constructor() {
    this.#running = this.#relay();
  }

  static open(): Promise<CuttingRelay> {
    return Promise.resolve(new CuttingRelay());
  }

  get addr(): Deno.NetAddr {
    return this.#listener.addr;
  }

  /** From now on nothing goes from the client to the server. */
  hold(): void {
    this.#held = Promise.withResolvers();
  }

  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  /** Ends both connections without a word of TLS. */
  async cut(): Promise<void> {
    this.release();
    for (const conn of this.#conns.splice(0)) conn.close();
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.cut();
  }

  async #relay(): Promise<void> {
    let front = await this.#listener.accept();
    if (this.dropFirst) {
      await front.read(new Uint8Array(16 * 1024));
      front.close();
      front = await this.#listener.accept();
    }
    const back = await Deno.connect({ hostname: LOOPBACK, port: this.target });
    this.#conns = [front, back];
    await Promise.all([this.#pump(front, back, true), this.#pump(back, front, false)]);
  }

  async #pump(from: Deno.TcpConn, to: Deno.TcpConn, holdable: boolean): Promise<void> {
    const buffer = new Uint8Array(16 * 1024);
    try {
      for (let n; (n = await from.read(buffer)) !== null;) {
        if (holdable) await this.#held?.promise;
        for (let at = 0; at < n;) at += await to.write(buffer.subarray(at, n));
      }
      await to.closeWrite();
    } catch { /* Cut. */ }
  }
}

Deno.test("truncation: a cut without close_notify is told apart from an end, on both sides", async () => {
  await using relay = await CuttingRelay.open();
  const ends: Array<NetError | undefined> = [];
  const onEvent = (event: ServerEvent) => {
    if (event.type === "close") ends.push(event.error);
  };
  await using server = serveGood({ onEvent });
  relay.target = server.addr.port;
  await using conn = await dial(relay);
  assertEquals(await ask(conn, "before"), "before");
  await relay.cut();
  const error = await assertRejects(() => conn.readLine({ timeout: 30_000 }), NetError);
  assertEquals([error.kind, error.phase, error.retryable], ["truncated", "read", true]);
  await until(() => ends.length === 1);
  assertEquals(ends[0]?.kind, "truncated");
});

Deno.test("an orderly end over TLS is an end and no error", async () => {
  const ends: Array<NetError | undefined> = [];
  const onEvent = (event: ServerEvent) => {
    if (event.type === "close") ends.push(event.error);
  };
  await using server = serveGood({ onEvent }, (conn) => conn.write("bye\n"));
  await using conn = await dial(server);
  assertEquals(await conn.readLine({ timeout: 30_000 }), "bye");
  assertEquals(await conn.readLine({ timeout: 30_000 }), null);
  await conn.close();
  await until(() => ends.length === 1);
  assertEquals([ends[0], await conn.closed], [undefined, undefined]);
});
