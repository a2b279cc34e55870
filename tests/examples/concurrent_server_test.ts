/** `examples/concurrent_server.ts`: many clients at once, none of which hurts another. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { connectTcp } from "../../net/tcp/client.ts";
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

const bytes = (text: string) => new TextEncoder().encode(text);
const start = (...args: string[]) => startRunnable("concurrent-server", ["--port=0", ...args]);

/** A client that reads lines, with a limit on every wait. */
class Client implements Disposable {
  readonly conn: Deno.TcpConn;
  #text = "";

  constructor(conn: Deno.TcpConn) {
    this.conn = conn;
  }

  static async open({ port }: Runnable): Promise<Client> {
    return new Client(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async send(text: string | Uint8Array): Promise<void> {
    let left = typeof text === "string" ? bytes(text) : text;
    while (left.length > 0) left = left.subarray(await this.conn.write(left));
  }

  /** The next line with its end; what is left at the end of the stream; null after that. */
  async line(ms = 10_000): Promise<string | null> {
    const buffer = new Uint8Array(65536);
    while (!this.#text.includes("\n")) {
      const n = await within(ms, "a line of the server", this.conn.read(buffer));
      if (n === null) break;
      this.#text += new TextDecoder().decode(buffer.subarray(0, n));
    }
    const end = this.#text.indexOf("\n") + 1 || this.#text.length;
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end);
    return line === "" ? null : line;
  }

  [Symbol.dispose](): void {
    this.conn.close();
  }
}

Deno.test("concurrent_server answers every line, LF or CRLF, whole or in pieces", async () => {
  await using server = await start();
  using client = await Client.open(server);
  client.conn.setNoDelay();
  await client.send("one\ntwo\r\n\nfo");
  for (let i = 0; i < 3; i++) assertEquals(await client.line(), "Message received\n");
  await client.send("ur\r");
  await client.send("\n");
  assertEquals(await client.line(), "Message received\n");
  await client.send("no end");
  await client.conn.closeWrite();
  // A last line without its end counts; then the server ends too.
  assertEquals(await client.line(), "Message received\n");
  assertEquals(await client.line(), null);
});

Deno.test("concurrent_server answers an over-long line with an error and goes on", async () => {
  await using server = await start("--max-line=16");
  using client = await Client.open(server);
  await client.send("x".repeat(16) + "\n");
  assertEquals(await client.line(), "Message received\n");
  await client.send("x".repeat(17) + "\nshort\n");
  assertEquals(await client.line(), "Error: a line may have at most 16 bytes\n");
  assertEquals(await client.line(), "Message received\n");
  await client.send("x".repeat(3_000_000) + "\nshort\n");
  assertEquals(await client.line(), "Error: a line may have at most 16 bytes\n");
  assertEquals(await client.line(), "Message received\n");
});

Deno.test("concurrent_server answers ten at once and lets the eleventh wait", async () => {
  await using server = await start();
  const clients = await Promise.all(Array.from({ length: 10 }, () => Client.open(server)));
  using late = await Client.open(server);
  try {
    await late.send("me too\n");
    for (const client of clients) await client.send("hello\n");
    for (const client of clients) assertEquals(await client.line(), "Message received\n");
    let served = false;
    const answer = late.line().finally(() => served = true);
    // Two more round trips of others: the late one had time enough, had it been let in.
    for (const client of clients.slice(0, 2)) {
      await client.send("again\n");
      assertEquals(await client.line(), "Message received\n");
    }
    assert(!served);
    clients[0]![Symbol.dispose]();
    assertEquals(await answer, "Message received\n");
  } finally {
    for (const client of clients.slice(1)) client[Symbol.dispose]();
  }
});

Deno.test("concurrent_server --when-full=refuse closes one client more at once", async () => {
  await using server = await start("--max-connections=1", "--when-full=refuse");
  using first = await Client.open(server);
  await first.send("a\n");
  assertEquals(await first.line(), "Message received\n");
  using second = await Client.open(server);
  assertEquals(await second.line(), null);
  await first.send("b\n");
  assertEquals(await first.line(), "Message received\n");
});

Deno.test("concurrent_server is not stalled by a client that never reads", async () => {
  await using server = await start();
  using deaf = await Client.open(server);
  // Enough empty lines that the answers fill every buffer on the way.
  const flood = deaf.send(new Uint8Array(4_000_000).fill(10)).catch(() => {});
  using client = await Client.open(server);
  for (let i = 0; i < 100; i++) {
    await client.send("x\n");
    assertEquals(await client.line(), "Message received\n");
  }
  server.signal("SIGTERM");
  await server.until(({ stderr }) => stderr.includes("stopping"), "it is stopping");
  server.signal("SIGINT");
  assertEquals(await server.exitCode(), 130);
  await flood;
});

Deno.test("concurrent_server ends a client that is silent for --idle-timeout", async () => {
  await using server = await start("--idle-timeout=300ms");
  using client = await Client.open(server);
  assertEquals(await client.line(), null);
});

Deno.test("concurrent_server takes hostile bytes for lines like any other", async () => {
  await using server = await start();
  using client = await Client.open(server);
  await client.send(new Uint8Array([0, 255, 254, 27, 91, 50, 74, 10, 195, 10]));
  assertEquals(await client.line(), "Message received\n");
  assertEquals(await client.line(), "Message received\n");
  assert(!/[^\P{Cc}\n]/u.test(server.stderr), server.stderr);
});

Deno.test("concurrent_server answers tcp_client, which sends a line without its end", async () => {
  await using server = await start();
  const { code, stdout } = await runRunnable("tcp-client", [`--port=${server.port}`]);
  assertEquals([code, stdout], [0, "Message received\n"]);
});

Deno.test({
  name: `concurrent_server answers nc${nc.suffix}`,
  ignore: nc.ignore,
  async fn() {
    await using server = await start();
    const args = ["-N", "127.0.0.1", `${server.port}`];
    const { code, stdout } = await runPeer("nc", args, "one\ntwo\r\nthree");
    assertEquals([code, stdout], [0, "Message received\n".repeat(3)]);
  },
});

Deno.test({
  name: `concurrent_server answers 50 Python clients at once${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    await using server = await start("--max-connections=50");
    const script = `
import asyncio
async def client(i):
    reader, writer = await asyncio.open_connection("127.0.0.1", ${server.port})
    await barrier()
    for n in range(20):
        writer.write(b"%d %d\\n" % (i, n))
        assert await reader.readline() == b"Message received\\n"
    writer.close()
waiting = 0
everyone = asyncio.Event()
async def barrier():
    global waiting
    waiting += 1
    if waiting == 50: everyone.set()
    await everyone.wait()
async def main():
    await asyncio.gather(*(client(i) for i in range(50)))
    print("all answered")
asyncio.run(asyncio.wait_for(main(), 20))
`;
    const { code, stdout, stderr } = await runPeer(pythonWith()!, ["-c", script], "", 30_000);
    assertEquals([code, stdout], [0, "all answered\n"], stderr);
    assertMatch(server.stderr, /connected/);
  },
});

Deno.test("concurrent_server answers on several cores, and says what --workers needs", async () => {
  const refused = await runRunnable("concurrent-server", ["--port=0", "--workers=2"]);
  assertEquals([refused.code, refused.stdout], [3, ""]);
  assertMatch(refused.stderr, /^concurrent-server: [^\n]*run again with --allow-read=[^\n]+\n$/);
  const permissions = ["-P=concurrent-server", "--allow-read=."];
  await using server = await startRunnable("concurrent-server", ["--port=0", "--workers=2"], {
    permissions,
  });
  for (let i = 0; i < 8; i++) {
    await using conn = await connectTcp({ port: server.port });
    await conn.write("line\n");
    assertEquals(await conn.readLine({ timeout: 30_000 }), "Message received");
  }
  server.signal("SIGTERM");
  assertEquals(await server.exitCode(), 0, server.stderr);
});
