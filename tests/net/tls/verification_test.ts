import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import tls from "node:tls";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { connectTls } from "../../../net/tls/client.ts";
import type { ConnectTlsOptions } from "../../../net/tls/options.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { upgradeTls, upgradeTlsServer } from "../../../net/tls/upgrade.ts";
import { needs } from "../../_support/peers.ts";
import { writeCertificate, type WrittenCertificate } from "../../_support/x509_writer.ts";
import { makeChains } from "./chains.ts";

const chains = await makeChains();

/** Starts a server that shows a chain, also one that no proper server would show. */
async function show(shown: readonly WrittenCertificate[]) {
  const server = tls.createServer({
    cert: shown.map(({ pem }) => pem).join(""),
    key: shown[0]!.key,
    ciphers: "DEFAULT:@SECLEVEL=0",
  }, (socket) => void socket.on("error", () => {}).resume());
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

async function verdictOf(options: ConnectTlsOptions): Promise<string> {
  try {
    const conn = await connectTls(options);
    conn.abort();
    return "trusted";
  } catch (error) {
    return error instanceof NetError && error.tls !== undefined ? error.tls : String(error);
  }
}

for (const engine of ["deno", "node"] as const) {
  Deno.test(`connectTls() verifies every chain of the table, engine ${engine}`, async () => {
    const wrong: string[] = [];
    for (const { name, shown, trusted, host, verdict } of chains) {
      await using server = await show(shown);
      const caCerts = trusted.map(({ pem }) => pem);
      // A certificate that is an authority and a server needs node:tls, so it chooses the engine.
      const chosen = engine === "deno" && name.startsWith("self-signed authority, trusted")
        ? {}
        : { engine };
      const found = await verdictOf({ port: server.port, serverName: host, caCerts, ...chosen });
      if (found !== verdict) wrong.push(`${name}: ${found} instead of ${verdict}`);
    }
    assertEquals(wrong, []);
  });
}

const root = await writeCertificate({ cn: "Root", ca: true });

Deno.test("a malformed certificate of a server does not end the process", async () => {
  const sub = await writeCertificate({ cn: "Sub", by: root, ca: true, badDer: true });
  const own = await writeCertificate({ by: sub, names: [{ dns: "a.test" }] });
  await using server = await show([own, sub]);
  for (const inspect of [false, true]) {
    const options = { port: server.port, serverName: "a.test", caCerts: [root.pem], inspect };
    assertEquals(await verdictOf(options), "bad-certificate");
  }
});

Deno.test("a defect is described in one sentence, the same by both engines", async () => {
  const sub = await writeCertificate({ cn: "S", by: root, ca: true, permitted: [{ dns: "b" }] });
  const name = [{ dns: "a.test" }];
  const rows = [
    [[await writeCertificate({ cn: "x", names: name, ca: true })], "authority (CA:TRUE); trust it"],
    [[await writeCertificate({ cn: "a.test", by: root })], "the common name does not count"],
    [[await writeCertificate({ names: name, by: sub }), sub], "must not certify its names"],
    [[await writeCertificate({ names: name, by: root, forged: true })], "not signed by"],
    [[await writeCertificate({ names: name, by: root, purposes: [2] })], "for another purpose"],
    [
      [await writeCertificate({ names: [{ dns: "b.test" }], by: root })],
      "it is valid for b.test, not for a.test",
    ],
  ] as const;
  for (const [shown, words] of rows) {
    await using server = await show(shown);
    const messages = await Promise.all((["deno", "node"] as const).map(async (engine) => {
      const options = { port: server.port, serverName: "a.test", caCerts: [root.pem], engine };
      const error = await assertRejects(() => connectTls(options), NetError);
      assertStringIncludes(error.message, words);
      return error.message;
    }));
    assertEquals(messages[0], messages[1]);
  }
});

Deno.test("an authority of version 1 in clientCa is no client", async () => {
  const old = await writeCertificate({ cn: "Old", version: 1 });
  const own = await writeCertificate({ names: [{ dns: "a.test" }], by: root });
  const reasons: unknown[] = [];
  await using server = serveTls({
    cert: own.pem,
    key: own.key,
    clientAuth: "require",
    clientCa: [old.pem],
    onEvent: (event) => {
      if (event.type === "handshake-error") reasons.push(event.error.tls);
    },
  }, () => {});
  // Anybody has the certificate of the authority. Its key is unknown, so another one signs.
  const stranger = await writeCertificate({ cn: "Old", version: 1 });
  const socket = tls.connect({
    port: server.addr.port,
    host: "127.0.0.1",
    rejectUnauthorized: false,
    cert: stranger.pem,
    key: stranger.key,
  });
  socket.on("error", () => {}).resume();
  await once(socket, "close");
  assertEquals(reasons, ["bad-certificate"]);
});

const openssl = needs("openssl");

Deno.test({
  name: `a session of one server does not open another one${openssl.suffix}`,
  ignore: openssl.ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    const own = await writeCertificate({ names: [{ dns: "a.test" }], by: root });
    const rival = await writeCertificate({ cn: "Rival", ca: true });
    const client = await writeCertificate({ cn: "client", by: root });
    await Deno.writeTextFile(`${folder}/client`, client.pem + client.key);
    const served: string[] = [];
    const refused = Promise.withResolvers<unknown>();
    const serve = (ca: WrittenCertificate, name: string) =>
      serveTls({
        cert: own.pem,
        key: own.key,
        clientAuth: "require",
        clientCa: [ca.pem],
        onEvent: (event) => {
          if (event.type === "handshake-error") refused.resolve(event.error.tls);
        },
      }, (conn) => {
        served.push(name);
        return conn.write("hello\n");
      });
    await using first = serve(root, "first");
    await using second = serve(rival, "second");
    for (const version of ["-tls1_2", "-tls1_3"]) {
      for (const [port, session] of [[first.addr.port, "out"], [second.addr.port, "in"]] as const) {
        const child = new Deno.Command("openssl", {
          args: ["s_client", version, "-ign_eof", "-connect", `127.0.0.1:${port}`]
            .concat("-cert", `${folder}/client`, "-key", `${folder}/client`)
            .concat(`-sess_${session}`, `${folder}/${version}`),
          stdin: "null",
          stdout: "piped",
          stderr: "null",
        });
        await child.output();
      }
    }
    assertEquals(served, ["first", "first"]);
    assertEquals(await refused.promise, "untrusted");
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  name: `a certificate of openssl req -x509 is trusted by caCerts and by pin${openssl.suffix}`,
  ignore: openssl.ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    const [certFile, keyFile] = [`${folder}/cert.pem`, `${folder}/key.pem`];
    const made = await new Deno.Command("openssl", {
      args: ["req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=localhost"]
        .concat("-addext", "subjectAltName=DNS:localhost", "-keyout", keyFile, "-out", certFile),
    }).output();
    assert(made.success);
    const pem = await Deno.readTextFile(certFile);
    const hash = await new Deno.Command("openssl", {
      args: ["x509", "-in", certFile, "-noout", "-fingerprint", "-sha256"],
    }).output();
    const fingerprint = new TextDecoder().decode(hash.stdout).trim().replace(/^.*=/, "");
    await using server = serveTls({ certFile, keyFile }, (conn) => conn.write("hello\n"));
    await using plain = serveTcp({}, async (conn) => {
      await upgradeTlsServer(conn, { certFile, keyFile });
      await conn.write("hello\n");
    });
    for (const trust of [{ caCerts: [pem] }, { pin: fingerprint }]) {
      await using conn = await connectTls({
        ...trust,
        hostname: "localhost",
        port: server.addr.port,
      });
      assertEquals(await conn.readLine({ timeout: 30_000 }), "hello");
      await using upgraded = await connectTcp({ port: plain.addr.port });
      await upgradeTls(upgraded, { ...trust, serverName: "localhost" });
      assertEquals(await upgraded.readLine({ timeout: 30_000 }), "hello");
    }
    await Deno.remove(folder, { recursive: true });
  },
});
