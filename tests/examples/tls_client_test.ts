/** `examples/tls_client.ts`: whom it trusts, and how it tells that it does not. */

import { assertEquals, assertMatch } from "@std/assert";
import { testCertificates } from "../_support/certificates.ts";
import { needsPython, pythonWith } from "../_support/peers.ts";
import { runRunnable, startPeer, startRunnable } from "../_support/runnable.ts";
import { serveTls } from "../../net/tls/server.ts";

const python = needsPython("ssl");

/** A file that goes away. */
async function file(text: string) {
  const path = await Deno.makeTempFile({ suffix: ".pem" });
  await Deno.writeTextFile(path, text);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}

/** Runs the client with the declared permissions and the right to read one file. */
function client(readable: string, ...args: string[]) {
  return runRunnable("tls-client", args, {
    permissions: ["-P=tls-client", `--allow-read=${readable}`],
  });
}

/** A server that echoes one chunk. */
const echo = (pair: { cert: string; key: string }) =>
  serveTls(pair, async (conn) => {
    const chunk = await conn.readChunk();
    if (chunk !== null) await conn.write(chunk);
  });

Deno.test("tls_client verifies the server by --ca and prints its reply", async () => {
  const { good, ca } = await testCertificates();
  await using trusted = await file(ca);
  await using server = echo(good);
  const flags = [`--port=${server.addr.port}`, "--ca", trusted.path];
  const plain = await client(trusted.path, ...flags, "--message=sécret\x1b[2J");
  assertEquals([plain.code, plain.stdout, plain.stderr], [0, "sécret\\x1B[2J\n", ""]);
  const json = await client(trusted.path, ...flags, "--json", "-m", "hi");
  const peer = `127.0.0.1:${server.addr.port}`;
  assertEquals([json.code, JSON.parse(json.stdout)], [0, { peer, reply: "hi" }]);
});

Deno.test("tls_client identifies the server by --pin", async () => {
  const { untrusted, good } = await testCertificates();
  await using server = echo(untrusted);
  const ask = (...pins: string[]) =>
    runRunnable("tls-client", [`--port=${server.addr.port}`, ...pins.map((pin) => `--pin=${pin}`)]);
  const right = await ask(good.fingerprint, untrusted.fingerprint);
  assertEquals([right.code, right.stdout, right.stderr], [0, "Hello, Server!\n", ""]);
  const wrong = await ask(good.fingerprint);
  assertEquals([wrong.code, wrong.stdout], [1, ""]);
  assertMatch(wrong.stderr, /its key has the pin sha256\/\S{44}, which is not an expected one/);
});

Deno.test("tls_client and tls_server greet each other as their --help shows", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const ca = `${dir}/ca.pem`;
    await using server = await startRunnable("tls-server", ["--port=0", "--write-ca", ca], {
      permissions: ["-P=tls-server", `--allow-write=${ca}`],
    });
    const { code, stdout, stderr } = await client(ca, `--port=${server.port}`, "--ca", ca);
    assertEquals([code, stdout, stderr], [0, "Secure response\n", ""]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("tls_client refuses whom it cannot verify, and says why: 1", async () => {
  const { ca, ...made } = await testCertificates();
  await using trusted = await file(ca);
  const cases = [
    [made.untrusted, /trust|unknown issuer/i],
    [made.wrongName, /name/i],
    [made.expired, /expired/i],
    [made.notYetValid, /not (yet )?valid|not yet/i],
  ] as const;
  for (const [pair, reason] of cases) {
    await using server = echo(pair);
    const { port } = server.addr;
    const { code, stdout, stderr } = await client(
      trusted.path,
      `--port=${port}`,
      "--ca",
      trusted.path,
    );
    assertEquals([code, stdout], [1, ""], stderr);
    assertMatch(stderr, reason);
    assertMatch(stderr, new RegExp(`^tls-client: [^\n]*127\\.0\\.0\\.1:${port}[^\n]*\n$`));
  }
});

Deno.test("tls_client --server-name verifies another name than that of the host", async () => {
  const { ca, wrongName } = await testCertificates();
  await using trusted = await file(ca);
  await using server = echo(wrongName);
  const flags = [`--port=${server.addr.port}`, "--ca", trusted.path, "--server-name=wrong.test"];
  const { code, stdout, stderr } = await client(trusted.path, ...flags);
  assertEquals([code, stdout], [0, "Hello, Server!\n"], stderr);
});

Deno.test("tls_client says that a server speaks no TLS: 1", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    using conn = await listener.accept();
    await conn.write(new TextEncoder().encode("220 plain text here\r\n"));
    // Until the client is gone.
    await conn.read(new Uint8Array(1000)).catch(() => null);
    await conn.read(new Uint8Array(1000)).catch(() => null);
  })();
  const { code, stderr } = await runRunnable("tls-client", [`--port=${listener.addr.port}`]);
  assertEquals(code, 1);
  assertMatch(stderr, /^tls-client: [^\n]*TLS[^\n]*\n$/);
  await serving;
});

Deno.test("tls_client gives a silent server --handshake-timeout: 1", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const flags = [`--port=${listener.addr.port}`, "--handshake-timeout=200ms"];
  const { code, stderr } = await runRunnable("tls-client", flags);
  (await accepted).close();
  assertEquals(code, 1);
  assertMatch(stderr, /^tls-client: [^\n]*200 ms\n$/);
});

Deno.test("tls_client tells files that are missing, unreadable or no certificate", async () => {
  await using text = await file("no certificate");
  const garbage = await client(text.path, "--ca", text.path);
  assertEquals(garbage.code, 1);
  assertMatch(garbage.stderr, /^tls-client: [^\n]*it contains no CERTIFICATE in PEM\n$/);
  const gone = await client(`${text.path}x`, "--ca", `${text.path}x`);
  assertEquals(gone.code, 1);
  assertMatch(gone.stderr, /^tls-client: [^\n]*no such file or directory\n$/);
  const denied = await runRunnable("tls-client", ["--ca", text.path]);
  assertEquals(denied.code, 3);
  assertEquals(
    denied.stderr,
    `tls-client: Permission is missing: run again with --allow-read=${text.path}\n`,
  );
});

Deno.test({
  name: `tls_client talks to a Python server${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    const { good, ca } = await testCertificates();
    await using trusted = await file(ca);
    await using pair = await file(good.key + good.cert);
    const script = `
import socket, ssl
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(${JSON.stringify(pair.path)})
with socket.create_server(("127.0.0.1", 0)) as server:
    print("listening on tls://127.0.0.1:%d" % server.getsockname()[1], flush=True)
    conn, _ = server.accept()
    with context.wrap_socket(conn, server_side=True) as s:
        print(s.recv(1024), flush=True)
        s.sendall(b"Secure response\\n")
        s.unwrap()
`;
    await using server = await startPeer(pythonWith("ssl")!, ["-c", script]);
    const flags = [`--port=${server.port}`, "--ca", trusted.path];
    const { code, stdout, stderr } = await client(trusted.path, ...flags);
    assertEquals([code, stdout], [0, "Secure response\n"], stderr);
    assertEquals(await server.exitCode(), 0, server.stderr);
    assertMatch(server.stdout, /b'Hello, Server!'\n$/);
  },
});
