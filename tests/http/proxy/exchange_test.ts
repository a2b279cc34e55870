import { assert, assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async/delay";
import { serveProxy } from "../../../http/proxy/proxy.ts";
import { exchange, statuses } from "../../_support/raw_http.ts";
import { textOf, Wire } from "../../_support/stress/wire.ts";
import { until } from "../../_support/until.ts";
import { FickleOrigin, send } from "./_support.ts";

const OPEN = { allowPrivate: true, connectPorts: "any", name: "t" } as const;
const CLOSE = "Connection: close\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** A listener that leaves what to do to the test. */
function listen(): Deno.TcpListener & { host: string } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return Object.assign(listener, { host: `127.0.0.1:${listener.addr.port}` });
}

/** Reads until a text has come. */
async function hear(conn: Deno.Conn, text: string): Promise<string> {
  let all = "";
  const buffer = new Uint8Array(65536);
  while (!all.includes(text)) {
    const size = await conn.read(buffer);
    if (size === null) throw new Error(`The end, after: ${all}`);
    all += textOf(buffer.subarray(0, size));
  }
  return all;
}

Deno.test("a server that responds before it has the request gets no other one", async () => {
  await using origin = new FickleOrigin({ served: Infinity });
  using listener = listen();
  await using proxy = serveProxy(OPEN);
  const client = await Wire.connect(proxy.addr.port);
  await client.write(
    `POST http://${listener.host}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n`,
  );
  using conn = await listener.accept();
  await hear(conn, "\r\n\r\n");
  await send(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
  assertMatch((await client.head())!, /^HTTP\/1\.1 413 [^]*^Connection: close\r$/m);
  assertEquals(textOf(await client.exact(2)), "no");
  // What looks like a request is the rest of the body, and goes nowhere.
  await client.write(`GET http://${origin.host}/hidden HTTP/1.1\r\nHost: a\r\n\r\n`).catch(
    () => {},
  );
  assertEquals(textOf(await client.rest()), "");
  client.close();
  assertEquals(proxy.stats().idleUpstream, 0);
  assertEquals(origin.requests, []);
});

Deno.test("a hook that answers during an upload ends both connections", async () => {
  await using origin = new FickleOrigin({ served: Infinity });
  using listener = listen();
  await using proxy = serveProxy({ ...OPEN, onResponse: () => ({ status: 299, body: "hook" }) });
  const client = await Wire.connect(proxy.addr.port);
  await client.write(
    `POST http://${listener.host}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n`,
  );
  using conn = await listener.accept();
  await hear(conn, "\r\n\r\n");
  await send(conn, OK);
  assertMatch((await client.head())!, /^HTTP\/1\.1 299 [^]*^Connection: close\r$/m);
  assertEquals(textOf(await client.exact(4)), "hook");
  await client.write(`GET http://${origin.host}/hidden HTTP/1.1\r\nHost: a\r\n\r\n`).catch(
    () => {},
  );
  assertEquals(textOf(await client.rest()), "");
  client.close();
  assertEquals([proxy.stats().idleUpstream, origin.requests.length], [0, 0]);
});

Deno.test("answers of the proxy itself leave the next request where it is", async () => {
  await using origin = new FickleOrigin({ served: Infinity });
  await using proxy = serveProxy({
    ...OPEN,
    deny: ["denied.test"],
    onRequest: ({ target }) => target.endsWith("/hook") ? { status: 299 } : undefined,
  });
  const get = (url: string, lines = "", method = "GET") =>
    `${method} http://${url} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
  const text = await exchange(
    proxy.addr.port,
    [
      get("denied.test/1"),
      get(`${origin.host}/2`),
      get(`${origin.host}/hook`),
      get(`${origin.host}/3`),
      get(`${origin.host}/4`, "Max-Forwards: 0\r\n", "TRACE"),
      get(`${origin.host}/5`, "Max-Forwards: 0\r\n", "OPTIONS"),
      get(`${origin.host}/6`, "Content-Length: 0\r\n", "POST"),
      get(`127.0.0.1:1/refused`),
      get(`${origin.host}/7`, CLOSE),
      get(`${origin.host}/not`),
    ].join(""),
  );
  assertEquals(statuses(text), [403, 200, 299, 200, 200, 200, 200, 502, 200]);
  assertEquals(origin.requests, ["GET /2", "GET /3", "POST /6", "GET /7"]);
});

Deno.test("a refused request with a body ends the connection, whatever the body looks like", async () => {
  await using origin = new FickleOrigin({ served: Infinity });
  await using proxy = serveProxy({
    ...OPEN,
    deny: ["denied.test"],
    onRequest: ({ target }) => target.endsWith("/hook") ? { status: 299 } : undefined,
  });
  const hidden = `GET http://${origin.host}/hidden HTTP/1.1\r\nHost: a\r\n\r\n`;
  for (const [url, status] of [["denied.test/", 403], [`${origin.host}/hook`, 299]] as const) {
    const head = `POST http://${url} HTTP/1.1\r\nHost: a\r\nContent-Length: ${hidden.length}\r\n`;
    const text = await exchange(proxy.addr.port, `${head}\r\n${hidden}${hidden}`);
    assertEquals(statuses(text), [status]);
    assertMatch(text, /^Connection: close\r$/m);
  }
  assertEquals(origin.requests, []);
});

Deno.test("a server never takes a request that the client did not complete for a whole one", async () => {
  for (const lines of ["Content-Length: 9\r\n", "Transfer-Encoding: chunked\r\n"]) {
    using listener = listen();
    await using proxy = serveProxy(OPEN);
    const client = await Wire.connect(proxy.addr.port);
    await client.write(`POST http://${listener.host}/ HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
    using conn = await listener.accept();
    await hear(conn, "\r\n\r\n");
    await client.write(lines.startsWith("C") ? "part" : "4\r\npart\r\n");
    const part = await hear(conn, "part");
    client.reset();
    let rest = "";
    const buffer = new Uint8Array(1000);
    try {
      for (let size; (size = await conn.read(buffer)) !== null;) {
        rest += textOf(buffer.subarray(0, size));
      }
    } catch (error) {
      assert(error instanceof Deno.errors.ConnectionReset);
    }
    assert(!(part + rest).includes("0\r\n\r\n"));
    await until(() => proxy.stats().failed === 1);
  }
});

Deno.test("a response goes on while the client is silent in the middle of its request", async () => {
  using listener = listen();
  await using proxy = serveProxy({ ...OPEN, bodyTimeout: 250 });
  const client = await Wire.connect(proxy.addr.port);
  await client.write(
    `POST http://${listener.host}/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n`,
  );
  using conn = await listener.accept();
  await hear(conn, "1\r\na\r\n");
  await send(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  await client.head();
  const reading = client.chunks();
  for (let i = 0; i < 12; i++) {
    await send(conn, "1\r\nx\r\n");
    await delay(60);
  }
  await client.write("1\r\nb\r\n0\r\n\r\n");
  await hear(conn, "0\r\n\r\n");
  await send(conn, "0\r\n\r\n");
  assertEquals(textOf(await reading), "x".repeat(12));
  client.close();
});

Deno.test("a request goes on while the server is silent in the middle of its response", async () => {
  using listener = listen();
  await using proxy = serveProxy({ ...OPEN, bodyTimeout: 250 });
  const client = await Wire.connect(proxy.addr.port);
  await client.write(
    `POST http://${listener.host}/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n`,
  );
  using conn = await listener.accept();
  await hear(conn, "1\r\na\r\n");
  await send(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
  await client.head();
  const reading = client.chunks();
  for (let i = 0; i < 12; i++) {
    await client.write("1\r\nb\r\n");
    await delay(60);
  }
  await client.write("0\r\n\r\n");
  await hear(conn, "0\r\n\r\n");
  await send(conn, "1\r\ny\r\n0\r\n\r\n");
  assertEquals(textOf(await reading), "xy");
  client.close();
});

const UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
for (const sends of [true, false]) {
  Deno.test(`a client that waits for a 100 gets it before a 101 if the server ${sends ? "sends" : "forgets"} it`, async () => {
    using listener = listen();
    await using proxy = serveProxy(OPEN);
    const client = await Wire.connect(proxy.addr.port);
    await client.write(
      `GET http://${listener.host}/ HTTP/1.1\r\nHost: a\r\n${UPGRADE}Expect: 100-continue\r\n` +
        "Content-Length: 4\r\n\r\n",
    );
    using conn = await listener.accept();
    assertMatch(await hear(conn, "\r\n\r\n"), /^Expect: 100-continue\r$/m);
    if (sends) await send(conn, "HTTP/1.1 100 Continue\r\n\r\n");
    await send(conn, `HTTP/1.1 101 Switching Protocols\r\n${UPGRADE}\r\n`);
    assertMatch((await client.head())!, /^HTTP\/1\.1 100 /);
    assertMatch((await client.head())!, /^HTTP\/1\.1 101 /);
    await client.write("bodyframe");
    assertEquals(await hear(conn, "frame"), "bodyframe");
    await send(conn, "answer");
    assertEquals(textOf(await client.exact(6)), "answer");
    client.close();
  });
}

Deno.test("interim responses pass in order, and no client of HTTP/1.0 gets one", async () => {
  const interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n";
  const answer = async (_path: string, conn: Deno.Conn) => {
    await send(conn, interim + OK);
    return true;
  };
  await using origin = new FickleOrigin({ served: Infinity, answer });
  await using proxy = serveProxy(OPEN);
  for (const [minor, expected] of [[1, [103, 102, 200]], [0, [200]]] as const) {
    const request = `GET http://${origin.host}/ HTTP/1.${minor}\r\nHost: a\r\n${CLOSE}\r\n`;
    assertEquals(statuses(await exchange(proxy.addr.port, request)), [...expected]);
  }
});

Deno.test("a connection of HTTP/1.0 is kept where the client asks for it", async () => {
  await using origin = new FickleOrigin({ served: Infinity });
  await using proxy = serveProxy({
    ...OPEN,
    deny: ["denied.test"],
    onRequest: ({ target }) => target.endsWith("/hook") ? { status: 299 } : undefined,
  });
  // Without Host, which only HTTP/1.1 has to send (RFC 9112 §3.2).
  const get = (url: string) => `GET http://${url} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`;
  const text = await exchange(
    proxy.addr.port,
    get(`${origin.host}/1`) + get("denied.test/") + get(`${origin.host}/hook`) +
      get("127.0.0.1:1/") + `GET http://${origin.host}/2 HTTP/1.0\r\n\r\n`,
  );
  assertEquals(statuses(text), [200, 403, 299, 502, 200]);
  const keep = "Connection: keep-alive";
  assertEquals(text.match(/^Connection: .*$/gm), [keep, keep, keep, keep, "Connection: close"]);
  assertEquals(origin.requests, ["GET /1", "GET /2"]);
});

Deno.test("a shutdown during an upload lets it end, and takes no further request", async () => {
  await using origin = new FickleOrigin({ served: Infinity });
  await using proxy = serveProxy(OPEN);
  const client = await Wire.connect(proxy.addr.port);
  const head = `POST http://${origin.host}/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n`;
  await client.write(`${head}part`);
  await until(() => origin.open === 1);
  const ending = proxy.shutdown();
  await client.write(`-end!GET http://${origin.host}/2 HTTP/1.1\r\nHost: a\r\n\r\n`);
  const text = textOf(await client.rest());
  client.close();
  await ending;
  assertEquals(statuses(text), [200]);
  assertMatch(text, /^Connection: close\r$/m);
  assertEquals([origin.requests, origin.bodies], [["POST /1"], ["part-end!"]]);
});

Deno.test("a client that leaves before its tunnel is open ends the way to it", async () => {
  using listener = listen();
  const errors: (string | undefined)[] = [];
  await using proxy = serveProxy({
    ...OPEN,
    upstream: `http://${listener.host}`,
    onEntry: ({ error }) => void errors.push(error),
  });
  const client = await Wire.connect(proxy.addr.port);
  await client.write("CONNECT a.test:1 HTTP/1.1\r\nHost: a.test:1\r\n\r\n");
  using parent = await listener.accept();
  await hear(parent, "\r\n\r\n");
  client.close();
  // The limit for the answer of the parent is a minute.
  const end = await parent.read(new Uint8Array(1)).catch(() => null);
  assertEquals(end, null);
  await until(() => errors.length === 1);
  assertEquals(errors, ["the client has gone"]);
});

Deno.test("a client that leaves while its kept connection is looked at leaves nothing behind", async () => {
  using listener = listen();
  await using proxy = serveProxy(OPEN);
  const client = await Wire.connect(proxy.addr.port);
  const ask = (method: string) =>
    `${method} http://${listener.host}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n` +
    "Authorization: NTLM AAAA\r\n\r\n";
  await client.write(ask("POST"));
  using origin = await listener.accept();
  await hear(origin, "\r\n\r\n");
  await send(origin, OK);
  await client.head();
  await client.exact(2);
  const left = client.write(ask("POST"));
  client.close();
  await left.catch(() => {});
  // The origin says nothing more; the limit for its response is a minute.
  const buffer = new Uint8Array(1024);
  while (await origin.read(buffer).catch(() => null) !== null);
});
