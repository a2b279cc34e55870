import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { developmentAuthority, type DevelopmentCertificate } from "../../../net/tls/certificate.ts";
import type { Connection } from "../../../net/connection/connection.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTls, type ConnectTlsOptions } from "../../../net/tls/client.ts";
import { serveTls, type ServeTlsOptions } from "../../../net/tls/server.ts";
import { needs } from "../../_support/peers.ts";
import { until } from "../../_support/until.ts";

const authority = await developmentAuthority();
const [plain, other, wild, renewed, client] = await Promise.all([
  authority.issue(),
  authority.issue({ names: ["other.test"] }),
  authority.issue({ names: ["*.wild.test", "deep.a.wild.test"] }),
  authority.issue({ commonName: "renewed" }),
  authority.issue({ usage: "client", commonName: "alice" }),
]);

function serve(options: ServeTlsOptions) {
  return serveTls({ lingerTimeout: 50, ...options }, async (conn) => {
    for await (const line of conn.lines()) await conn.write(`${line}\n`);
  });
}

function dial(port: number, options: Partial<ConnectTlsOptions> = {}): Promise<Connection> {
  return connectTls({ port, caCerts: [authority.cert], lingerTimeout: 50, ...options });
}

/** The fingerprint that a client is shown. */
async function shown(port: number, serverName?: string): Promise<string | undefined> {
  await using conn = await dial(port, { inspect: true, ...(serverName && { serverName }) });
  return conn.tls?.peerCertificate?.fingerprint;
}

async function echoes(conn: Connection, line: string): Promise<void> {
  await conn.write(`${line}\n`);
  assertEquals(await conn.readLine({ timeout: 30_000 }), line);
}

Deno.test("inspect tells version, cipher and the peer's certificate on both sides", async () => {
  const { promise, resolve } = Promise.withResolvers<Connection["tls"]>();
  const auth = { clientAuth: "require" as const, clientCa: [authority.cert] };
  await using server = serveTls({ ...plain, ...auth, inspect: true }, (conn) => resolve(conn.tls));
  await using conn = await dial(server.addr.port, {
    serverName: "localhost",
    cert: client.cert,
    key: client.key,
    inspect: true,
  });
  const seen = await promise;
  assertEquals(conn.tls?.version, "TLSv1.3");
  assertEquals(seen?.version, "TLSv1.3");
  assertMatch(conn.tls?.cipher ?? "", /^TLS_[A-Z0-9_]+$/);
  assertEquals(seen?.cipher, conn.tls?.cipher);
  assertEquals(seen?.serverName, "localhost");
  assertEquals(seen?.peerCertificate?.commonName, "alice");
  assertEquals(conn.tls?.peerCertificate?.fingerprint, plain.fingerprint);
  assertMatch(conn.tls?.peerCertificate?.subjectAltName ?? "", /DNS:localhost/);
});

Deno.test("without inspect there is no more than the protocol", async () => {
  await using server = serve({ cert: plain.cert, key: plain.key });
  await using conn = await dial(server.addr.port);
  assertEquals(conn.tls, { alpnProtocol: null });
});

Deno.test("each name gets its certificate, a wildcard one label, every other the first", async () => {
  await using server = serve({ ...plain, sni: [other, wild] });
  const { port } = server.addr;
  assertEquals(await shown(port, "localhost"), plain.fingerprint);
  assertEquals(await shown(port, "other.test"), other.fingerprint);
  assertEquals(await shown(port, "OTHER.test"), other.fingerprint);
  assertEquals(await shown(port, "x.wild.test"), wild.fingerprint);
  assertEquals(await shown(port, "deep.a.wild.test"), wild.fingerprint);
  assertEquals(await shown(port), plain.fingerprint);
  const error = await assertRejects(() => shown(port, "a.b.wild.test"), NetError);
  assertEquals(error.tls, "wrong-name");
});

Deno.test("clients are verified whichever certificate they ask for", async () => {
  const auth = { clientAuth: "require" as const, clientCa: [authority.cert] };
  await using server = serve({ ...plain, sni: [other], ...auth });
  await using conn = await dial(server.addr.port, { ...client, serverName: "other.test" });
  await echoes(conn, "hello");
  await using stranger = await dial(server.addr.port, { serverName: "other.test" });
  const end = await stranger.readLine({ timeout: 30_000 }).catch((error: NetError) => error.kind);
  assert(end === null || end === "tls" || end === "reset" || end === "truncated", `${end}`);
});

Deno.test("minVersion TLSv1.3 turns TLS 1.2 away, on both sides", async () => {
  const tls = await import("node:tls");
  await using server = serve({ ...plain, minVersion: "TLSv1.3" });
  const old = tls.connect({
    port: server.addr.port,
    host: "127.0.0.1",
    ca: authority.cert,
    maxVersion: "TLSv1.2",
  });
  const code = await new Promise((resolve) => {
    old.on("secureConnect", () => resolve("connected"));
    old.on("error", (error: Error & { code?: string }) => resolve(error.code));
  });
  old.destroy();
  assertEquals(code, "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
  await using conn = await dial(server.addr.port, { minVersion: "TLSv1.3" });
  assertEquals(conn.tls?.version, "TLSv1.3");

  const ancient = tls.createServer({ ...plain, maxVersion: "TLSv1.2" });
  await new Promise<void>((resolve) => ancient.listen(0, "127.0.0.1", resolve));
  ancient.on("tlsClientError", () => {});
  const { port } = ancient.address() as { port: number };
  const error = await assertRejects(() => dial(port, { minVersion: "TLSv1.3" }), NetError);
  assertEquals(error.kind, "tls", error.message);
  await new Promise((resolve) => ancient.close(resolve));
});

Deno.test("a client certificate goes together with another server name", async () => {
  const auth = { clientAuth: "require" as const, clientCa: [authority.cert] };
  await using server = serve({ ...other, ...auth });
  await using conn = await dial(server.addr.port, { ...client, serverName: "other.test" });
  await echoes(conn, "hello");
});

Deno.test("noDelay runs on node:tls, which can", async () => {
  await using server = serveTls({ ...plain, noDelay: true }, async (conn) => {
    await conn.write(`${conn.tls?.version}\n`);
  });
  await using conn = await dial(server.addr.port);
  assertEquals(await conn.readLine({ timeout: 30_000 }), "TLSv1.3");
});

Deno.test("with noDelay an answer of several records waits for no acknowledgement", async () => {
  const answer = new Uint8Array(40_000);
  await using server = serveTls({ ...plain, noDelay: true }, async (conn) => {
    while (await conn.readLine() !== null) await conn.write(answer);
  });
  await using conn = await dial(server.addr.port);
  const took: number[] = [];
  for (let i = 0; i < 10; i++) {
    const asked = performance.now();
    await conn.write("more\n");
    await conn.readExact(answer.length, { timeout: 30_000 });
    took.push(performance.now() - asked);
  }
  // Where Nagle's algorithm is on, each of them takes more than 40 ms.
  const best = Math.min(...took);
  assert(best < 35, `${best} ms`);
});

Deno.test("reloadTls() changes what new clients are shown and leaves open connections", async () => {
  await using server = serve({ ...plain, reloadInterval: 0 });
  const { port } = server.addr;
  await using before = await dial(port);
  assertEquals(await shown(port), plain.fingerprint);
  server.reloadTls([renewed]);
  assertEquals(await shown(port), renewed.fingerprint);
  await echoes(before, "still here");

  const mixed = { cert: plain.cert, key: renewed.key };
  assertThrows(() => server.reloadTls([mixed]), NetError, "does not belong");
  assertEquals(await shown(port), renewed.fingerprint);
  await echoes(before, "and still");
  await using fixed = serve({ cert: plain.cert, key: plain.key });
  assertThrows(() => fixed.reloadTls([renewed]), TypeError, "reloadInterval");
});

async function write(dir: string, { cert, key }: DevelopmentCertificate): Promise<void> {
  await Deno.writeTextFile(`${dir}/cert.pem`, cert);
  await Deno.writeTextFile(`${dir}/key.pem`, key);
}

Deno.test("reloadTls() refuses to be left without a certificate", async () => {
  await using server = serve({ ...plain, reloadInterval: 0 });
  assertThrows(() => server.reloadTls([]), TypeError, "at least one");
  assertEquals(await shown(server.addr.port), plain.fingerprint);
});

Deno.test("certificates in files are taken anew when they change, whole pairs alone", async () => {
  const dir = await Deno.makeTempDir();
  await write(dir, plain);
  const files = { certFile: `${dir}/cert.pem`, keyFile: `${dir}/key.pem` };
  const reloads: (NetError | undefined)[] = [];
  await using server = serve({
    ...files,
    reloadInterval: 5,
    onEvent(event) {
      if (event.type === "tls-reload") reloads.push(event.error);
    },
  });
  const { port } = server.addr;
  assertEquals(await shown(port), plain.fingerprint);

  await Deno.writeTextFile(files.keyFile, renewed.key);
  await until(() => reloads.length > 0);
  const [error] = reloads;
  assertEquals([error?.kind, error?.tls], ["tls", "bad-certificate"]);
  assertEquals(await shown(port), plain.fingerprint);

  // A file that is half written is an error, too.
  await Deno.writeTextFile(files.certFile, renewed.cert);
  await until(() => reloads.at(-1) === undefined);
  assertEquals(await shown(port), renewed.fingerprint);

  // As certbot does it: a link to other files.
  const newer = await Deno.makeTempDir();
  await write(newer, plain);
  const before = reloads.length;
  await Deno.rename(`${newer}/key.pem`, files.keyFile);
  await Deno.rename(`${newer}/cert.pem`, files.certFile);
  await until(() => reloads.length > before && reloads.at(-1) === undefined);
  assertEquals(await shown(port), plain.fingerprint);
  await Promise.all([dir, newer].map((path) => Deno.remove(path, { recursive: true })));
});

Deno.test("a certificate is in memory or in files, with its key, and there is one", () => {
  const { cert, key } = plain;
  assertThrows(() => serve({}), TypeError, "requires a certificate");
  assertThrows(() => serve({ cert }), TypeError, "must be given together");
  assertThrows(() => serve({ certFile: "cert.pem" }), TypeError, "must be given together");
  assertThrows(() => serve({ cert, key, certFile: "a", keyFile: "b" }), TypeError);
  assertThrows(
    () => serve({ cert, key, minVersion: "TLSv1.1" as "TLSv1.2" }),
    TypeError,
    "TLSv1.1",
  );
  assertThrows(() => serve({ cert, key, reloadInterval: -1 }), RangeError, "reloadInterval");
  const files = { certFile: "/nowhere/cert.pem", keyFile: "/nowhere/key.pem" };
  const error = assertThrows(() => serve(files), NetError, "there is no file /nowhere/cert.pem");
  assertEquals([error.kind, error.phase], ["tls", "listen"]);
});

Deno.test({
  name: "a certificate file that may not be read names the flag",
  permissions: { net: true },
  fn() {
    const files = { certFile: "/nowhere/cert.pem", keyFile: "/nowhere/key.pem" };
    const error = assertThrows(() => serve(files), NetError);
    assertEquals([error.kind, error.permission], ["permission", "--allow-read=/nowhere/cert.pem"]);
  },
});

for (const inspect of [false, true]) {
  const which = inspect ? ", inspected" : "";
  Deno.test(`a large write over TLS${which} shows the progress of its peer`, async () => {
    const MIB = 1024 * 1024;
    const { promise, resolve } = Promise.withResolvers<Connection>();
    await using server = serveTls({ ...plain, inspect }, async (conn) => {
      resolve(conn);
      await conn.closed;
    });
    const peer = await dial(server.addr.port, { inspect, lingerTimeout: 0 });
    const conn = await promise;
    const writing = conn.write(new Uint8Array(64 * MIB));
    await peer.readExact(4 * MIB);
    const { bytesWritten } = conn.stats();
    assert(bytesWritten >= 3 * MIB && bytesWritten < 64 * MIB, `${bytesWritten}`);
    peer.abort();
    conn.abort();
    await assertRejects(() => writing, NetError);
  });
}

const openssl = needs("openssl");

Deno.test({
  name: `openssl s_client is shown the certificate of the name it asks for${openssl.suffix}`,
  ignore: openssl.ignore,
  async fn() {
    await using server = serve({ ...plain, sni: [other] });
    // Some clients send the dot at the end of an absolute name.
    const rows = [["localhost", plain], ["other.test", other], ["Other.test.", other]] as const;
    for (const [name, certificate] of rows) {
      const { stdout } = await new Deno.Command("openssl", {
        args: ["s_client", "-servername", name, "-connect", `127.0.0.1:${server.addr.port}`],
        stdin: "null",
        stderr: "null",
      }).output();
      const [pem] = /-----BEGIN CERTIFICATE-----[^-]+/.exec(new TextDecoder().decode(stdout)) ?? [];
      assert(pem !== undefined);
      const lines = (text: string) => text.replaceAll(/\s/g, "");
      assert(lines(certificate.cert).startsWith(lines(pem)), name);
    }
  },
});

Deno.test("an authority, or a certificate to show, that is no use is told before anything is sent", async () => {
  const rubbish = "-----BEGIN CERTIFICATE-----\nrubbish!\n-----END CERTIFICATE-----\n";
  const { cert, key } = plain;
  const ca = authority.cert;
  for (const engine of ["deno", "node"] as const) {
    for (const caCerts of [[rubbish], [ca, rubbish], [ca + rubbish]]) {
      const error = await assertRejects(() => connectTls({ port: 1, caCerts, engine }), NetError);
      assertEquals([error.kind, error.tls, error.phase], ["tls", "bad-certificate", "handshake"]);
    }
  }
  for (const pair of [{ cert: rubbish, key }, { cert, key: rubbish }, { cert, key: other.key }]) {
    const error = await assertRejects(() => connectTls({ port: 1, ...pair }), NetError);
    assertEquals([error.kind, error.tls, error.phase], ["tls", "bad-certificate", "handshake"]);
  }
  const asking = { cert, key, clientAuth: "require" as const, clientCa: [rubbish] };
  const error = assertThrows(() => serveTls(asking, () => {}), NetError);
  assertEquals([error.kind, error.tls, error.phase], ["tls", "bad-certificate", "listen"]);
});

Deno.test("a certificate is verified for an address in brackets, and a name with a point behind", async () => {
  const { cert, key } = plain;
  await using server = serve({ cert, key });
  for (const engine of ["deno", "node"] as const) {
    for (const serverName of ["[::1]", "localhost."]) {
      await using conn = await dial(server.addr.port, { serverName, engine });
      await conn.write("hello\n");
      assertEquals(await conn.readLine({ timeout: 30_000 }), "hello");
    }
  }
});
