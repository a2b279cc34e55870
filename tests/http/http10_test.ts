/** Clients of HTTP/1.0 and a hardened server. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { serveHttp } from "../../http/server.ts";
import { connectTcp } from "../../net/tcp_client.ts";
import { exchange, rest, statuses } from "../_support/raw_http.ts";
import { until } from "../_support/until.ts";
import { startHaproxy } from "../_support/http_peers.ts";
import { needs, needsIPv6 } from "../_support/peers.ts";

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
