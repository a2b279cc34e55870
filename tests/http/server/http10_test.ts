/** Clients of HTTP/1.0 and a hardened server. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { serveHttp } from "../../../http/server/server.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { answer, exchange, rest, statuses } from "../../_support/raw_http.ts";
import { until } from "../../_support/until.ts";
import { startHaproxy } from "../../_support/http_peers.ts";
import { needs, needsIPv6 } from "../../_support/peers.ts";

const ipv6 = needsIPv6();

Deno.test("HTTP/1.0 without Host is served, and its URL has the address that it came to", async () => {
  await using server = serveHttp({ hardened: true }, ({ method, url }) => {
    return new Response(`${method} ${url}`);
  });
  const { port, url } = { ...server.addr, url: server.url };
  const ask = (text: string) => exchange(port, text);
  const check = await ask("OPTIONS / HTTP/1.0\r\n\r\n");
  assertEquals(statuses(check), [200]);
  assertStringIncludes(check, `OPTIONS ${url}/`);
  assertStringIncludes(await ask("GET /a/../b?c HTTP/1.0\r\n\r\n"), `GET ${url}/a/../b?c`);
  assertStringIncludes(await ask("OPTIONS * HTTP/1.0\r\n\r\n"), `OPTIONS ${url}/*`);
  assertStringIncludes(await ask("GET http://there/x HTTP/1.0\r\n\r\n"), "GET http://there/x");
  assertStringIncludes(await ask("GET / HTTP/1.0\r\nHost: named\r\n\r\n"), "GET http://named/");
  const post = "POST /p HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi";
  assertStringIncludes(await ask(post), `POST ${url}/p`);
  for (const host of ["Host:", "Host: a b", "Host: h/"]) {
    assertEquals(statuses(await ask(`GET / HTTP/1.0\r\n${host}\r\n\r\n`)), [400], host);
  }
  assertEquals(statuses(await ask("GET / HTTP/1.1\r\n\r\n")), [400]);
});

Deno.test({
  name: `HTTP/1.0 without Host gets a URL over IPv6, too${ipv6.suffix}`,
  ignore: ipv6.ignore,
  fn: async () => {
    await using server = serveHttp({ hardened: true, hostname: "::1" }, (request) => {
      return new Response(request.url);
    });
    const { port } = server.addr;
    await using conn = await connectTcp({ hostname: "::1", port, lingerTimeout: 0 });
    await conn.write("GET / HTTP/1.0\r\n\r\n");
    assertStringIncludes(await rest(conn), `http://[::1]:${port}/`);
  },
});

Deno.test("HTTP/1.0 without Host is held to allowedHosts by the address that it came to", async () => {
  for (const [host, status] of [["127.0.0.1", 200], ["named.example", 421]] as const) {
    await using server = serveHttp(
      { hardened: true, allowedHosts: [host] },
      () => new Response(),
    );
    const text = await exchange(server.addr.port, "GET / HTTP/1.0\r\n\r\n");
    assertEquals(statuses(text), [status], host);
  }
});

Deno.test("HTTP/1.0 keeps a connection that is asked for and whose bodies have a length", async () => {
  let handled = 0;
  await using server = serveHttp({ hardened: true }, async (request) => {
    handled++;
    const { pathname } = new URL(request.url);
    if (pathname === "/stream") {
      const late = async function* () {
        await delay(5);
        yield "some";
      };
      return new Response(ReadableStream.from(late()).pipeThrough(new TextEncoderStream()));
    }
    if (pathname === "/long") {
      const body = ReadableStream.from(["12", "34"]).pipeThrough(new TextEncoderStream());
      return new Response(body, { headers: { "content-length": "4" } });
    }
    if (pathname === "/none") return new Response(null, { status: 204 });
    if (pathname === "/close") return new Response("end", { headers: { connection: "close" } });
    return new Response(await request.text());
  });
  await using conn = await connectTcp({ port: server.addr.port, lingerTimeout: 0 });
  const asks = (path: string, method = "GET") =>
    `${method} ${path} HTTP/1.0\r\nConnection: Keep-Alive\r\n`;
  for (
    const [request, body] of [
      [`${asks("/", "POST")}Content-Length: 2\r\n\r\nhi`, "hi"],
      [`${asks("/long")}\r\n`, "1234"],
      [`${asks("/none")}\r\n`, ""],
      [`${asks("/stream", "HEAD")}\r\n`, ""],
      [`${asks("/")}\r\n`, ""],
    ] as const
  ) {
    await conn.write(request);
    const text = await answer(conn);
    assertMatch(text, /^HTTP\/1\.1 20[04] /);
    assertMatch(text, /\r\nconnection: keep-alive\r\n/, request);
    assert(text.endsWith(`\r\n\r\n${body}`), text);
  }
  // The end of the connection is the end of this one.
  await conn.write(`${asks("/stream")}\r\n${asks("/")}\r\n`);
  const last = await rest(conn);
  assertMatch(last, /\r\nconnection: close\r\n\r\nsome$/);
  assert(!/chunked|content-length/.test(last), last);
  assertEquals(handled, 6);
  for (
    const request of [
      "GET / HTTP/1.0\r\n\r\n",
      "GET / HTTP/1.0\r\nConnection: close\r\n\r\n",
      "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
      "GET /close HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    ]
  ) {
    assertMatch(await exchange(server.addr.port, request), /\r\nconnection: close\r\n/, request);
  }
});

for (
  const [what, lines] of Object.entries({
    "a GET": "\r\n",
    "a POST": "Content-Length: 2\r\n\r\nhi",
  })
) {
  for (const listens of [false, true]) {
    const name = `a response to ${what} of HTTP/1.0 that fails midway is reset` +
      (listens ? ", with a signal" : "");
    Deno.test({
      name,
      ignore: Deno.build.os === "windows",
      fn: async () => {
        await using server = serveHttp({ hardened: true }, (request) => {
          if (listens) request.signal.addEventListener("abort", () => {});
          if (request.body !== null) void request.text();
          let chunks = 0;
          return new Response(
            new ReadableStream({
              async pull(controller) {
                await delay(5);
                if (++chunks === 4) return controller.error(new Error("no more"));
                controller.enqueue(new Uint8Array(3).fill(0x61));
              },
            }),
          );
        });
        const method = what.split(" ")[1];
        const text = await exchange(server.addr.port, `${method} / HTTP/1.0\r\n${lines}`);
        assertMatch(text, /\r\n\r\n(aaa)+<reset>$/);
        const chunked = await exchange(
          server.addr.port,
          `${method} / HTTP/1.1\r\nHost: h\r\n${lines}`,
        );
        assert(chunked.includes("3\r\naaa\r\n") && !chunked.includes("\r\n0\r\n"), chunked);
      },
    });
  }
}

const haproxy = needs("haproxy");
Deno.test({
  name: `the default health check of HAProxy finds a hardened server well${haproxy.suffix}`,
  ignore: haproxy.ignore,
  fn: async () => {
    let checks = 0;
    await using server = serveHttp({ hardened: true }, (request) => {
      if (request.method === "OPTIONS") checks++;
      return new Response("well");
    });
    await using front = await startHaproxy(`
listen front
  bind 127.0.0.1:{port}
  option httpchk
  default-server check inter 50ms rise 1 fall 1
  server app 127.0.0.1:${server.addr.port}`);
    await until(() => checks > 3);
    const response = await fetch(`http://127.0.0.1:${front.port}/`);
    assertEquals([response.status, await response.text()], [200, "well"]);
    const logs = await front.logs();
    assert(!logs.includes("DOWN"), logs);
  },
});
