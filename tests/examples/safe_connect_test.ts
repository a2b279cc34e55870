/** `examples/safe_connect.ts`: every way to fail has its own word and code. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { createServer } from "node:net";
import { testCertificates } from "../_support/certificates.ts";
import { freePorts } from "../_support/ports.ts";
import { runRunnable } from "../_support/runnable.ts";
import { main } from "../../examples/safe_connect.ts";
import { recordingIo } from "../../tools/cli.ts";
import { serveTls } from "../../net/tls/server.ts";

/** Runs it in this process; gives the exit code, the object of --json, and the line for people. */
async function attempt(...args: string[]) {
  const io = recordingIo();
  const code = await main([...args, "--json"], io);
  assertMatch(io.out, /^[^\n]+\n$/);
  assertMatch(io.err, /^(safe-connect: [^\n]+\n)?$/);
  const result: Record<string, unknown> = JSON.parse(io.out);
  return { code, result, line: io.err };
}

Deno.test("safe_connect says that it is connected and that the peer waits: 0", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const accepted = listener.accept();
  const plain = await runRunnable("safe-connect", ["127.0.0.1", String(port)]);
  assertEquals([plain.code, plain.stderr], [0, ""]);
  assertMatch(
    plain.stdout,
    new RegExp(`^Connected to 127\\.0\\.0\\.1:${port} in \\d+ ms; the peer waits\n$`),
  );
  using conn = await accepted;
  assertEquals(await conn.read(new Uint8Array(1)), null, "it left the connection open");
});

Deno.test("safe_connect tells a peer that speaks first from one that ends", async () => {
  for (const [greeting, then] of [["220 hi\r\n", "the peer speaks"], ["", "the peer ended"]]) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const serving = (async () => {
      using conn = await listener.accept();
      if (greeting) await conn.write(new TextEncoder().encode(greeting));
    })();
    const { code, result } = await attempt("127.0.0.1", String(listener.addr.port));
    await serving;
    assertEquals([code, result.ok, result.then], [0, true, then]);
  }
});

Deno.test("safe_connect tells refused: 1", async () => {
  const port = String(freePorts(1)[0]);
  const { code, result, line } = await attempt("127.0.0.1", port);
  assertEquals(code, 1);
  assertEquals(result, {
    ok: false,
    kind: "refused",
    phase: "connect",
    code: "ECONNREFUSED",
    retryable: true,
    address: `127.0.0.1:${port}`,
    message: `Cannot connect to 127.0.0.1:${port}: connection refused`,
  });
  assertEquals(
    line,
    `safe-connect: ${result.message} [refused: the host is reachable, but nothing listens on this port]\n`,
  );
});

Deno.test("safe_connect tells timed out, within its limit: 1", async () => {
  // A backlog of one admits two connections; the third gets no answer, as behind a firewall.
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  using _first = await Deno.connect({ hostname: "127.0.0.1", port });
  using _second = await Deno.connect({ hostname: "127.0.0.1", port });
  const started = performance.now();
  const { code, result } = await attempt("127.0.0.1", String(port), "-t", "300ms");
  assertEquals([code, result.kind, result.phase], [1, "timeout", "connect"]);
  assert(performance.now() - started < 3000);
});

Deno.test("safe_connect tells unknown host: 1", async () => {
  // A label of more than 63 bytes exists nowhere, which the resolver knows without asking around.
  const { code, result } = await attempt(`${"a".repeat(64)}.invalid`, "80");
  assertEquals([code, result.kind], [1, "dns"]);
});

Deno.test("safe_connect tells reset, which only a look after connecting shows: 1", async () => {
  const server = createServer((socket) => void socket.resetAndDestroy());
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const { port } = server.address() as { port: number };
  const { code, result, line } = await attempt("127.0.0.1", String(port));
  assertEquals([code, result.kind, result.code], [1, "reset", "ECONNRESET"]);
  assertMatch(line, /\[reset: the peer reset the connection\]\n$/);
  await new Promise((done) => server.close(done));
});

Deno.test("safe_connect --tls tells a verified server from the ways to fail", async () => {
  const { ca, good, untrusted, expired, notYetValid, wrongName } = await testCertificates();
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, ca);
  try {
    const flags = ["--tls", "--ca", file];
    const cases = [
      [untrusted, "untrusted"],
      [expired, "expired"],
      [notYetValid, "not-yet-valid"],
      [wrongName, "wrong-name"],
    ] as const;
    for (const [pair, reason] of cases) {
      await using server = serveTls(pair, () => {});
      const { code, result, line } = await attempt("127.0.0.1", `${server.addr.port}`, ...flags);
      assertEquals([code, result.kind, result.tls], [1, "tls", reason]);
      assertEquals(line.includes("[tls: name a private authority"), reason === "untrusted");
    }
    await using server = serveTls(good, async (conn) => void await conn.readChunk());
    const { code, result } = await attempt("127.0.0.1", `${server.addr.port}`, ...flags);
    assertEquals([code, result.ok, result.then], [0, true, "the peer waits"]);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("safe_connect --tls tells a server without TLS, and one that never answers", async () => {
  const { serveTcp } = await import("../../net/tcp/server.ts");
  await using plain = serveTcp({}, (conn) => conn.write("220 no TLS here\r\n"));
  const notTls = await attempt("127.0.0.1", `${plain.addr.port}`, "--tls");
  assertEquals([notTls.code, notTls.result.kind, notTls.result.tls], [1, "tls", "not-tls"]);
  await using silent = serveTcp({}, async (conn) => {
    while (await conn.readChunk() !== null);
  });
  const late = await attempt("127.0.0.1", `${silent.addr.port}`, "--tls", "-t", "200ms");
  assertEquals([late.code, late.result.kind, late.result.phase], [1, "timeout", "handshake"]);
});

Deno.test("safe_connect names the permission that is missing: 3", async () => {
  const { code, stdout, stderr } = await runRunnable(
    "safe-connect",
    ["127.0.0.1", "9", "--json"],
    { permissions: ["--allow-net=127.0.0.2"] },
  );
  assertEquals(code, 3);
  const { kind, message } = JSON.parse(stdout);
  assertEquals([kind, stderr], ["permission", `safe-connect: ${message}\n`]);
  assertMatch(stderr, /--allow-net=127\.0\.0\.1:9\n$/);
});

Deno.test("safe_connect refuses what can be no host or port: 2", async () => {
  const cases: Array<[string[], RegExp]> = [
    [["127.0.0.1"], /Missing argument: PORT/],
    [[], /Missing argument: HOST/],
    [["127.0.0.1", "0"], /Bad value for PORT: "0" \(expected a port number from 1 to 65535\)/],
    [["http://127.0.0.1", "80"], /Bad value for HOST: "http:\/\/127\.0\.0\.1"/],
    [["127.0.0.1", "80", "81"], /Too many arguments: "81"/],
  ];
  for (const [args, line] of cases) {
    const io = recordingIo();
    assertEquals([await main(args, io), io.out], [2, ""]);
    assertMatch(io.err, line);
  }
});
