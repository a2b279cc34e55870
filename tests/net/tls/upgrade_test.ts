import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async/delay";
import type { Connection, ConnectionOptions } from "../../../net/connection/connection.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { upgradeTls, type UpgradeTlsOptions, upgradeTlsServer } from "../../../net/tls/upgrade.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { conformance } from "../../_support/conformance.ts";
import { needs } from "../../_support/peers.ts";

const certs = await testCertificates();
const trusting: UpgradeTlsOptions = { serverName: "localhost", caCerts: [certs.ca] };

/** A server that offers STARTTLS and then answers lines. */
function mailServer(certificate = certs.good) {
  return serveTcp({ maxConnections: 1 }, async (conn) => {
    while (await conn.readLine() !== "STARTTLS") await conn.write("500 STARTTLS first\r\n");
    await conn.write("220 go ahead\r\n");
    await upgradeTlsServer(conn, certificate);
    for await (const line of conn.lines()) await conn.write(`250 ${line}\r\n`);
  });
}

async function dialMail(port: number): Promise<Connection> {
  const conn = await connectTcp({ port, lingerTimeout: 50 });
  await conn.write("STARTTLS\r\n");
  assertEquals(await conn.readLine({ timeout: 30_000 }), "220 go ahead");
  return conn;
}

for (const inspect of [false, true]) {
  conformance(`upgraded${inspect ? ", node:tls on both sides" : ""}`, async (options) => {
    const { promise, resolve } = Promise.withResolvers<Connection>();
    const server = serveTcp({ idleTimeout: 0, ...options }, async (conn) => {
      const upgrading = upgradeTlsServer(conn, certs.good);
      resolve(upgrading);
      await upgrading;
      await conn.closed;
    });
    const client = await connectTcp({ port: server.addr.port, ...options });
    await upgradeTls(client, { ...trusting, inspect });
    return [client, await promise, server];
  });
}

conformance("upgraded in memory", async (options?: ConnectionOptions) => {
  const [client, server] = memoryPair(options);
  await Promise.all([upgradeTlsServer(server, certs.good), upgradeTls(client, trusting)]);
  return [client, server];
}, 100_000);

Deno.test("the server counts an upgraded connection until its end", async () => {
  await using server = mailServer();
  {
    await using conn = await dialMail(server.addr.port);
    const { id } = conn;
    const upgraded = await upgradeTls(conn, trusting);
    assert(upgraded === conn && upgraded.id === id);
    await conn.write("EHLO\r\n");
    assertEquals(await conn.readLine({ timeout: 30_000 }), "250 EHLO");
    assertEquals(server.stats().active, 1);
  }
  // The only slot is free again.
  await using next = await dialMail(server.addr.port);
  await upgradeTls(next, trusting);
  await next.write("NOOP\r\n");
  assertEquals(await next.readLine({ timeout: 30_000 }), "250 NOOP");
});

Deno.test("close() ends a handshake that is under way, on both sides", async () => {
  for (const upgrade of [upgradeTls, upgradeTlsServer]) {
    const [silent, conn] = memoryPair({ lingerTimeout: 0 });
    await using _silent = silent;
    const upgrading = upgrade === upgradeTls
      ? upgradeTls(conn, { ...trusting, handshakeTimeout: 0 })
      : upgradeTlsServer(conn, { ...certs.good, handshakeTimeout: 0 });
    const failing = assertRejects(() => upgrading, NetError);
    await conn.close();
    assertEquals((await failing).kind, "closed");
  }
});

Deno.test("what is written during the handshake goes out encrypted, in order", async () => {
  const [client, server] = memoryPair();
  await using _client = client;
  await using _server = server;
  const upgrading = upgradeTls(client, trusting);
  const writing = [client.write("one\n"), client.write("two\n"), client.send("three\n")];
  await upgradeTlsServer(server, certs.good);
  await upgrading;
  await Promise.all(writing);
  for (const line of ["one", "two", "three"]) assertEquals(await server.readLine(), line);
});

Deno.test("who reads during the handshake gets what comes after it", async () => {
  const [client, server] = memoryPair();
  await using _client = client;
  await using _server = server;
  const upgrading = upgradeTls(client, trusting);
  const reading = client.readLine({ timeout: 30_000 });
  await upgradeTlsServer(server, certs.good);
  await upgrading;
  await server.write("hello\n");
  assertEquals(await reading, "hello");
});

Deno.test("bytes smuggled in before the handshake end the connection, on both sides", async () => {
  for (const upgrade of [upgradeTls, upgradeTlsServer]) {
    const [peer, victim] = memoryPair();
    await using _peer = peer;
    await using _victim = victim;
    await peer.write("220 go ahead\r\n250 injected\r\n");
    await victim.readLine();
    const error = await assertRejects(
      () =>
        upgrade === upgradeTls
          ? upgradeTls(victim, trusting)
          : upgradeTlsServer(victim, certs.good),
      NetError,
    );
    assertEquals([error.kind, error.phase], ["protocol", "handshake"]);
    assert(error.message.includes("14 bytes"), error.message);
    assertEquals(victim.open, false);
    const read = await assertRejects(() => victim.readChunk(), NetError);
    assertEquals(read.kind, "protocol");
  }
});

Deno.test("upgradeTls() tells what Deno's TLS refuses as connectTls() does", async () => {
  await using server = serveTcp({}, async (conn) => void await conn.readChunk());
  await using conn = await connectTcp({ port: server.addr.port });
  const upgrading = upgradeTls(conn, { ...trusting, serverName: "no name" });
  assertEquals((await assertRejects(() => upgrading, NetError)).phase, "handshake");
});

Deno.test("upgradeTls() verifies: untrusted, expired, other name, not TLS", async () => {
  const rows = [
    [certs.untrusted, "localhost", "untrusted"],
    [certs.expired, "localhost", "expired"],
    [certs.notYetValid, "localhost", "not-yet-valid"],
    [certs.good, "other.test", "wrong-name"],
  ] as const;
  for (const inspect of [false, true]) {
    for (const [certificate, serverName, reason] of rows) {
      await using server = mailServer(certificate);
      await using conn = await dialMail(server.addr.port);
      const options = { ...trusting, serverName, inspect };
      const error = await assertRejects(() => upgradeTls(conn, options), NetError);
      assertEquals([error.kind, error.tls], ["tls", reason], `inspect ${inspect}`);
      assertEquals(conn.open, false);
    }
    const [client, server] = memoryPair();
    await using _client = client;
    await using _server = server;
    const upgrading = upgradeTls(client, { ...trusting, inspect });
    await server.readChunk();
    await server.write("502 I do not speak TLS\r\n");
    const error = await assertRejects(() => upgrading, NetError);
    assertEquals(error.kind, "tls", error.message);
  }
});

Deno.test("a silent peer, a signal and close() end the handshake", async () => {
  for (const inspect of [false, true]) {
    await using server = serveTcp({ lingerTimeout: 0 }, async (conn) => {
      await conn.closed;
    });
    const { port } = server.addr;
    await using late = await connectTcp({ port });
    const options = { ...trusting, inspect, handshakeTimeout: 50 };
    const error = await assertRejects(() => upgradeTls(late, options), NetError);
    assertEquals([error.kind, error.phase], ["timeout", "handshake"]);

    await using stopped = await connectTcp({ port });
    const stop = new AbortController();
    const upgrading = upgradeTls(stopped, { ...trusting, inspect, signal: stop.signal });
    stop.abort(new Error("enough"));
    await assertRejects(() => upgrading, Error, "enough");
    assertEquals(stopped.open, false);

    await using cut = await connectTcp({ port });
    const cutting = upgradeTls(cut, { ...trusting, inspect });
    await delay(5);
    cut.abort();
    const closed = await assertRejects(() => cutting, NetError);
    assertEquals(closed.kind, "closed");
    await server.shutdown({ deadline: 0 });
  }
});

Deno.test("upgradeTls() is refused while the connection is in use, and after its end", async () => {
  const [client, server] = memoryPair();
  await using _server = server;
  const reading = client.readLine().catch(() => {});
  await assertRejects(() => upgradeTls(client, trusting), TypeError, "in use");
  await server.write("x\n");
  await reading;
  await client.close();
  await assertRejects(() => upgradeTls(client, trusting), TypeError, "closed");
  const unnamed = { caCerts: [certs.ca], serverName: "" };
  await assertRejects(() => upgradeTls(server, unnamed), TypeError, "serverName");
  await assertRejects(() => upgradeTlsServer(server, {}), TypeError, "requires a certificate");
});

const openssl = needs("openssl");

Deno.test({
  name: `openssl s_client -starttls smtp talks to upgradeTlsServer()${openssl.suffix}`,
  ignore: openssl.ignore,
  async fn() {
    await using server = serveTcp({}, async (conn) => {
      await conn.write("220 mail.test ESMTP\r\n");
      for await (const line of conn.lines({ max: 512 })) {
        if (line === "STARTTLS") {
          await conn.write("220 ready\r\n");
          await upgradeTlsServer(conn, certs.good);
        } else {await conn.write(
            line.startsWith("EHLO") ? "250-hi\r\n250 STARTTLS\r\n" : "250 ok\r\n",
          );}
      }
    });
    const ca = await Deno.makeTempFile();
    await Deno.writeTextFile(ca, certs.ca);
    const child = new Deno.Command("openssl", {
      args: ["s_client", "-quiet", "-starttls", "smtp", "-CAfile", ca, "-verify_return_error"]
        .concat("-connect", `127.0.0.1:${server.addr.port}`),
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("NOOP\r\n"));
    const out = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    while (!said.includes("250 ok")) {
      const { value, done } = await out.read();
      if (done) break;
      said += value;
    }
    assert(said.includes("250 ok"), said);
    await out.cancel();
    child.kill("SIGKILL");
    await writer.close().catch(() => {});
    await child.status;
    await Deno.remove(ca);
  },
});

Deno.test("a handshake that is given up closes the socket, whatever the peer does", async () => {
  for (const inspect of [false, true]) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using conn = await connectTcp({ port: listener.addr.port });
    using peer = await listener.accept();
    const stop = new AbortController();
    const upgrading = upgradeTls(conn, { ...trusting, inspect, signal: stop.signal });
    const buffer = new Uint8Array(10_000);
    await peer.read(buffer);
    stop.abort(new Error("enough"));
    await assertRejects(() => upgrading, Error, "enough");
    // The peer says nothing, and keeps its side open.
    assertEquals(await peer.read(buffer), null);
  }
});
