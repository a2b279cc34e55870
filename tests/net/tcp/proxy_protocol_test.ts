/** The PROXY protocol of `serveTcp` and `serveTls`: `net/internal/proxy_header.ts` and `net/internal/listening_server.ts`. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { ProxyHeader } from "../../../net/proxy_protocol_codec.ts";
import { decodeProxyHeader, encodeProxyHeader } from "../../../net/proxy_protocol_codec.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { NetError } from "../../../net/errors/errors.ts";
import type { ServerEvent, ServeTcpOptions } from "../../../net/tcp/server_options.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { upgradeTls } from "../../../net/tls/upgrade.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { exchange } from "../../_support/raw_http.ts";
import { until } from "../../_support/until.ts";

const TRUSTED = { trusted: ["127.0.0.0/8", "::1"] };
const STRANGERS = { trusted: ["10.0.0.0/8"] };
const client = { hostname: "192.0.2.1", port: 50000 };
const destination = { hostname: "192.0.2.2", port: 443 };
const V1 = encodeProxyHeader({ version: 1, source: client, destination });
const V2 = encodeProxyHeader({ version: 2, source: client, destination });
const join = (...parts: (Uint8Array | string)[]) =>
  new Uint8Array(
    parts.flatMap((part) => [...typeof part === "string" ? new TextEncoder().encode(part) : part]),
  );

/** Says who it takes the client for, and what it sends. */
async function whoami(conn: Connection): Promise<void> {
  const chunk = await conn.readChunk();
  await conn.write(join(`${conn.peer} `, chunk ?? new Uint8Array()));
}

/** A server that keeps its events. */
function serve(options: ServeTcpOptions, handler = whoami) {
  const events: ServerEvent[] = [];
  const server = serveTcp({ ...options, onEvent: (event) => events.push(event) }, handler);
  const failures = () =>
    events.filter((event) => event.type === "handshake-error").map(({ error }) => error);
  return { server, events, failures, port: server.addr.port };
}

const READ: [name: string, header: Uint8Array, client: string][] = [
  ["version 1", V1, "192.0.2.1:50000"],
  ["version 2", V2, "192.0.2.1:50000"],
  [
    "version 2 with a checksum",
    encodeProxyHeader({ version: 2, source: client, destination }, { checksum: true }),
    "192.0.2.1:50000",
  ],
  [
    "a long header",
    encodeProxyHeader({
      version: 2,
      source: client,
      destination,
      tlvs: [{ type: 0xe0, value: new Uint8Array(4000) }],
    }),
    "192.0.2.1:50000",
  ],
  [
    "an IPv6 client",
    encodeProxyHeader({ version: 2, source: { hostname: "2001:db8::1", port: 1 }, destination }),
    "[2001:db8::1]:1",
  ],
];
for (const [name, header, expected] of READ) {
  Deno.test(`serveTcp() takes the client from the header of a trusted peer: ${name}`, async () => {
    const { server, port } = serve({ proxyProtocol: TRUSTED });
    await using _server = server;
    assertEquals(await exchange(port, join(header, "hello")), `${expected} hello`);
    // Byte by byte.
    await using conn = await connectTcp({ port });
    for (const byte of join(header, "h")) await conn.write(Uint8Array.of(byte));
    assertEquals(await conn.readLine(), `${expected} h`);
  });
}

Deno.test("serveTcp() keeps the peer's address where the header names no client", async () => {
  const { server, port } = serve({ proxyProtocol: TRUSTED });
  await using _server = server;
  const headers = [
    encodeProxyHeader({ version: 1 }),
    encodeProxyHeader({ version: 2 }),
    encodeProxyHeader({ version: 2, local: true }),
  ];
  for (const header of headers) {
    await using conn = await connectTcp({ port });
    await conn.write(join(header, "hello"));
    const { port: own } = conn.localAddr as Deno.NetAddr;
    assertEquals(await conn.readLine(), `127.0.0.1:${own} hello`);
  }
});

Deno.test("serveTcp() interprets no header of an untrusted peer", async () => {
  const { server, port, failures } = serve({ proxyProtocol: STRANGERS });
  await using _server = server;
  for (const header of [V1, V2]) {
    await using conn = await connectTcp({ port });
    await conn.write(header);
    const expected = join(`127.0.0.1:${(conn.localAddr as Deno.NetAddr).port} `, header);
    assertEquals(await conn.readExact(expected.length), expected);
  }
  assertEquals(failures(), []);
});

Deno.test("serveTcp() trusts no client that a header names", async () => {
  // The client has the address of a trusted proxy, and sends a header of its own.
  const { server, port } = serve({ proxyProtocol: TRUSTED });
  await using _server = server;
  const inner = encodeProxyHeader({ version: 1, source: client, destination });
  const outer = encodeProxyHeader({
    version: 1,
    source: { hostname: "127.0.0.1", port: 7 },
    destination,
  });
  const text = await exchange(port, join(outer, inner));
  assertEquals(text, `127.0.0.1:7 ${new TextDecoder().decode(inner)}`);
});

const REFUSED: [name: string, bytes: Uint8Array, kind: string][] = [
  ["no header", join("GET / HTTP/1.1\r\n\r\n"), "protocol"],
  ["a malformed header", join("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"), "protocol"],
  ["a line without end", join("PROXY UNKNOWN ", "x".repeat(5000)), "protocol"],
  ["a huge length", join(V2.slice(0, 14), Uint8Array.of(255, 255), "x".repeat(5000)), "protocol"],
  [
    "a wrong checksum",
    join(V2.slice(0, 15), Uint8Array.of(19), V2.slice(16), Uint8Array.of(3, 0, 4, 1, 2, 3, 4)),
    "protocol",
  ],
  ["half a line", V1.slice(0, 20), "truncated"],
  ["half a header of version 2", V2.slice(0, 20), "truncated"],
  ["nothing", new Uint8Array(), "truncated"],
];
for (const [name, bytes, kind] of REFUSED) {
  Deno.test(`serveTcp() closes a trusted connection that begins with ${name}`, async () => {
    let handled = 0;
    const { server, port, failures } = serve({ proxyProtocol: TRUSTED }, () => {
      handled++;
      return Promise.resolve();
    });
    await using _server = server;
    const text = await exchange(port, bytes, { halfClose: kind === "truncated" });
    // Bytes that nobody read make a reset of the end.
    assert(text === "" || text === "<reset>", text);
    await until(() => failures().length === 1);
    const [error] = failures();
    assertEquals([error?.kind, error?.phase, handled], [kind, "handshake", 0]);
    assert(error!.message.includes("127.0.0.1:"), error!.message);
    assertEquals(server.stats().active, 0);
  });
}

Deno.test("serveTcp() closes a trusted connection whose header takes too long", async () => {
  const { server, port, failures } = serve({ proxyProtocol: { ...TRUSTED, timeout: 50 } });
  await using _server = server;
  for (const bytes of [new Uint8Array(), V1.slice(0, 10), V2.slice(0, 14)]) {
    assertEquals(await exchange(port, bytes), "");
  }
  assertEquals(failures().map(({ kind }) => kind), ["timeout", "timeout", "timeout"]);
  // In time, the connection may take as long as it likes.
  assertEquals(await exchange(port, join(V1, "hello")), "192.0.2.1:50000 hello");
});

Deno.test("maxConnectionsPerAddress counts the clients behind a trusted proxy", async () => {
  const { server, events, port } = serve({
    proxyProtocol: TRUSTED,
    maxConnectionsPerAddress: 2,
  });
  await using _server = server;
  await using clients = new AsyncDisposableStack();
  const open = async (hostname: string) => {
    const conn = clients.use(await connectTcp({ port }));
    const source = { hostname, port: 1 };
    await conn.write(encodeProxyHeader({ version: 2, source, destination }));
    return conn;
  };
  // Of those that have not said who they are, there may be more.
  for (let i = 0; i < 3; i++) clients.use(await connectTcp({ port }));
  const first = await open("192.0.2.1");
  await open("192.0.2.1");
  await open("192.0.2.2");
  await until(() => events.filter(({ type }) => type === "open").length === 3);
  const third = await open("::ffff:192.0.2.1");
  assertEquals(await third.readChunk(), null);
  const refused = events.find((event) => event.type === "refused");
  assert(refused?.type === "refused");
  assertEquals([refused.reason, refused.remoteAddr.hostname], ["address", "192.0.2.1"]);
  // Its place is free again when it has gone.
  await first.close();
  await until(() => events.some(({ type }) => type === "close"));
  const next = await open("192.0.2.1");
  await next.write("hello");
  assertEquals(await next.readLine(), "192.0.2.1:1 hello");
});

Deno.test("a connection that owes its header has a slot of maxConnections", async () => {
  const { server, port, events } = serve({
    proxyProtocol: { ...TRUSTED, timeout: 0 },
    maxConnections: 1,
    whenFull: "refuse",
  });
  await using _server = server;
  await using first = await connectTcp({ port });
  await until(() => server.stats().active === 1);
  assertEquals(
    await exchange(port, join(V1, "hello")).then((text) => text.replace("<reset>", "")),
    "",
  );
  assert(events.some((event) => event.type === "refused" && event.reason === "full"));
  await first.write(join(V1, "hello"));
  assertEquals(await first.readLine(), "192.0.2.1:50000 hello");
});

Deno.test("shutdown() cuts a connection that owes its header", async () => {
  const { server, port } = serve({ proxyProtocol: { ...TRUSTED, timeout: 0 } });
  await using conn = await connectTcp({ port });
  await until(() => server.stats().active === 1);
  assertEquals((await server.shutdown({ deadline: 20 })).forced, 1);
  assertEquals(await conn.readChunk(), null);
});

Deno.test("a handler sees the header with its extensions", async () => {
  const headers: (ProxyHeader | undefined)[] = [];
  const options = { proxyProtocol: TRUSTED };
  await using server = serveTcp(options, (_conn, info) => {
    headers.push(info.proxyHeader);
    assertEquals(info.remoteAddr, { transport: "tcp", ...client });
    assertEquals(info.localAddr.port, server.addr.port);
  });
  const tlvs = [{ type: 2, value: new TextEncoder().encode("a.test") }];
  const header: ProxyHeader = { version: 2, local: false, source: client, destination, tlvs };
  assertEquals(await exchange(server.addr.port, encodeProxyHeader(header)), "");
  assertEquals(headers, [header]);
  await using plain = serveTcp({}, (_conn, info) => void headers.push(info.proxyHeader));
  await exchange(plain.addr.port, "");
  assertEquals(headers[1], undefined);
});

Deno.test("serveTls() reads the header before the handshake", async () => {
  const { ca, good } = await testCertificates();
  const events: ServerEvent[] = [];
  await using server = serveTls({
    ...good,
    proxyProtocol: TRUSTED,
    onEvent: (event) => events.push(event),
  }, async (conn, { remoteAddr, proxyHeader }) => {
    await conn.write(`${conn.peer} ${remoteAddr.hostname} ${proxyHeader?.version}\n`);
  });
  for (const [header, version] of [[V1, 1], [V2, 2]] as const) {
    await using conn = await connectTcp({ port: server.addr.port });
    await conn.write(header);
    await upgradeTls(conn, { serverName: "localhost", caCerts: [ca] });
    assertEquals(await conn.readLine(), `192.0.2.1:50000 192.0.2.1 ${version}`);
  }
  // The first bytes of TLS are no header.
  await using conn = await connectTcp({ port: server.addr.port });
  await assertRejects(
    () => upgradeTls(conn, { serverName: "localhost", caCerts: [ca] }),
    NetError,
  );
  // A failed handshake behind the header is told with the address of the client.
  await exchange(server.addr.port, join(V1, "no TLS\r\n\r\n"));
  await until(() => events.filter(({ type }) => type === "handshake-error").length === 2);
  const failed = events.findLast((event) => event.type === "handshake-error");
  assert(failed?.type === "handshake-error");
  assertEquals(failed.remoteAddr.hostname, "192.0.2.1");
});

Deno.test("proxyProtocol is checked before listening", async () => {
  const { good } = await testCertificates();
  const bad = [{ trusted: [] }, { trusted: ["a"] }, { ...TRUSTED, timeout: -1 }];
  for (const proxyProtocol of bad) {
    assertThrows(() => serveTcp({ proxyProtocol }, () => {}), Error, "proxyProtocol");
    assertThrows(() => serveTls({ ...good, proxyProtocol }, () => {}), Error, "proxyProtocol");
  }
  const options = { ...good, proxyProtocol: TRUSTED, engine: "deno" } as const;
  assertThrows(() => serveTls(options, () => {}), TypeError, "node:tls");
});

Deno.test("an untrusted peer's header is one that decodeProxyHeader() reads", () => {
  // Else the tests above would show nothing.
  assertEquals(decodeProxyHeader(V1)?.header.source, client);
  assertEquals(decodeProxyHeader(V2)?.header.source, client);
});
