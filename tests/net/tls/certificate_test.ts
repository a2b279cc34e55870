import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { X509Certificate } from "node:crypto";
import { connect as connectNodeTls, createServer as createNodeTlsServer } from "node:tls";
import {
  developmentAuthority,
  type DevelopmentCertificate,
  developmentCertificate,
} from "../../../net/tls/certificate.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { needs, pythonWith } from "../../_support/peers.ts";

const DAY = 86_400_000;

/** One TLS connection through Deno's own client; resolves to what the server had to say. */
async function greet(
  server: DevelopmentCertificate,
  client: { hostname: string; caCerts: string[] },
): Promise<string> {
  using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...server });
  const serving = (async () => {
    using conn = await listener.accept();
    try {
      await conn.write(new TextEncoder().encode("hello"));
    } catch {
      // The client has refused the certificate; its error is the one under test.
    }
  })();
  try {
    const { port } = listener.addr as Deno.NetAddr;
    // By address, so that the name is checked against the certificate and never looked up.
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
    using conn = await Deno.startTls(tcp, client);
    await conn.handshake();
    const buffer = new Uint8Array(16);
    return new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
  } finally {
    await serving;
  }
}

Deno.test("developmentCertificate() is valid for localhost, 127.0.0.1 and ::1 by default", async () => {
  const made = await developmentCertificate();
  assertEquals(made.names, ["localhost", "127.0.0.1", "::1"]);
  for (const hostname of ["localhost", "127.0.0.1", "::1"]) {
    assertEquals(await greet(made, { hostname, caCerts: [made.ca] }), "hello");
  }
});

Deno.test("developmentCertificate() makes a leaf that is no authority, signed by one that is", async () => {
  const made = await developmentCertificate({ commonName: "a server" });
  const leaf = new X509Certificate(made.cert);
  const ca = new X509Certificate(made.ca);
  assertEquals(leaf.ca, false);
  assertEquals(ca.ca, true);
  assert(leaf.checkIssued(ca) && leaf.verify(ca.publicKey) && ca.verify(ca.publicKey));
  assertEquals(leaf.subject, "CN=a server");
});

Deno.test("developmentCertificate() reports the fingerprint and the validity that it has", async () => {
  const made = await developmentCertificate({ days: 3 });
  const leaf = new X509Certificate(made.cert);
  assertEquals(made.fingerprint, leaf.fingerprint256);
  assertEquals(made.notBefore, new Date(leaf.validFrom));
  assertEquals(made.notAfter, new Date(leaf.validTo));
  const left = made.notAfter.getTime() - Date.now();
  assert(left > 3 * DAY - 60_000 && left <= 3 * DAY, `${left} ms left`);
});

Deno.test("developmentCertificate() gives the key as PKCS #8 that belongs to the certificate", async () => {
  const { cert, key } = await developmentCertificate();
  const der = Uint8Array.fromBase64(key.replace(/-----[^-]+-----/g, ""));
  const imported = await crypto.subtle.importKey(
    "pkcs8",
    der,
    { name: "ECDSA", namedCurve: "P-256" },
    true,
    ["sign"],
  );
  const { x, y } = await crypto.subtle.exportKey("jwk", imported);
  const jwk = new X509Certificate(cert).publicKey.export({ format: "jwk" });
  assertEquals([x, y], [jwk.x, jwk.y]);
});

Deno.test("developmentCertificate() makes a new key and a new authority each time", async () => {
  const [a, b] = await Promise.all([developmentCertificate(), developmentCertificate()]);
  assertNotEquals(a.key, b.key);
  assertNotEquals(a.ca, b.ca);
  assertNotEquals(new X509Certificate(a.ca).subject, new X509Certificate(b.ca).subject);
  await assertRejects(
    () => greet(a, { hostname: "localhost", caCerts: [b.ca] }),
    Deno.errors.InvalidData,
    "UnknownIssuer",
  );
});

Deno.test("developmentCertificate() takes names, wildcards, international names and addresses", async () => {
  const names = ["chat.test", "*.chat.test", "bücher.test", "10.0.0.1", "2001:DB8::0:1"];
  const made = await developmentCertificate({ names });
  assertEquals(made.names, [
    "chat.test",
    "*.chat.test",
    "xn--bcher-kva.test",
    "10.0.0.1",
    "2001:db8::1",
  ]);
  assertEquals(await greet(made, { hostname: "a.chat.test", caCerts: [made.ca] }), "hello");
  assertEquals(await greet(made, { hostname: "2001:db8::1", caCerts: [made.ca] }), "hello");
  await assertRejects(
    () => greet(made, { hostname: "a.b.chat.test", caCerts: [made.ca] }),
    Deno.errors.InvalidData,
    "not valid for name",
  );
});

Deno.test("developmentCertificate() rejects what is no name", async () => {
  const wrong = [
    "",
    " ",
    "a b",
    "a/b",
    "http://a",
    "a:80",
    "1",
    "0x7f.1",
    "300.0.0.1",
    "[::1]",
    "::g",
    "*",
    "a.*",
    "a.",
    `${"a".repeat(254)}`,
  ];
  for (const name of wrong) {
    const error = await assertRejects(() => developmentCertificate({ names: [name] }), TypeError);
    assertStringIncludes(error.message, JSON.stringify(name).slice(0, 50));
  }
});

Deno.test("developmentCertificate() rejects an impossible validity, common name or usage", async () => {
  for (const days of [0, -1, NaN, Infinity, 40_000]) {
    await assertRejects(() => developmentCertificate({ days }), RangeError, `${days}`);
  }
  await assertRejects(() => developmentAuthority({ days: 0 }), RangeError, "days");
  await assertRejects(
    () => developmentCertificate({ notBefore: new Date(NaN) }),
    TypeError,
    "notBefore",
  );
  for (const commonName of ["", "x".repeat(65)]) {
    await assertRejects(() => developmentCertificate({ commonName }), TypeError, "commonName");
  }
  const usage = "email" as unknown as "client";
  await assertRejects(() => developmentCertificate({ usage }), TypeError, "email");
});

Deno.test("developmentCertificate() keeps a long name out of the common name", async () => {
  const name = `${"a".repeat(60)}.test`;
  const { cert } = await developmentCertificate({ names: [name] });
  assertEquals(new X509Certificate(cert).subject, "CN=Portside development certificate");
});

Deno.test("developmentAuthority() issues certificates that are refused for the right reason", async () => {
  const { ca, good, expired, notYetValid, wrongName, untrusted } = await testCertificates();
  const client = { hostname: "localhost", caCerts: [ca] };
  assertEquals(await greet(good, client), "hello");
  const cases: [DevelopmentCertificate, string][] = [
    [expired, "expired"],
    [notYetValid, "not valid yet"],
    [wrongName, "not valid for name"],
    [untrusted, "UnknownIssuer"],
  ];
  for (const [certificate, reason] of cases) {
    await assertRejects(() => greet(certificate, client), Deno.errors.InvalidData, reason);
  }
});

Deno.test("developmentAuthority() issues client certificates for mutual TLS", async () => {
  const { ca, good, client } = await testCertificates();
  const seen = Promise.withResolvers<string>();
  const server = createNodeTlsServer({
    cert: good.cert,
    key: good.key,
    ca,
    requestCert: true,
    rejectUnauthorized: true,
  }, (socket) => {
    seen.resolve(`${socket.authorized} ${socket.getPeerCertificate().subject.CN}`);
    socket.end();
  });
  server.on("tlsClientError", seen.reject);
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", () => listening.resolve());
  await listening.promise;
  const { port } = server.address() as { port: number };
  const { cert, key } = client;
  const socket = connectNodeTls({ host: "127.0.0.1", port, ca, cert, key });
  const ended = Promise.withResolvers<void>();
  socket.on("error", ended.reject).on("close", () => ended.resolve()).resume();
  assertEquals(await seen.promise, "true test client");
  await ended.promise;
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
});

const openssl = needs("openssl");

Deno.test({
  name: `openssl verifies a certificate strictly, with its names and its purpose${openssl.suffix}`,
  ignore: openssl.ignore,
  async fn() {
    const { ca, good, expired, wrongName, untrusted, client } = await testCertificates();
    await using folder = await temporaryFolder({ "ca.pem": ca });
    const verify = async (certificate: DevelopmentCertificate, ...args: string[]) => {
      await Deno.writeTextFile(`${folder.path}/cert.pem`, certificate.cert);
      const { stdout, stderr } = await new Deno.Command("openssl", {
        args: ["verify", "-x509_strict", "-CAfile", "ca.pem", ...args, "cert.pem"],
        cwd: folder.path,
      }).output();
      return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    };
    const asServer = ["-purpose", "sslserver", "-verify_hostname", "localhost"];
    assertEquals(await verify(good, ...asServer), "cert.pem: OK\n");
    assertEquals(await verify(good, "-verify_ip", "::1"), "cert.pem: OK\n");
    assertEquals(await verify(client, "-purpose", "sslclient"), "cert.pem: OK\n");
    assertMatch(await verify(client, "-purpose", "sslserver"), /unsuitable certificate purpose/);
    assertMatch(await verify(expired, ...asServer), /certificate has expired/);
    assertMatch(await verify(wrongName, ...asServer), /hostname mismatch/);
    assertMatch(await verify(untrusted), /unable to get local issuer certificate/);
  },
});

Deno.test({
  name: `openssl s_client accepts a server with a development certificate${openssl.suffix}`,
  ignore: openssl.ignore,
  async fn() {
    const output = await connectWith("openssl", (port) => [
      "s_client",
      "-connect",
      `127.0.0.1:${port}`,
      "-CAfile",
      "ca.pem",
      "-verify_return_error",
      "-verify_hostname",
      "localhost",
    ]);
    assertStringIncludes(output, "Verify return code: 0 (ok)");
  },
});

const python = pythonWith("ssl");

Deno.test({
  name: `Python's ssl accepts a server with a development certificate${
    python === undefined ? " (python3 is not installed)" : ""
  }`,
  ignore: python === undefined,
  async fn() {
    const script = `
import socket, ssl, sys
context = ssl.create_default_context(cafile="ca.pem")
context.verify_flags |= ssl.VERIFY_X509_STRICT
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as tcp:
    with context.wrap_socket(tcp, server_hostname="127.0.0.1") as tls:
        print(tls.getpeercert()["subjectAltName"])
`;
    const output = await connectWith(python!, (port) => ["-c", script, `${port}`]);
    assertStringIncludes(output, "('DNS', 'localhost'), ('IP Address', '127.0.0.1')");
  },
});

/** What a TLS client printed that connected to a server with the good certificate. */
async function connectWith(program: string, args: (port: number) => string[]): Promise<string> {
  const { ca, good } = await testCertificates();
  await using folder = await temporaryFolder({ "ca.pem": ca });
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...good });
  const { port } = listener.addr as Deno.NetAddr;
  const serving = (async () => {
    try {
      using conn = await listener.accept();
      await conn.handshake();
    } catch {
      // The client's output says more about why; a client that never came ends the wait below.
    }
  })();
  const { stdout, stderr } = await new Deno.Command(program, {
    args: args(port),
    cwd: folder.path,
    stdin: "null",
  }).output();
  listener.close();
  await serving;
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

async function temporaryFolder(
  files: Record<string, string>,
): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "portside-certificate-" });
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${path}/${name}`, text);
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
