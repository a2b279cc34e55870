/** The client behind proxies that are real: Squid, tinyproxy and microsocks. @module */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { createServer } from "node:http";
import { createClient } from "../../../http/client/client.ts";
import { HttpRequestError } from "../../../http/client/errors.ts";
import { testCertificates } from "../../_support/certificates.ts";
import {
  type HttpPeer,
  startMicrosocks,
  startSquid,
  startTinyproxy,
} from "../../_support/http_peers.ts";
import { deadPort } from "../../_support/http_servers.ts";
import { needs } from "../../_support/peers.ts";

/** A server of Node that says what it was sent, and counts its connections. */
async function echo() {
  let connections = 0;
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (data) => body += data);
    request.on("end", () => response.end(`${request.method} ${request.url} ${body}`));
  });
  server.on("connection", () => void connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}/`,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const LARGE = "x".repeat(200_000);

/**
 * tinyproxy ends the connection after each response, and does not announce it. A request that begins
 * before the client sees the end fails, so each request asks for the end.
 */
const CLOSES: Readonly<Record<string, string>> = { connection: "close" };

/** Sends requests of many kinds through a proxy; those of `http:` with further headers. */
async function check(
  proxy: string,
  refuses: boolean,
  more: Readonly<Record<string, string>>,
): Promise<void> {
  await using server = await echo();
  const { ca, good: { cert, key } } = await testCertificates();
  await using secure = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
    async (request) => new Response(`${request.method} ${(await request.text()).length}`),
  );
  await using client = createClient({ proxy, caCerts: [ca], retry: false });
  for (let i = 0; i < 3; i++) {
    assertEquals(
      await client.get(`${server.url}a?b=${i}`, { headers: more }).text(),
      `GET /a?b=${i} `,
    );
    assertEquals(
      await client.post(server.url, { body: "abc", headers: more }).text(),
      "POST / abc",
    );
    const body = new Blob([LARGE]).stream();
    const headers = { "content-length": `${LARGE.length}`, ...more };
    assertEquals(await client.put(server.url, { body, headers }).text(), `PUT / ${LARGE}`);
    const response = await client.post(`https://127.0.0.1:${secure.addr.port}/`, { body: LARGE });
    assertEquals([await response.text(), response.reused], [`POST ${LARGE.length}`, i > 0]);
  }
  assertEquals(client.stats().active, 0);
  const error = await assertRejects(
    () => client.get(`https://127.0.0.1:${deadPort()}/`),
    HttpRequestError,
  );
  assertEquals([error.sent, error.kind === "reply"], ["no", refuses], error.message);
  if (refuses) assert(/\b5\d\d\b/.test(error.message), error.message);
}

const PEERS: readonly (readonly [string, string, () => Promise<HttpPeer>])[] = [
  ["squid", "http", () => startSquid("cache deny all")],
  ["tinyproxy", "http", () => startTinyproxy(30)],
  ["microsocks", "socks5", () => startMicrosocks()],
];

for (const [name, scheme, start] of PEERS) {
  const peer = needs(name);
  Deno.test({
    name: `the client sends all kinds of requests through ${name}${peer.suffix}`,
    ignore: peer.ignore,
    fn: async () => {
      await using running = await start();
      const more = name === "tinyproxy" ? CLOSES : {};
      await check(`${scheme}://127.0.0.1:${running.port}`, scheme === "http", more);
    },
  });
}
