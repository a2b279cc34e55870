import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { developmentAuthority } from "../../../net/tls/certificate.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { serveProxy } from "../../../http/proxy/proxy.ts";
import {
  diagnose,
  type DiagnoseOptions,
  type Diagnosis,
  type HttpExchange,
} from "../../../tools/diagnose.ts";

const authority = await developmentAuthority();
const pair = await authority.issue({ names: ["127.0.0.1", "localhost"] });

const way = (url: string, options: DiagnoseOptions = {}) =>
  diagnose(url, { steps: ["dns", "tcp", "tls", "http"], timeout: 30_000, ...options });

function exchangesOf({ steps }: Diagnosis): readonly HttpExchange[] {
  return steps.flatMap((step) => step.step === "http" ? step.exchanges : []);
}

/** Reads the head of a request; undefined if there is none. */
async function readHead(conn: Connection): Promise<string | undefined> {
  let head = "";
  for (let line; (line = await conn.readLine());) head += `${line}\n`;
  return head === "" ? undefined : head;
}

/** Serves requests with the results of a function, one for each connection. */
function answering(answer: (head: string) => string) {
  return serveTcp({}, async (conn) => {
    const head = await readHead(conn);
    if (head !== undefined) await conn.write(answer(head));
  });
}

const whole = (body = "hi", more = "") =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;

Deno.test("diagnose() counts the bytes of the body without its framing, and shows trailers", async () => {
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n";
  for (
    const [end, trailers] of [
      ["0\r\n\r\n", undefined],
      ["0\r\nX-Sum: 1\r\n\r\n", { "x-sum": "1" }],
      ["000;a=b\r\n\r\n", undefined],
    ] as const
  ) {
    await using server = answering(() => chunked + end);
    const found = await way(`http://127.0.0.1:${server.addr.port}/`);
    const [one] = exchangesOf(found);
    assertEquals([found.ok, one?.bytes, one?.complete], [true, 2, true], found.verdict);
    assertEquals(one?.trailers, trailers);
  }
});

Deno.test("diagnose() stops reading an endless body, and does not call that an error", async () => {
  let over = false;
  await using server = serveTcp({}, async (conn) => {
    if (await readHead(conn) === undefined) return;
    await conn.write("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
    try {
      for (;;) await conn.write("x".repeat(65536));
    } catch {
      over = true;
    }
  });
  const found = await way(`http://127.0.0.1:${server.addr.port}/`, { timeout: 30_000 });
  const [one] = exchangesOf(found);
  assertEquals([found.ok, one?.complete], [true, false], found.verdict);
  assert(one!.bytes >= 16 * 1024 * 1024);
  const http = found.steps.find(({ step }) => step === "http");
  assertMatch(http!.text, /^200 OK, the first \d+ of more bytes in /);
  await server.shutdown({ deadline: 5000 });
  assert(over);
});

Deno.test("diagnose() accepts a silent event stream, but no other body that stops", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let type = "text/event-stream";
  await using server = serveTcp({}, async (conn) => {
    if (await readHead(conn) === undefined) return;
    await conn.write(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\n\r\ndata: 1\n\n`);
    await promise;
  });
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const events = await way(url, { timeout: 300 });
  assertEquals(events.ok, true, events.verdict);
  type = "text/plain";
  const stuck = await way(url, { timeout: 300 });
  resolve();
  assertMatch(stuck.verdict, /starts a response but does not finish it$/);
});

Deno.test("diagnose() sends cookies to a redirect, and finds a loop nevertheless", async () => {
  await using server = answering((head) =>
    /\ncookie: seen=1/i.test(head)
      ? whole()
      : "HTTP/1.1 302 Found\r\nSet-Cookie: seen=1\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"
  );
  const found = await way(`http://127.0.0.1:${server.addr.port}/`);
  assertEquals([found.ok, exchangesOf(found).length], [true, 2], found.verdict);
  await using round = answering(() =>
    "HTTP/1.1 302 Found\r\nSet-Cookie: seen=1\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"
  );
  assertMatch((await way(`http://127.0.0.1:${round.addr.port}/`)).verdict, /redirects in a loop/);
});

Deno.test("diagnose() sends headers to the host, and not to the target of a redirect", async () => {
  const heads: string[] = [];
  await using other = answering((head) => (heads.push(head), whole()));
  const to = `http://localhost:${other.addr.port}/`;
  await using first = answering((head) => {
    heads.push(head);
    return `HTTP/1.1 302 Found\r\nLocation: ${to}\r\nContent-Length: 0\r\n\r\n`;
  });
  const headers = { "x-secret": "7", "user-agent": "mine" };
  const found = await way(`http://127.0.0.1:${first.addr.port}/`, { headers, family: 4 });
  assertEquals(found.ok, true, found.verdict);
  assertMatch(heads[0]!, /^x-secret: 7$/im);
  assertMatch(heads[0]!, /^user-agent: mine$/im);
  assert(!/secret|mine/.test(heads[1]!), heads[1]);
});

Deno.test("diagnose() reaches servers of HTTP/2 alone, with and without TLS", async () => {
  const { cert, key } = pair;
  const secrets: unknown[] = [];
  const handler = (request: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => {
    secrets.push(request.headers["x-secret"]);
    response.end("hello");
  };
  const options = { caCerts: [authority.cert], headers: { "x-secret": "7" }, family: 4 } as const;
  const secure = http2.createSecureServer({ key, cert, allowHTTP1: false }, handler);
  const clear = http2.createServer(handler);
  try {
    for (const [scheme, server] of [["https", secure], ["http", clear]] as const) {
      await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
      const { port } = server.address() as AddressInfo;
      const found = await way(`${scheme}://127.0.0.1:${port}/`, options);
      const [one] = exchangesOf(found);
      assertEquals([found.ok, one?.protocol, one?.bytes], [true, "HTTP/2", 5], found.verdict);
      await using first = answering(() =>
        `HTTP/1.1 302 Found\r\nLocation: ${scheme}://localhost:${port}/\r\nContent-Length: 0\r\n\r\n`
      );
      const moved = await way(`http://127.0.0.1:${first.addr.port}/`, options);
      assertEquals([moved.ok, secrets.splice(0)], [true, ["7", undefined]], moved.verdict);
    }
  } finally {
    for (const server of [secure, clear]) server.close();
  }
});

Deno.test("diagnose() notices TLS on a port of plain HTTP, whoever says so", async () => {
  await using tls = serveTls(pair, async (conn) => void await conn.readLine());
  const page = "<h1>400 Bad Request</h1> The plain HTTP request was sent to HTTPS port";
  await using nginx = answering(() =>
    `HTTP/1.1 400 Bad Request\r\nContent-Length: ${page.length}\r\n\r\n${page}`
  );
  for (const { addr: { port } } of [tls, nginx]) {
    const found = await way(`http://127.0.0.1:${port}/`, { timeout: 30_000 });
    assertEquals(found.ok, false);
    assertMatch(found.verdict, /speaks TLS on this port$/);
    assertEquals(found.advice, `Try https://127.0.0.1:${port}/.`);
  }
});

Deno.test("diagnose() names other protocols by their greeting", async () => {
  const rows: [greeting: string, name: RegExp, advice: RegExp][] = [
    ["SSH-2.0-OpenSSH_9.2\r\n", /SSH \(OpenSSH_9\.2\)/, /Check the port/],
    ["220 mail.test ESMTP Postfix\r\n", /SMTP \(mail\.test ESMTP Postfix\)/, /Try smtp:\/\//],
    ["220 (vsFTPd 3.0.3)\r\n", /FTP \(\(vsFTPd 3\.0\.3\)\)/, /Try ftp:\/\//],
    ["* OK ready\r\n", /IMAP \(ready\)/, /Try imap:\/\//],
    ["+OK ready\r\n", /POP3 \(ready\)/, /Try pop3:\/\//],
    ["RFB 003.008\n", /VNC \(003\.008\)/, /Check the port/],
    ["J\0\0\0\x0a8.0.36\0abcdefgh", /MySQL \(8\.0\.36\)/, /Check the port/],
  ];
  for (const [greeting, name, advice] of rows) {
    await using server = serveTcp({}, async (conn) => {
      await conn.write(greeting);
      await conn.readLine().catch(() => {});
    });
    const where = `127.0.0.1:${server.addr.port}`;
    const secure = await way(`https://${where}/`);
    assertMatch(secure.verdict, name);
    assertMatch(secure.advice!, advice);
    const plain = await way(`http://${where}/`);
    assertMatch(plain.verdict, /does not speak HTTP: it is /);
    assertMatch(plain.verdict, name);
    const guessed = await way(where);
    assertEquals(guessed.ok, true);
    assertMatch(guessed.verdict, name);
  }
});

Deno.test("diagnose() goes through a proxy, with TLS and without", async () => {
  await using proxy = serveProxy({ port: 0, allowPrivate: true, connectPorts: "any" });
  await using plain = answering(() => whole());
  await using secure = serveTls(pair, async (conn) => {
    if (await readHead(conn) !== undefined) await conn.write(whole());
  });
  const options = { proxy: proxy.url, caCerts: [authority.cert] };
  for (
    const url of [`http://127.0.0.1:${plain.addr.port}/`, `https://127.0.0.1:${secure.addr.port}/`]
  ) {
    const found = await way(url, options);
    assertEquals(found.ok, true, found.verdict);
    const tcp = found.steps.find(({ step }) => step === "tcp");
    assertStringIncludes(tcp!.text, `127.0.0.1:${proxy.addr.port}`);
  }
});

Deno.test("diagnose() uses a client certificate and a pin", async () => {
  const client = await authority.issue({ usage: "client", commonName: "client" });
  await using server = serveTls(
    { ...pair, clientAuth: "require", clientCa: [authority.cert] },
    async (conn) => {
      if (await readHead(conn) !== undefined) await conn.write(whole());
    },
  );
  const url = `https://127.0.0.1:${server.addr.port}/`;
  const caCerts = [authority.cert];
  const without = await way(url, { caCerts });
  assertMatch(without.verdict, /answers, but requires a client certificate$/);
  assertStringIncludes(without.advice!, "--cert FILE");
  const { cert, key } = client;
  const found = await way(url, { caCerts, cert, key });
  assertEquals(found.ok, true, found.verdict);
  const tls = found.steps.find((step) => step.step === "tls");
  assert(tls?.step === "tls");
  const { pin } = tls.chain[0]!;
  assertEquals((await way(url, { cert, key, pin: pin! })).ok, true);
  // This certificate is for servers, and the server refuses it after the handshake.
  const unfit = await way(url, { caCerts, cert: pair.cert, key: pair.key });
  assertEquals(unfit.ok, false);
  assertStringIncludes(unfit.advice!, "may not accept the certificate of --cert");
  const other = await way(url, { cert, key, pin: `sha256/${"A".repeat(43)}=` });
  assertEquals(other.ok, false);
  assertStringIncludes(other.verdict, `has the pin ${pin}, which is not an expected one`);
});

Deno.test("diagnose() reports a proxy that refuses, or that nobody reaches", async () => {
  await using strict = serveProxy({ port: 0, connectPorts: [] });
  await using server = answering(() => whole());
  const where = `127.0.0.1:${server.addr.port}`;
  const refused = await way(`https://${where}/`, { proxy: strict.url });
  assertMatch(refused.verdict, /^127\S+ cannot be reached: the proxy http:\/\/\S+ answered 403/);
  assertStringIncludes(refused.advice!, "Check the proxy");
  await strict.shutdown();
  const gone = await way(`https://${where}/`, { proxy: strict.url });
  assertMatch(gone.verdict, /refuses connections: nothing listens there$/);
});
