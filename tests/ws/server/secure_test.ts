/** `serveWebSocket` with the options of TLS. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { developmentCertificate } from "../../../net/tls/certificate.ts";
import { connectTls } from "../../../net/tls/client.ts";
import { connectWebSocket } from "../../../ws/client/client.ts";
import type { UpgradeInfo, WsServerEvent } from "../../../ws/server/upgrade_options.ts";
import { echo, serve, until } from "../../_support/ws_peers.ts";

const main = await developmentCertificate();
const other = await developmentCertificate({ names: ["other.localhost"], usage: "both" });

Deno.test("wss: a server sends the certificate of the requested name", async () => {
  await using server = serve({
    cert: main.cert,
    key: main.key,
    sni: [{ cert: other.cert, key: other.key }],
  });
  assert(server.hardened);
  assertStringIncludes(server.url, "wss://127.0.0.1:");
  const { port } = server.addr;
  for (const [serverName, { ca }] of [["localhost", main], ["other.localhost", other]] as const) {
    await using conn = await connectWebSocket(`wss://127.0.0.1:${port}`, {
      caCerts: [ca],
      serverName,
    });
    await conn.send("hello");
    assertEquals(await conn.receive({ timeout: 30_000 }), "hello");
  }
});

Deno.test("wss: the handler finds the certificate of the client, and others are events", async () => {
  const events: WsServerEvent[] = [];
  const { promise, resolve } = Promise.withResolvers<UpgradeInfo>();
  await using server = serve({
    cert: main.cert,
    key: main.key,
    clientAuth: "require",
    clientCa: [other.ca],
    onEvent: (event) => events.push(event),
  }, (conn, info) => {
    resolve(info);
    return echo(conn);
  });
  const options = { caCerts: [main.ca] };
  await assertRejects(() => connectWebSocket(server.url, options), NetError);
  await until(() => events.some(({ type }) => type === "handshake-error"));
  const { cert, key } = other;
  await using conn = await connectWebSocket(server.url, { ...options, cert, key });
  await conn.send("hello");
  assertEquals(await conn.receive({ timeout: 30_000 }), "hello");
  assert((await promise).tls?.peerCertificate !== undefined);
});

Deno.test("wss: minVersion is passed on, and reloadTls() takes effect on new connections", async () => {
  const events: WsServerEvent[] = [];
  await using server = serve({
    cert: main.cert,
    key: main.key,
    minVersion: "TLSv1.3",
    reloadInterval: 0,
    onEvent: (event) => events.push(event),
  });
  const { url } = server;
  const options = { serverName: "other.localhost" };
  await assertRejects(() => connectWebSocket(url, { ...options, caCerts: [other.ca] }), NetError);
  server.reloadTls([{ cert: other.cert, key: other.key }]);
  await using conn = await connectWebSocket(url, { ...options, caCerts: [other.ca] });
  await conn.send("hello");
  assertEquals(await conn.receive({ timeout: 30_000 }), "hello");
  assert(events.some((event) => event.type === "tls-reload" && event.error === undefined));
  const { port } = server.addr;
  await using tls = await connectTls({ port, caCerts: [other.ca], ...options, inspect: true });
  assertEquals(tls.tls?.version, "TLSv1.3");
});
