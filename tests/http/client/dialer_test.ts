import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createServer, type Socket } from "node:net";
import { createClient, type HttpDial, type HttpDialTarget } from "../../../http/client/client.ts";
import { HttpRequestError, HttpTimeoutError } from "../../../http/client/errors.ts";
import { serveHttp } from "../../../http/server/server.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { deadPort, echo, RawServer, serve } from "../../_support/http_servers.ts";

Deno.test("a dialer carries requests both ways, and keeps connections", async () => {
  await using server = echo();
  const dials: HttpDial[] = [];
  await using client = createClient({ dialer: { onDial: (dial) => void dials.push(dial) } });
  const large = "x".repeat(3_000_000);
  for (let i = 0; i < 3; i++) {
    const sent = await client.put(server.url, { body: large }).json<{ body: string }>();
    assertEquals(sent.body === large, true);
  }
  for (let i = 0; i < 20; i++) await client.get(server.url).text();
  const before = dials.length;
  assertEquals([dials[0]!.hostname, dials[0]!.address], ["127.0.0.1", "127.0.0.1"]);
  assert(dials[0]!.connectTime >= 0 && dials[0]!.resolveTime === undefined);
  // A POST uses a kept connection, too.
  await client.post(server.url, { body: "x" });
  await client.post(server.url, { body: "x" });
  assertEquals([before, dials.length], [1, 1]);
});

Deno.test("TLS goes through a dialer from end to end", async () => {
  const { ca, good, wrongName } = await testCertificates();
  for (const [certificate, kind] of [[good, "ok"], [wrongName, "tls"]] as const) {
    await using server = serveHttp({ port: 0, ...certificate }, () => new Response("secret"));
    await using client = createClient({ dialer: true, caCerts: [ca], retry: false });
    const url = `https://127.0.0.1:${server.addr.port}/`;
    if (kind === "ok") assertEquals(await client.get(url).text(), "secret");
    else {
      const error = await assertRejects(() => client.get(url), HttpRequestError);
      assertEquals([error.kind, error.tls, error.sent], ["tls", "wrong-name", "no"]);
    }
  }
});

Deno.test("a dialer limits connecting, which says that nothing was sent", async () => {
  const { promise, resolve } = Promise.withResolvers<AbortSignal>();
  await using client = createClient({
    retry: false,
    dialer: {
      connectTimeout: 60,
      resolve: (_, signal) => {
        resolve(signal);
        return new Promise(() => {});
      },
    },
  });
  const error = await assertRejects(
    () => client.post("http://slow.test/?key=secret", { json: 1 }),
    HttpTimeoutError,
  );
  assertEquals([error.stage, error.limit, error.sent], ["connect", 60, "no"]);
  assertEquals(
    error.message,
    "Cannot POST http://slow.test/?…: no connection within 60 ms (connect)",
  );
  assert((await promise).aborted);
});

Deno.test("a dialer gives up on a host that does not answer", async () => {
  // A backlog that is full: further handshakes are not answered.
  using full = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = full.addr;
  const filling: Deno.Conn[] = [];
  for (let i = 0; i < 2; i++) filling.push(await Deno.connect({ hostname: "127.0.0.1", port }));
  await using client = createClient({ retry: { total: 1 }, dialer: { connectTimeout: 80 } });
  const error = await assertRejects(
    () => client.post(`http://127.0.0.1:${port}/`, { json: 1 }),
    HttpTimeoutError,
  );
  assertEquals([error.stage, error.sent, error.history.length], ["connect", "no", 1]);
  for (const conn of filling) conn.close();
});

Deno.test("a dialer resolves names its own way, and tries one address after the other", async () => {
  await using server = serve((request) => new Response(request.headers.get("host")));
  const asked: string[] = [];
  const dials: HttpDial[] = [];
  await using client = createClient({
    retry: false,
    dialer: {
      resolve: (name) => {
        asked.push(name);
        if (name === "none.test") return [];
        if (name === "bad.test") return ["localhost"];
        return ["127.0.0.2", "127.0.0.1"];
      },
      onDial: (dial) => void dials.push(dial),
    },
  });
  const { port } = server;
  assertEquals(await client.get(`http://svc.test:${port}/`).text(), `svc.test:${port}`);
  assertEquals([asked, dials[0]?.address], [["svc.test"], "127.0.0.1"]);
  assert(dials[0]!.resolveTime! >= 0);
  for (const name of ["none.test", "bad.test"]) {
    const error = await assertRejects(
      () => client.get(`http://${name}:${port}/`),
      HttpRequestError,
    );
    assertEquals([error.kind, error.sent], ["dns", "no"], error.message);
  }
  assertEquals(dials.at(-1)?.error?.kind, "dns");
});

Deno.test("no address gets past the policy of a dialer, not by a name and not by a redirect", async () => {
  await using secret = serve(() => new Response("secret"));
  await using open = serve((request) =>
    request.url.endsWith("/go")
      ? Response.redirect(`http://127.0.0.1:${secret.port}/`)
      : new Response("open")
  );
  const targets: HttpDialTarget[] = [];
  await using client = createClient({
    retry: false,
    dialer: {
      allow: (target) => {
        targets.push(target);
        return target.port === open.port;
      },
    },
  });
  assertEquals(await client.get(open.url).text(), "open");
  for (
    const url of [
      secret.url,
      `${open.url}go`,
      `http://localhost:${secret.port}/`,
      `http://0x7f.1:${secret.port}/`,
    ]
  ) {
    const error = await assertRejects(() => client.get(url), HttpRequestError, undefined, url);
    assertEquals(error.kind, "permission", error.message);
    assertEquals(error.sent, url.endsWith("go") ? "maybe" : "no");
  }
  assert(targets.every(({ address }) => address === "127.0.0.1" || address === "::1"));
});

Deno.test("a dialer tells failures apart as Deno does", async () => {
  await using client = createClient({ dialer: true, retry: false });
  const refused = await assertRejects(
    () => client.get(`http://127.0.0.1:${deadPort()}/`),
    HttpRequestError,
  );
  assertEquals([refused.kind, refused.sent], ["refused", "no"]);
  const rows = [
    ["", "truncated"],
    ["220 ftp\r\n", "protocol"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", "truncated"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "truncated"],
  ] as const;
  for (const [answer, kind] of rows) {
    await using server = new RawServer(answer);
    const error = await assertRejects(() => client.get(server.url).text(), HttpRequestError);
    assertEquals([error.kind, error.sent], [kind, "maybe"]);
  }
  assertThrows(
    () => createClient({ dialer: true, proxy: { url: "http://127.0.0.1:1" } }),
    TypeError,
  );
  assertThrows(() => createClient({ dialer: { connectTimeout: -1 } }), RangeError);
});

for (const dialer of [false, true]) {
  const how = dialer ? "with a dialer" : "without a dialer";
  for (const head of ["", "Content-Length: 100000\r\n", "Transfer-Encoding: chunked\r\n"]) {
    Deno.test(`a reset in a body with ${head.split(":")[0] || "no length"} is an error ${how}`, async () => {
      await using server = await resetting(`HTTP/1.1 200 OK\r\n${head}\r\n3\r\nabc\r\n`);
      await using client = createClient({ dialer, retry: false });
      const response = await client.get(server.url);
      const reader = response.body!.getReader();
      await reader.read();
      server.reset();
      const error = await assertRejects(async () => {
        while (!(await reader.read()).done);
      }, HttpRequestError);
      assert(error.kind === "reset" || error.kind === "truncated", error.kind);
      assertEquals(client.stats().active, 0);
    });
  }
}

Deno.test("giving a request up ends its dial, and closing a client ends all", async () => {
  const signals: AbortSignal[] = [];
  const two = Promise.withResolvers<void>();
  const client = createClient({
    retry: false,
    dialer: {
      resolve: (_, signal) => {
        if (signals.push(signal) === 2) two.resolve();
        return new Promise(() => {});
      },
    },
  });
  const stop = new AbortController();
  const first = client.get("http://a.test/", { signal: stop.signal });
  const second = client.get("http://b.test/");
  const closed = assertRejects(() => second, HttpRequestError);
  const reason = new Error("enough");
  const ended = assertRejects(() => first);
  await two.promise;
  stop.abort(reason);
  assertEquals(await ended, reason);
  await client[Symbol.asyncDispose]();
  assertEquals((await closed).kind, "closed");
  assert(signals.every(({ aborted }) => aborted));
});

Deno.test("a dialer lets go of an upload that nobody takes, once nobody waits", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closed = Promise.withResolvers<void>();
  const { connect } = Deno;
  Deno.connect = (async (options: Deno.ConnectOptions) => {
    const conn = await connect(options);
    const close = conn.close.bind(conn);
    conn.close = () => {
      closed.resolve();
      close();
    };
    return conn;
  }) as typeof Deno.connect;
  await using client = createClient({
    dialer: true,
    retry: false,
    timeouts: { headers: 200, body: 200 },
  });
  try {
    const url = `http://127.0.0.1:${silent.addr.port}/`;
    const body = new Uint8Array(20_000_000);
    const error = await assertRejects(() => client.post(url, { body }), HttpTimeoutError);
    assertEquals(error.stage, "headers");
    await closed.promise;
  } finally {
    Deno.connect = connect;
  }
});

/** A server that answers with this, and resets the connection when it is told to. */
async function resetting(answer: string) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.once("data", () => socket.write(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/`,
    reset: () => sockets.forEach((socket) => socket.resetAndDestroy()),
    [Symbol.asyncDispose]: async () => {
      sockets.forEach((socket) => socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
