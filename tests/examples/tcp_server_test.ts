/** `examples/tcp_server.ts` as its clients see it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { needs, needsPython, pythonWith } from "../_support/peers.ts";
import {
  type Runnable,
  runPeer,
  runRunnable,
  startRunnable,
  within,
} from "../_support/runnable.ts";

const nc = needs("nc");
const python = needsPython();

const connect = ({ port }: Runnable) => Deno.connect({ hostname: "127.0.0.1", port });
const bytes = (text: string) => new TextEncoder().encode(text);
const rest = (conn: Deno.Conn) =>
  within(10_000, "the end of the stream", new Response(conn.readable).text());

Deno.test("tcp_server answers a message with exactly its reply and closes", async () => {
  await using server = await startRunnable("tcp-server", ["--port=0"]);
  const conn = await connect(server);
  await conn.write(bytes("Hello, Server!"));
  // The client never closes its side: it is the server that ends the connection.
  assertEquals(await rest(conn), "Hello, Client!");
});

Deno.test("tcp_server logs peer and message with control characters escaped", async () => {
  await using server = await startRunnable("tcp-server", ["--port=0"]);
  const conn = await connect(server);
  const { port } = conn.localAddr as Deno.NetAddr;
  await conn.write(new Uint8Array([...bytes("a\x1b[2J\nfake line\r"), 0xff, 0x0a]));
  await rest(conn);
  await server.until(({ stderr }) => stderr.endsWith("\n"), "the log line");
  assertMatch(
    server.stderr,
    new RegExp(
      `tcp-server: 127\\.0\\.0\\.1:${port} says: a\\\\x1B\\[2J\\\\nfake line\\\\r\uFFFD\n$`,
    ),
  );
  assertEquals(server.stderr.split("\n").length, 2);
});

Deno.test("tcp_server --json logs the peer and the whole message as fields", async () => {
  await using server = await startRunnable("tcp-server", ["--port=0", "--json"]);
  const conn = await connect(server);
  const { port } = conn.localAddr as Deno.NetAddr;
  await conn.write(bytes("héllo\x07"));
  await rest(conn);
  await server.until(({ stderr }) => stderr.endsWith("\n"), "the log line");
  const { level, logger, properties } = JSON.parse(server.stderr);
  assertEquals([level, logger], ["info", "portside.tcp-server"]);
  assertEquals(properties, { peer: `127.0.0.1:${port}`, message: "héllo\x07" });
});

Deno.test("tcp_server serves others while one client is silent, and ends the silent one", async () => {
  await using server = await startRunnable("tcp-server", ["--port=0", "--read-timeout=300ms"]);
  const silent = await connect(server);
  const busy = await connect(server);
  await busy.write(bytes("x"));
  assertEquals(await rest(busy), "Hello, Client!");
  assertEquals(await rest(silent), "");
});

Deno.test("tcp_server survives clients that leave without a word, or break off", async () => {
  await using server = await startRunnable("tcp-server", ["--port=0"]);
  for (let i = 0; i < 20; i++) (await connect(server)).close();
  const abrupt = await connect(server);
  await abrupt.write(bytes("x".repeat(100_000)));
  abrupt.close();
  const conn = await connect(server);
  await conn.write(bytes("still there?"));
  assertEquals(await rest(conn), "Hello, Client!");
});

Deno.test("tcp_server --max-connections lets the next client wait for a place", async () => {
  await using server = await startRunnable("tcp-server", ["--port=0", "--max-connections=1"]);
  const first = await connect(server);
  const second = await connect(server);
  await second.write(bytes("me too"));
  const reply = rest(second);
  await first.write(bytes("me"));
  assertEquals(await rest(first), "Hello, Client!");
  assertEquals(await reply, "Hello, Client!");
});

Deno.test("tcp_server tells a silent client of the end and drains at once", async () => {
  await using server = await startRunnable("tcp-server", ["--port=0", "--drain=60s"]);
  const silent = await connect(server);
  const served = await connect(server);
  await served.write(bytes("x"));
  await rest(served);
  server.signal("SIGTERM");
  assertEquals(await rest(silent), "");
  assertEquals(await server.exitCode(), 0);
});

Deno.test("tcp_server takes the socket options of its flags", async () => {
  const flags = ["--port=0", "--backlog=1", "--no-keep-alive", "--nagle", "--host=127.0.0.1"];
  await using server = await startRunnable("tcp-server", flags);
  const conn = await connect(server);
  await conn.write(bytes("x"));
  assertEquals(await rest(conn), "Hello, Client!");
});

Deno.test("tcp_server and tcp_client greet each other", async () => {
  await using server = await startRunnable("tcp-server", ["--port=0"]);
  const { code, stdout, stderr } = await runRunnable("tcp-client", [`--port=${server.port}`]);
  assertEquals([code, stdout, stderr], [0, "Hello, Client!\n", ""]);
  await server.until(({ stderr }) => /says: Hello, Server!\n/.test(stderr), "the message");
});

Deno.test({
  name: `tcp_server answers nc${nc.suffix}`,
  ignore: nc.ignore,
  async fn() {
    await using server = await startRunnable("tcp-server", ["--port=0"]);
    const { code, stdout } = await runPeer("nc", ["127.0.0.1", `${server.port}`], "Hello!\n");
    assertEquals([code, stdout], [0, "Hello, Client!"]);
    const closed = await runPeer("nc", ["-N", "127.0.0.1", `${server.port}`], "Hello!\n");
    assertEquals(closed.stdout, "Hello, Client!");
  },
});

Deno.test({
  name: `tcp_server answers a Python socket${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    await using server = await startRunnable("tcp-server", ["--port=0"]);
    const script = `
import socket
with socket.create_connection(("127.0.0.1", ${server.port}), 5) as s:
    s.sendall(b"Hello from Python")
    print(s.recv(1024), s.recv(1024))
`;
    const { code, stdout, stderr } = await runPeer(pythonWith()!, ["-c", script]);
    assertEquals([code, stdout], [0, "b'Hello, Client!' b''\n"], stderr);
  },
});

Deno.test("tcp_server --log-level=error says nothing about what goes well", async () => {
  await using server = await startRunnable("tcp-server", ["--port=0", "--log-level=error"]);
  const conn = await connect(server);
  await conn.write(bytes("quiet"));
  await rest(conn);
  server.signal("SIGTERM");
  assertEquals(await server.exitCode(), 0);
  assert(server.stderr === "", server.stderr);
});
