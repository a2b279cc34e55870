/** The PROXY protocol in front of `serveHttp`. */

import { assertEquals, assertThrows } from "@std/assert";
import { serveHttp } from "../../../http/server/server.ts";
import type { HttpServerEvent } from "../../../http/server/options.ts";
import { encodeProxyHeader } from "../../../net/proxy_protocol_codec.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { upgradeTls } from "../../../net/tls/upgrade.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { answer, exchange, statuses } from "../../_support/raw_http.ts";
import { until } from "../../_support/until.ts";

const proxyProtocol = { trusted: ["127.0.0.1"] };
const HEADER = encodeProxyHeader({
  version: 2,
  source: { hostname: "192.0.2.1", port: 50000 },
  destination: { hostname: "192.0.2.2", port: 443 },
});
const GET = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n");

Deno.test("handlers of serveHttp() see the client behind a trusted proxy", async () => {
  const events: HttpServerEvent[] = [];
  await using server = serveHttp(
    { proxyProtocol, onEvent: (event) => events.push(event) },
    (_request, { remoteAddr }) => new Response(`${remoteAddr.hostname} ${remoteAddr.port}`),
  );
  assertEquals(server.hardened, true);
  await using conn = await connectTcp({ port: server.addr.port });
  await conn.write(new Uint8Array([...HEADER, ...GET, ...GET]));
  for (let i = 0; i < 2; i++) {
    assertEquals((await answer(conn)).split("\r\n\r\n")[1], "192.0.2.1 50000");
  }
  // A second header is no request.
  await conn.write(new Uint8Array([...HEADER, ...GET]));
  assertEquals(statuses(await answer(conn)), [400]);
  assertEquals(await exchange(server.addr.port, GET), "");
  await until(() => events.length > 1);
  assertEquals(events.map(({ type }) => type), ["refused", "handshake-error"]);
});

Deno.test("handlers of serveHttp() see the client behind a trusted proxy over TLS", async () => {
  const { ca, good } = await testCertificates();
  await using server = serveHttp(
    { ...good, proxyProtocol },
    (_request, { remoteAddr }) => new Response(remoteAddr.hostname),
  );
  await using conn = await connectTcp({ port: server.addr.port });
  await conn.write(HEADER);
  await upgradeTls(conn, { serverName: "localhost", caCerts: [ca] });
  await conn.write(GET);
  assertEquals((await answer(conn)).split("\r\n\r\n")[1], "192.0.2.1");
});

Deno.test("serveHttp() reads no PROXY header on Deno's transport", () => {
  assertThrows(
    () => serveHttp({ proxyProtocol, hardened: false }, () => new Response()),
    TypeError,
    "proxyProtocol",
  );
});
