/** `examples/tls_server.ts` as its clients see it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { testCertificates } from "../_support/certificates.ts";
import { needs, needsPython, pythonWith } from "../_support/peers.ts";
import {
  type Runnable,
  type RunnableOptions,
  runPeer,
  runRunnable,
  startRunnable,
  within,
} from "../_support/runnable.ts";

const openssl = needs("openssl");
const python = needsPython("ssl");

/** A folder that goes away with its files. */
async function folder() {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

const allow = (...flags: string[]): RunnableOptions => ({
  permissions: ["-P=tls-server", ...flags],
});

/** Starts the server with its own certificate and gives it with the file of its authority. */
async function startDevelopment(dir: string, ...args: string[]): Promise<[Runnable, string]> {
  const file = `${dir}/ca.pem`;
  const flags = ["--port=0", "--write-ca", file, ...args];
  return [await startRunnable("tls-server", flags, allow(`--allow-write=${file}`)), file];
}

const trust = async (file: string) => ({ caCerts: [await Deno.readTextFile(file)] });

async function talk(port: number, options: { caCerts: string[] }, hostname = "localhost") {
  const conn = await Deno.connectTls({ hostname, port, ...options });
  await conn.write(new TextEncoder().encode("Hello, Server!"));
  return await within(10_000, "the reply", new Response(conn.readable).text());
}

Deno.test("tls_server answers who verifies it by the authority of --write-ca", async () => {
  await using dir = await folder();
  const [server, file] = await startDevelopment(dir.path);
  await using _server = server;
  assertMatch(server.stdout, /^listening on tls:\/\/127\.0\.0\.1:\d+\n$/);
  const trusted = await trust(file);
  for (const name of ["localhost", "127.0.0.1"]) {
    assertEquals(await talk(server.port, trusted, name), "Secure response");
  }
  await server.until(({ stderr }) => /says: Hello, Server!\n/.test(stderr), "the message");
  assert(!server.stderr.includes("PRIVATE"), "the private key is in the log");
});

Deno.test("tls_server answers with the certificate of --cert and --key", async () => {
  await using dir = await folder();
  const { good, ca } = await testCertificates();
  const [cert, key] = [`${dir.path}/cert.pem`, `${dir.path}/key.pem`];
  await Deno.writeTextFile(cert, good.cert);
  await Deno.writeTextFile(key, good.key);
  await using server = await startRunnable(
    "tls-server",
    ["--port=0", "--cert", cert, "--key", key],
    allow(`--allow-read=${cert},${key}`),
  );
  assertEquals(await talk(server.port, { caCerts: [ca] }), "Secure response");
  assert(!server.stderr.includes("development certificate"));
});

Deno.test("tls_server tells bad certificate files in one line", async () => {
  await using dir = await folder();
  const { good } = await testCertificates();
  const [cert, key] = [`${dir.path}/cert.pem`, `${dir.path}/key.pem`];
  await Deno.writeTextFile(cert, good.cert);
  await Deno.writeTextFile(key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
  const cases: Array<[string[], number, RegExp, string[]?]> = [
    [["--cert", cert], 2, /--cert and --key go together/],
    [["--key", key], 2, /--cert and --key go together/],
    [["--cert", cert, "--key", key, "--write-ca", "x"], 2, /without --write-ca/],
    [["--cert", cert, "--key", cert], 1, /cert\.pem": it contains no PRIVATE KEY/],
    [["--cert", key, "--key", key], 1, /key\.pem": it contains no CERTIFICATE/],
    [["--cert", `${cert}x`, "--key", key], 1, /cert\.pemx": no such file or directory/],
    [["--cert", cert, "--key", key], 1, /./],
    [["--cert", cert, "--key", key], 3, /--allow-read=[^ ]*cert\.pem\n$/, []],
    [["--write-ca", `${dir.path}/ca.pem`], 3, /--allow-write=[^ ]*ca\.pem\n$/, []],
  ];
  for (const [args, expected, line, flags = [`--allow-read=${dir.path}`]] of cases) {
    const { code, stdout, stderr } = await runRunnable(
      "tls-server",
      ["--port=0", ...args],
      allow(...flags),
    );
    assertEquals([code, stdout], [expected, ""], stderr);
    assertMatch(stderr, line);
    assertMatch(stderr, /^tls-server: [^\n]+\n$/);
  }
});

Deno.test("tls_server is not hurt by clients that are silent or speak no TLS", async () => {
  await using dir = await folder();
  const flags = ["--handshake-timeout=200ms", "--max-connections=2", "--log-level=debug"];
  const [server, file] = await startDevelopment(dir.path, ...flags);
  await using _server = server;
  using _silent = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const plain = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await plain.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  const answer = new Response(plain.readable).arrayBuffer().catch(() => null);
  await within(5000, "the end of who speaks no TLS", answer);
  // Both places were taken: the limit on the handshake has to free that of the silent one.
  const trusted = await trust(file);
  await Promise.all([1, 2, 3].map(async () => {
    assertEquals(await talk(server.port, trusted), "Secure response");
  }));
  await server.until(({ stderr }) => /200 ms/.test(stderr), "the limit in the log");
});

Deno.test({
  name: `tls_server satisfies openssl, and prints the fingerprint that it sees${openssl.suffix}`,
  ignore: openssl.ignore,
  async fn() {
    await using dir = await folder();
    const [server, file] = await startDevelopment(dir.path);
    await using _server = server;
    const to = ["s_client", "-connect", `127.0.0.1:${server.port}`, "-CAfile", file];
    const verify = ["-verify_return_error", "-verify_ip", "127.0.0.1"];
    const { code, stdout, stderr } = await runPeer(
      "openssl",
      // -quiet also keeps it from leaving at the end of its input, before the reply is there.
      [...to, ...verify, "-quiet"],
      "hello\n",
    );
    assertEquals([code, stdout], [0, "Secure response"], stderr);
    const shown = await runPeer("openssl", [...to, "-showcerts"], "");
    const x509 = ["x509", "-noout", "-fingerprint", "-sha256"];
    const { stdout: fingerprint } = await runPeer("openssl", x509, shown.stdout);
    const [, hex] = /=([0-9A-F:]{95})\s/.exec(fingerprint) ?? [];
    assert(hex !== undefined, fingerprint);
    await server.until(({ stderr }) => stderr.includes(`SHA-256 ${hex}\n`), "the fingerprint");
  },
});

Deno.test({
  name: `tls_server satisfies Python's ssl${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    await using dir = await folder();
    const [server, file] = await startDevelopment(dir.path);
    await using _server = server;
    const script = `
import socket, ssl
context = ssl.create_default_context(cafile=${JSON.stringify(file)})
with socket.create_connection(("127.0.0.1", ${server.port}), 5) as raw:
    with context.wrap_socket(raw, server_hostname="localhost") as s:
        s.sendall(b"Hello from Python")
        print(s.version(), s.recv(1024), s.recv(1024))
`;
    const { code, stdout, stderr } = await runPeer(pythonWith("ssl")!, ["-c", script]);
    assertEquals([code, stdout], [0, "TLSv1.3 b'Secure response' b''\n"], stderr);
  },
});
