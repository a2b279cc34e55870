/** `examples/ws_server.ts` and `examples/ws_client.ts`, with each other and with worse peers. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { main } from "../../examples/ws_client.ts";
import { recordingIo } from "../../tools/cli.ts";
import { serveProxy } from "../../http/proxy/proxy.ts";
import { testCertificates } from "../_support/certificates.ts";
import { writeCertificate } from "../_support/x509_writer.ts";
import type { WsConnection } from "../../ws/connection/connection.ts";
import { connectWebSocket } from "../../ws/client/client.ts";
import { serveWebSocket } from "../../ws/server/server.ts";
import { fileOf, ROOT, runRunnable, startRunnable } from "../_support/runnable.ts";
import { LOCK } from "../_support/flags.ts";

const SUCCESS = '{"status":"success","message":"Message received"}';

Deno.test("ws_server answers JSON with success, the rest with an error, and lives on", async () => {
  await using server = await startRunnable("ws-server", ["--port=0", "--max-message-size=1KiB"]);
  const url = `ws://127.0.0.1:${server.port}`;
  await using conn = await connectWebSocket(url);
  const ask = async (message: string | Uint8Array<ArrayBuffer>) => {
    await conn.send(message);
    return JSON.parse(`${await conn.receive({ timeout: 30_000 })}`);
  };
  for (const good of ['{"a":1}', "[]", "7", "null", '"text"']) {
    assertEquals(await ask(good), JSON.parse(SUCCESS));
  }
  for (const bad of ["hello", "{", "", "\x1b[2J"]) {
    const { status, message } = await ask(bad);
    assertEquals(status, "error");
    assertMatch(message, /not JSON/);
  }
  const binary = await ask(new TextEncoder().encode('{"a":1}'));
  assertEquals(binary.status, "error");
  assertMatch(binary.message, /text frame/);
  assertEquals(await ask("{}"), JSON.parse(SUCCESS));
  await conn.send("x".repeat(2000));
  assertEquals((await conn.closed).code, 1009);
  await using next = await connectWebSocket(url);
  assert(next.open);
});

Deno.test("ws_server's log shows no escape sequence of a client", async () => {
  await using server = await startRunnable("ws-server", ["--port=0"]);
  await using conn = await connectWebSocket(`ws://127.0.0.1:${server.port}`);
  await conn.sendJson("\x1b]0;owned\x07\u202e");
  await conn.receive({ timeout: 30_000 });
  await server.until(({ stderr }) => stderr.includes("says"), "it has logged");
  // deno-lint-ignore no-control-regex -- these must be gone
  assert(!/[\x00-\x09\x0b-\x1f\u202e]/.test(server.stderr), JSON.stringify(server.stderr));
});

Deno.test("ws_server --allow-origin takes origins and *, nothing that would never match", async () => {
  for (const value of ["app.test", "https://app.test/"]) {
    const { code, stderr } = await runRunnable("ws-server", ["--port=0", "--allow-origin", value]);
    assertEquals(code, 2);
    assertMatch(stderr, /^ws-server: Bad value for --allow-origin: [^\n]*\n$/);
  }
  await using server = await startRunnable("ws-server", ["--port=0", "--allow-origin=*"]);
  const headers = { origin: "https://any.test" };
  await using conn = await connectWebSocket(`ws://127.0.0.1:${server.port}`, { headers });
  assert(conn.open);
});

Deno.test("ws_server --json logs one object a line", async () => {
  await using server = await startRunnable("ws-server", ["--port=0", "--json"]);
  await using conn = await connectWebSocket(`ws://127.0.0.1:${server.port}`);
  await conn.sendJson({ a: 1 });
  await conn.receive({ timeout: 30_000 });
  await server.until(({ stderr }) => stderr.includes("says"), "it has logged");
  const lines = server.stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert(lines.some(({ properties }) => properties?.value === '{"a":1}'), server.stderr);
});

Deno.test("ws_client sends its arguments and prints the answers", async () => {
  await using server = await startRunnable("ws-server", ["--port=0"]);
  const url = `ws://127.0.0.1:${server.port}`;
  const { code, stdout, stderr } = await runRunnable("ws-client", [
    "--url",
    url,
    '{"hello":"world"}',
    "{}",
  ]);
  assertEquals([code, stdout, stderr], [0, `${SUCCESS}\n${SUCCESS}\n`, ""]);
});

Deno.test("ws_client reads lines of standard input, and --json prints objects", async () => {
  await using server = await startRunnable("ws-server", ["--port=0"]);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-q", LOCK, "-P=ws-client", fileOf("ws-client")],
      ...["--json", "--url", `ws://127.0.0.1:${server.port}`],
    ],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode('{"a":1}\r\nno json\n{"the last":'));
  await writer.write(new TextEncoder().encode("true}"));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n").map((line) =>
    JSON.parse(JSON.parse(line).message).status
  );
  assertEquals(lines, ["success", "error", "success"]);
});

Deno.test("ws_client shows bytes as such and no escape sequence of the server", async () => {
  await using server = serveWebSocket({}, async (conn) => {
    await conn.receive();
    await conn.send("\x1b]0;owned\x07");
    await conn.receive();
    await conn.send(new Uint8Array([1, 2, 3]));
    await conn.receive();
  });
  const io = recordingIo();
  assertEquals(await main(["--url", server.url, "a", "b"], io), 0);
  assertEquals(io.out, "\\x1B]0;owned\\x07\n<3 bytes>\n");
});

Deno.test("ws_client tells what is wrong: refused, no WebSocket, silence, a bad URL", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  taken.close();
  const run = async (...args: string[]) => {
    const io = recordingIo();
    const code = await main(args, io);
    assertEquals(io.out, "");
    assertMatch(io.err, /^ws-client: [^\n]*\n$/);
    return [code, io.err] as const;
  };
  const [refused, why] = await run("--url", `ws://127.0.0.1:${port}`, "x");
  assertEquals(refused, 1);
  assertMatch(why, /refused/);
  await using http = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("page"),
  );
  const follow = ["--follow", "--url", `ws://127.0.0.1:${port}`];
  await using lost = await startRunnable("ws-client", follow, { listeners: 0 });
  await lost.until(({ stderr }) => {
    return /refused[^\n]*\n[^\n]*next attempt in \d+ ms\n/.test(stderr);
  }, "the reason of a failure");
  lost.signal("SIGINT");
  assertEquals(await lost.exitCode(), 130);
  const [none, status] = await run("--url", `http://127.0.0.1:${http.addr.port}`, "x");
  assertEquals(none, 1);
  assertMatch(status, /answered 200, no WebSocket/);
  await using silent = serveWebSocket({}, (conn) => conn.closed);
  const [late, silence] = await run("--url", silent.url, "--timeout=50ms", "x");
  assertEquals(late, 1);
  assertMatch(silence, /50 ms/);
  assertEquals((await run("--url", "nonsense", "x"))[0], 2);
  assertEquals((await run("--header", "no colon", "x"))[0], 2);
  assertEquals((await run("--protocol", "a b", "x"))[0], 2);
  assertEquals((await run("--protocol", "a", "--protocol", "a", "x"))[0], 2);
  assertEquals((await run("--protocol", "", "x"))[0], 2);
});

Deno.test("ws_client trusts --ca or --pin, goes through --proxy, and compresses", async () => {
  const { ca, good } = await testCertificates();
  const folder = await Deno.makeTempDir();
  const file = `${folder}/ca.pem`;
  await Deno.writeTextFile(file, ca);
  const own = await writeCertificate({ cn: "own", ca: true });
  const echo = async (conn: WsConnection) => {
    for await (const message of conn) await conn.send(message);
  };
  const hardened = { hardened: true, compression: true } as const;
  await using server = serveWebSocket({ ...hardened, cert: good.cert, key: good.key }, echo);
  await using pinned = serveWebSocket({ cert: own.pem, key: own.key }, echo);
  await using proxy = serveProxy({ allowPrivate: true, connectPorts: "any" });
  const via = `http://127.0.0.1:${proxy.addr.port}`;
  const runs = [
    [server.url, "--ca", file, "--compress"],
    [server.url, "--ca", file, "--proxy", via],
    [server.url, "--ca", file, "--proxy", "none", "--cert", file, "--key", file],
    [pinned.url, "--pin", own.pin],
    [server.url, "--pin", own.pin],
    [server.url],
    [server.url, "--pin", "nonsense"],
    ["ws://127.0.0.1:1", "--pin", own.pin],
    [server.url, "--key", file],
    [server.url, "--proxy", "ftp://ada:s3cret@a.test"],
    [server.url, "--proxy", via, "--unix-socket", file],
  ];
  const codes: number[] = [];
  for (const [url, ...args] of runs) {
    const io = recordingIo();
    const code = await main(["--url", url!, ...args, "x".repeat(2000)], io);
    codes.push(code);
    if (code === 0) assertEquals(io.out, `${"x".repeat(2000)}\n`);
    else assertMatch(io.err, /^ws-client: [^\n]*\n$/);
    assert(!io.err.includes("s3cret"));
    assertEquals(io.err.includes("with --ca, or a key with --pin"), args.length === 0, io.err);
  }
  await Deno.remove(folder, { recursive: true });
  assertEquals(codes, [0, 0, 1, 0, 1, 1, 2, 2, 2, 2, 2]);
});

Deno.test("ws_client --follow stays, comes back, and ends by a signal: 130", async () => {
  let server = serveWebSocket({}, async (conn) => {
    await conn.send(`first ${await conn.receive()}`);
    await conn.closed;
  });
  const { port } = server.addr;
  await using client = await startRunnable("ws-client", ["--follow", "--url", server.url, "hi"], {
    listeners: 0,
  });
  await client.until(({ stdout }) => stdout === "first hi\n", "the first answer");
  await server.shutdown();
  server = serveWebSocket({ port }, async (conn) => {
    await conn.send("second");
    await conn.closed;
  });
  await client.until(({ stdout }) => stdout === "first hi\nsecond\n", "the second answer");
  client.signal("SIGINT");
  assertEquals(await client.exitCode(), 130);
  assertMatch(client.stderr, /connected to .*the connection ended with 1001.*connected to/s);
  assertMatch(client.stderr, /ws-client: interrupted by SIGINT\n$/);
  await server.shutdown();
});
