/** `examples/tcp_client.ts` against servers of all manners. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { needsPython, pythonWith } from "../_support/peers.ts";
import { ROOT, runRunnable, startPeer, startRunnable } from "../_support/runnable.ts";
import { main } from "../../examples/tcp_client.ts";
import { recordingIo } from "../../tools/cli.ts";
import { LOCK } from "../_support/flags.ts";

const python = needsPython();
const bytes = (text: string) => new TextEncoder().encode(text);

/** Serves one client with a script; gives the port to the work. */
async function withServer<T>(
  script: (conn: Deno.TcpConn) => Promise<unknown>,
  work: (port: number) => Promise<T>,
): Promise<T> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    using conn = await listener.accept();
    await script(conn);
  })();
  const [result] = await Promise.all([work(listener.addr.port), serving]);
  return result;
}

/** Reads what the client says until it says that this was all. */
async function hear(conn: Deno.Conn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(4096);
  for (let n; (n = await conn.read(buffer)) !== null;) {
    text += new TextDecoder().decode(buffer.subarray(0, n));
  }
  return text;
}

Deno.test("tcp_client sends its message, half-closes, and prints the reply", async () => {
  let heard = "";
  const { code, stdout, stderr } = await withServer(async (conn) => {
    heard = await hear(conn);
    await conn.write(bytes("Hello, Client!"));
  }, (port) => runRunnable("tcp-client", [`--port=${port}`]));
  assertEquals([code, stdout, stderr, heard], [0, "Hello, Client!\n", "", "Hello, Server!"]);
});

Deno.test("tcp_client puts a reply together that comes byte by byte", async () => {
  const reply = "zwölf €\r\nsecond line\n\nlast";
  const io = recordingIo();
  const code = await withServer(async (conn) => {
    conn.setNoDelay();
    for (const byte of bytes(reply)) await conn.write(new Uint8Array([byte]));
  }, (port) => main(["--port", String(port), "-m", "hi"], io));
  assertEquals([code, io.out], [0, "zwölf €\nsecond line\n\nlast\n"]);
});

Deno.test("tcp_client lets no escape sequence of the server reach the terminal", async () => {
  const io = recordingIo();
  await withServer(
    (conn) => conn.write(bytes("\x1b]0;owned\x07\u202Ehi\n")),
    (port) => main([`--port=${port}`], io),
  );
  assertEquals(io.out, "\\x1B]0;owned\\x07\\u{202E}hi\n");
});

Deno.test("tcp_client --json prints one object per line of the reply", async () => {
  const io = recordingIo();
  const peer = await withServer(async (conn) => {
    await conn.write(bytes('say "hi"\n'));
    return 0;
  }, async (port) => {
    await main([`--port=${port}`, "--json"], io);
    return `127.0.0.1:${port}`;
  });
  assertEquals(JSON.parse(io.out), { peer, reply: 'say "hi"' });
});

Deno.test("tcp_client ends quietly when nobody reads on, as in `| head -1`", async () => {
  const endless = async (conn: Deno.Conn) => {
    const line = bytes("line\n".repeat(1000));
    while (await conn.write(line).then(() => true, () => false));
  };
  await withServer(endless, async (port) => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", LOCK, "-P=tcp-client", "examples/tcp_client.ts", `--port=${port}`],
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    const [{ code }, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
    assertEquals([code, stderr], [0, ""]);
  });
});

Deno.test("tcp_client says that nothing listens there: 1", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const { code, stdout, stderr } = await runRunnable("tcp-client", [`--port=${port}`]);
  assertEquals([code, stdout], [1, ""]);
  assertEquals(
    stderr,
    `tcp-client: Cannot connect to 127.0.0.1:${port}: connection refused\n`,
  );
});

Deno.test("tcp_client gives a silent server --read-timeout, then names it: 1", async () => {
  const io = recordingIo();
  const silent = Promise.withResolvers<void>();
  const code = await withServer(() => silent.promise, async (port) => {
    const result = await main([`--port=${port}`, "--read-timeout=200ms"], io);
    silent.resolve();
    assertMatch(io.err, new RegExp(`^tcp-client: [^\n]*127\\.0\\.0\\.1:${port}[^\n]*200 ms\n$`));
    return result;
  });
  assertEquals([code, io.out], [1, ""]);
});

Deno.test("tcp_client says that the server broke the connection off: 1", async () => {
  const { createServer } = await import("node:net");
  const server = createServer((socket) => {
    socket.once("data", () => socket.resetAndDestroy());
    socket.on("error", () => {});
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const { port } = server.address() as { port: number };
  const io = recordingIo();
  const code = await main([`--port=${port}`], io);
  assertEquals(code, 1);
  assertMatch(io.err, /^tcp-client: [^\n]*reset[^\n]*\n$/);
  await new Promise((done) => server.close(done));
});

Deno.test("tcp_client ends with 130 when it is interrupted while it waits", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await withServer(() => promise, async (port) => {
    const args = [`--port=${port}`, "--log-level=debug"];
    await using client = await startRunnable("tcp-client", args, { listeners: 0 });
    await client.until(({ stderr }) => stderr.includes("connected to"), "it is connected");
    client.signal("SIGINT");
    assertEquals(await client.exitCode(), 130);
    assert(client.stderr.endsWith("tcp-client: interrupted by SIGINT\n"), client.stderr);
    resolve();
  });
});

Deno.test({
  name: `tcp_client talks to a Python server${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    const script = `
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    print("listening on tcp://127.0.0.1:%d" % server.getsockname()[1], flush=True)
    conn, _ = server.accept()
    with conn:
        print(conn.recv(1024), flush=True)
        conn.sendall(b"Hello, Client!")
`;
    await using server = await startPeer(pythonWith()!, ["-c", script]);
    const { code, stdout, stderr } = await runRunnable("tcp-client", [`--port=${server.port}`]);
    assertEquals([code, stdout, stderr], [0, "Hello, Client!\n", ""]);
    assertEquals(await server.exitCode(), 0, server.stderr);
    assert(server.stdout.endsWith("b'Hello, Server!'\n"));
  },
});
