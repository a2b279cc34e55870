/** TLS on a version of Deno whose `node:tls` has no usable machine. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { NetError } from "../../../net/errors/errors.ts";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { connectTls } from "../../../net/tls/client.ts";
import { serveTls, type ServeTlsOptions } from "../../../net/tls/server.ts";
import { upgradeTls, upgradeTlsServer } from "../../../net/tls/upgrade.ts";
import { testCertificates } from "../../_support/certificates.ts";

// Each test file has its own copy of the classes, so this concerns only the tests below.
const socket = new tls.TLSSocket(new Duplex({ read() {}, write() {} }), { isServer: true });
const { _handle: handle } = socket as unknown as { _handle: object };
Reflect.deleteProperty(Reflect.getPrototypeOf(handle)!, "drainEncOut");
socket.on("error", () => {});
socket.destroy();

const { ca, good: { cert, key } } = await testCertificates();
const trusting = { caCerts: [ca] };

/** Fails unless an operation is not supported. */
function assertUnsupported(error: unknown, phase: string): void {
  const isExpected = error instanceof NetError && error.kind === "unsupported";
  assertEquals([isExpected, (error as NetError).phase], [true, phase], `${error}`);
}

Deno.test("without the machine, servers and clients run on TLS of Deno", async () => {
  await using server = serveTls({ cert, key, alpnProtocols: ["echo"] }, async (conn) => {
    for await (const line of conn.lines()) await conn.write(`${line} ${conn.tls?.alpnProtocol}\n`);
  });
  const { port } = server.addr;
  await using conn = await connectTls({ port, ...trusting, alpnProtocols: ["echo"] });
  await conn.write("hello\n");
  assertEquals(await conn.readLine({ timeout: 30_000 }), "hello echo");
  const error = await assertRejects(() => connectTls({ port }), NetError);
  assertEquals([error.kind, error.tls], ["tls", "untrusted"]);
});

Deno.test("without the machine, clients can still use STARTTLS over TCP", async () => {
  await using server = serveTls({ cert, key }, (conn) => conn.write("hello\n"));
  await using conn = await connectTcp({ port: server.addr.port });
  await upgradeTls(conn, { serverName: "localhost", ...trusting });
  assertEquals(await conn.readLine({ timeout: 30_000 }), "hello");
});

Deno.test("without the machine, serveTls() rejects options that need it before it listens", () => {
  const needing: Array<Partial<ServeTlsOptions>> = [
    { engine: "node" },
    { minVersion: "TLSv1.3" },
    { inspect: true },
    { noDelay: true },
    { sni: [{ cert, key }] },
    { reloadInterval: 1000 },
    { clientAuth: "require", clientCa: [ca] },
  ];
  for (const options of needing) {
    assertUnsupported(assertThrows(() => serveTls({ cert, key, ...options }, () => {})), "listen");
  }
});

Deno.test("without the machine, clients reject options that need it before they connect", async () => {
  let accepted = 0;
  await using server = serveTcp({}, () => void accepted++);
  const { port } = server.addr;
  const needing = [{ engine: "node" }, { inspect: true }, { cert, key }, { resetOnAbort: true }];
  for (const options of needing) {
    const dialling = connectTls({ port, ...trusting, ...options } as { port: number });
    assertUnsupported(await assertRejects(() => dialling), "handshake");
  }
  assertEquals(accepted, 0);
});

Deno.test("without the machine, TLS over another transport fails and ends the connection", async () => {
  const [client, server] = memoryPair();
  const upgrades = [
    upgradeTls(client, { serverName: "localhost", ...trusting }),
    upgradeTlsServer(server, { cert, key }),
  ];
  for (const upgrade of upgrades) {
    assertUnsupported(await assertRejects(() => upgrade), "handshake");
  }
  assertEquals([client.open, server.open], [false, false]);
});
