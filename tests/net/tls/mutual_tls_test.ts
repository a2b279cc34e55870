import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { delay } from "@std/async/delay";
import type { Connection, ConnectionOptions } from "../../../net/connection/connection.ts";
import { developmentAuthority } from "../../../net/tls/certificate.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { connectTls, type ConnectTlsOptions } from "../../../net/tls/client.ts";
import { serveTls, type ServeTlsOptions } from "../../../net/tls/server.ts";
import { conformance } from "../../_support/conformance.ts";
import { findProgram } from "../../_support/peers.ts";
import { writeCertificate } from "../../_support/x509_writer.ts";

const authority = await developmentAuthority();
const stranger = await developmentAuthority();
const day = 86_400_000;
const [server, alice, mallory, expired] = await Promise.all([
  authority.issue(),
  authority.issue({ usage: "client", commonName: "alice" }),
  stranger.issue({ usage: "client", commonName: "mallory" }),
  authority.issue({ usage: "client", notBefore: new Date(Date.now() - 9 * day), days: 3 }),
]);

/** Tells each client who it is taken for. */
function serve(options: Partial<ServeTlsOptions> = {}) {
  const clientCa = [authority.cert];
  return serveTls({ ...server, clientAuth: "require", clientCa, ...options }, async (conn) => {
    await conn.write(`you are ${conn.tls?.peerCertificate?.commonName ?? "nobody"}\n`);
    for await (const line of conn.lines()) await conn.write(`${line}\n`);
  });
}

function dial(port: number, options: Partial<ConnectTlsOptions> = {}): Promise<Connection> {
  return connectTls({ port, caCerts: [authority.cert], lingerTimeout: 50, ...options });
}

/** What a client gets to read that should get nothing. */
async function turnedAway(connecting: Promise<Connection>): Promise<string> {
  try {
    await using conn = await connecting;
    return `read ${await conn.readLine({ timeout: 30_000 })}`;
  } catch (error) {
    assert(error instanceof NetError, `${error}`);
    return "turned away";
  }
}

Deno.test("a name of a client's certificate cannot look like two names", async () => {
  const root = await writeCertificate({ cn: "Root", ca: true });
  const names = [{ dns: "mallory.test, DNS:admin.test" }];
  const { pem: cert, key } = await writeCertificate({ by: root, ca: false, names });
  const options = { ...server, clientAuth: "require" as const, clientCa: [root.pem] };
  await using listening = serveTls(options, (conn) => {
    return conn.write(`${conn.tls?.peerCertificate?.subjectAltName}\n`);
  });
  await using conn = await dial(listening.addr.port, { cert, key });
  assertEquals(await conn.readLine({ timeout: 30_000 }), 'DNS:"mallory.test, DNS:admin.test"');
});

Deno.test("a verified client is served, and its certificate is the handler's to see", async () => {
  let seen: Connection["tls"];
  const options = { ...server, clientAuth: "require" as const, clientCa: [authority.cert] };
  await using listening = serveTls({ ...options, alpnProtocols: ["x/1"] }, (conn) => {
    seen = conn.tls;
    return conn.write("hello\n");
  });
  await using conn = await dial(listening.addr.port, {
    cert: alice.cert,
    key: alice.key,
    alpnProtocols: ["x/1"],
  });
  assertEquals(await conn.readLine({ timeout: 30_000 }), "hello");
  assertEquals(conn.tls?.alpnProtocol, "x/1");
  assertEquals(seen?.alpnProtocol, "x/1");
  assertEquals(seen?.peerCertificate?.commonName, "alice");
  assertEquals(seen?.peerCertificate?.fingerprint, alice.fingerprint);
  assertEquals(seen?.peerCertificate?.notAfter.getTime(), alice.notAfter.getTime());
});

for (const clientAuth of ["require", "request"] as const) {
  Deno.test(`clientAuth ${clientAuth} turns away strangers' and expired certificates`, async () => {
    const reasons: string[] = [];
    await using listening = serve({
      clientAuth,
      onEvent: (event) => {
        if (event.type === "handshake-error") reasons.push(`${event.error.tls}`);
      },
    });
    const { port } = listening.addr;
    for (const { cert, key } of [mallory, expired]) {
      const end = await turnedAway(dial(port, { cert, key }));
      assert(end === "turned away" || end === "read null", end);
    }
    assertEquals(reasons, ["untrusted", "expired"]);
    const { cert, key } = alice;
    await using good = await dial(port, { cert, key });
    assertEquals(await good.readLine({ timeout: 30_000 }), "you are alice");
  });
}

Deno.test("who shows no certificate is turned away if it is required, and nobody if it is not", async () => {
  await using strict = serve();
  const end = await turnedAway(dial(strict.addr.port));
  assert(end === "turned away" || end === "read null", end);
  assertEquals(strict.stats().failed, 1);
  await using lenient = serve({ clientAuth: "request" });
  await using conn = await dial(lenient.addr.port);
  assertEquals(await conn.readLine({ timeout: 30_000 }), "you are nobody");
});

Deno.test("without clientAuth nobody is authorized, whatever he shows", async () => {
  await using listening = serveTls(server, (conn) => conn.write(`${conn.tls?.peerCertificate}\n`));
  const { cert, key } = mallory;
  await using conn = await dial(listening.addr.port, { cert, key });
  assertEquals(await conn.readLine({ timeout: 30_000 }), "undefined");
});

Deno.test("silent and plaintext clients lose their slot and their descriptor", async () => {
  await using listening = serve({ handshakeTimeout: 3000, maxConnections: 3 });
  const { port } = listening.addr;
  await using silent = await connectTcp({ port });
  await using plain = await connectTcp({ port });
  await plain.write("GET / HTTP/1.0\r\n\r\n");
  // Both see their end, which a native listener could not give the silent one.
  for (const conn of [silent, plain]) {
    let end: unknown = "";
    while (typeof end === "string") {
      end = await conn.readLine({ timeout: 20_000 }).catch((error: NetError) =>
        error.kind === "reset"
      );
    }
    assert(end === null || end === true);
  }
  await using good = await dial(port, alice);
  assertEquals(await good.readLine({ timeout: 30_000 }), "you are alice");
  const until = performance.now() + 5000;
  while (listening.stats().active !== 1 && performance.now() < until) await delay(5);
  assertEquals(listening.stats().active, 1);
});

Deno.test("nonsense is refused before anything listens or connects", async () => {
  assertThrows(() => serve({ clientCa: [] }), TypeError, "clientCa");
  assertThrows(() => serve({ clientAuth: "none" }), TypeError, "clientAuth");
  assertThrows(() => serve({ clientAuth: "maybe" as "none" }), TypeError, "maybe");
  const bad = assertThrows(() => serve({ key: "nonsense" }), NetError);
  assertEquals([bad.kind, bad.phase], ["tls", "listen"]);
  assertThrows(() => serve({ key: alice.key }), NetError, "does not belong");
  await assertRejects(() => dial(1, { cert: alice.cert }), TypeError, "must be given together");
});

conformance("mutual tls", async (options?: ConnectionOptions) => {
  const { promise, resolve } = Promise.withResolvers<Connection>();
  const clientCa = [authority.cert];
  const auth = { clientAuth: "require" as const, clientCa };
  const listening = serveTls({ ...server, ...auth, idleTimeout: 0, ...options }, async (conn) => {
    resolve(conn);
    await conn.closed;
  });
  const client = await dial(listening.addr.port, { ...alice, ...options });
  return [client, await promise, listening];
});

const openssl = findProgram("openssl");

Deno.test({
  name: `openssl shows a certificate${openssl ? "" : " (openssl is not installed)"}`,
  ignore: openssl === undefined,
  async fn() {
    await using listening = serve();
    const dir = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${dir}/cert.pem`, alice.cert);
      await Deno.writeTextFile(`${dir}/key.pem`, alice.key);
      await Deno.writeTextFile(`${dir}/ca.pem`, authority.cert);
      const args = ["-cert", "cert.pem", "-key", "key.pem", "-CAfile", "ca.pem"];
      const child = new Deno.Command(openssl!, {
        args: ["s_client", "-quiet", "-verify_return_error", ...args, "-connect"]
          .concat(`127.0.0.1:${listening.addr.port}`),
        cwd: dir,
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const out = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      assertEquals((await out.read()).value, "you are alice\n");
      await out.cancel();
      child.kill("SIGKILL");
      await child.stdin.close().catch(() => {});
      await child.status;
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

Deno.test("who goes in the middle of the handshake gives the place back at once", async () => {
  const failed = Promise.withResolvers<NetError>();
  await using listening = serve({
    handshakeTimeout: 0,
    onEvent: (event) => event.type === "handshake-error" && failed.resolve(event.error),
  });
  (await Deno.connect({ port: listening.addr.port })).close();
  assertEquals((await failed.promise).kind, "truncated");
});

Deno.test("the answer to a client that has ended its side ends in good order", async () => {
  await using listening = serve({ clientAuth: "request" });
  await using conn = await dial(listening.addr.port);
  await conn.write("last words\n");
  await conn.closeWrite();
  const answer = await Array.fromAsync(conn.lines({ timeout: 30_000 }));
  assertEquals(answer, ["you are nobody", "last words"]);
});
