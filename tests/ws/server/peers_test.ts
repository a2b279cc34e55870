/** The WebSocket modules against other implementations: Python, npm ws, Chromium, curl. */

import { WebSocket as NpmSocket, WebSocketServer as NpmServer } from "ws";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { connectWebSocket } from "../../../ws/client/client.ts";
import type { WsConnection } from "../../../ws/connection/connection.ts";
import { chrome, launchChrome } from "../../_support/browser.ts";
import { needs, needsPython, pythonWith } from "../../_support/peers.ts";
import { runPeer, startPeer } from "../../_support/runnable.ts";
import { echo, serve } from "../../_support/ws_peers.ts";

const python = needsPython("websockets");
const curl = needs("curl");

for (const [how, hardened] of [["", false], [", hardened", true]] as const) {
  Deno.test(`the WebSocket of Deno talks to serveWebSocket()${how}`, async () => {
    const { promise, resolve } = Promise.withResolvers<WsConnection>();
    await using server = serve({ hardened }, (conn) => {
      resolve(conn);
      return echo(conn);
    });
    const socket = new WebSocket(server.url);
    socket.binaryType = "arraybuffer";
    const next = <T extends Event>(name: string) =>
      new Promise<T>((resolve) =>
        socket.addEventListener(name, (event) => resolve(event as T), { once: true })
      );
    await next("open");
    const binary = new Uint8Array(1000).fill(7).buffer;
    for (const message of ["héllo", "", binary, "x".repeat(70_000)]) {
      const answer = next<MessageEvent>("message");
      socket.send(message);
      assertEquals((await answer).data, message);
    }
    const conn = await promise;
    const end = next<CloseEvent>("close");
    socket.close(4003, "done");
    const { code, reason, wasClean } = await end;
    assertEquals([code, reason, wasClean], [4003, "done", true]);
    assertEquals((await conn.closed).code, 4003);
  });

  Deno.test({
    name: `Python's websockets talks to serveWebSocket()${how}${python.suffix}`,
    ignore: python.ignore,
    async fn() {
      await using server = serve({ hardened, protocols: ["chat"] }, async (conn) => {
        for await (const message of conn) {
          if (message === "leave") await conn.close(4001, "left");
          else await conn.send(message);
        }
      });
      const { code, stdout, stderr } = await runPeer(pythonWith("websockets")!, [
        "-c",
        `
import asyncio, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1], subprotocols=["chat"]) as ws:
        print(ws.subprotocol)
        await ws.send("héllo")
        print(await ws.recv())
        await ws.send(b"\\x00\\xff")
        print(await ws.recv())
        await ws.send(["frag", "ments"])
        print(await ws.recv())
        await ws.send("x" * 300000)
        print(len(await ws.recv()))
        await asyncio.wait_for(await ws.ping(), 5)
        print("pong")
        await ws.send("leave")
        try:
            await ws.recv()
        except websockets.ConnectionClosed as e:
            print(e.rcvd.code, e.rcvd.reason)
asyncio.run(main())`,
        server.url,
      ]);
      assertEquals([code, stderr], [0, ""]);
      assertEquals(
        stdout,
        "chat\nhéllo\nb'\\x00\\xff'\nfragments\n300000\npong\n4001 left\n",
      );
    },
  });
}

Deno.test({
  name: `connectWebSocket() talks to Python's websockets${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    await using peer = await startPeer(pythonWith("websockets")!, [
      "-uc",
      `
import asyncio, websockets
async def handler(ws):
    async for message in ws:
        if message == "leave":
            return await ws.close(4002, "so be it")
        await ws.send(message)
async def main():
    async with websockets.serve(handler, "127.0.0.1", 0, subprotocols=["b"]) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"listening on ws://127.0.0.1:{port}", flush=True)
        await asyncio.Future()
asyncio.run(main())`,
    ]);
    await using conn = await connectWebSocket(peer.urls[0]!, { protocols: ["a", "b"] });
    assertEquals(conn.protocol, "b");
    // Above 64 KiB, the length of a frame has eight bytes.
    for (const message of ["héllo", new Uint8Array([0, 255]), "x".repeat(70_000)]) {
      await conn.send(message);
      assertEquals(await conn.receive({ timeout: 30_000 }), message);
    }
    await conn.send("leave");
    const { code, reason } = await conn.closed;
    assertEquals([code, reason], [4002, "so be it"]);
  },
});

for (const [how, hardened] of [["", false], [", hardened", true]] as const) {
  Deno.test(`npm ws talks to serveWebSocket()${how}`, async () => {
    await using server = serve({ hardened });
    const socket = new NpmSocket(server.url);
    const next = (event: string) =>
      new Promise<unknown[]>((resolve) =>
        socket.once(event, (...args: unknown[]) => resolve(args))
      );
    await next("open");
    socket.send("héllo");
    assertEquals(`${(await next("message"))[0]}`, "héllo");
    const pong = next("pong");
    socket.ping("p");
    assertEquals(`${(await pong)[0]}`, "p");
    const closed = next("close");
    socket.close(4003, "done");
    const [code, reason] = await closed;
    assertEquals([code, `${reason}`], [4003, "done"]);
  });
}

Deno.test("connectWebSocket() talks to npm ws, and answers its pings", async () => {
  const server = new NpmServer({ port: 0, host: "127.0.0.1" });
  await new Promise((resolve) => server.once("listening", resolve));
  const pong = Promise.withResolvers<string>();
  // deno-lint-ignore no-explicit-any -- npm ws comes without types
  server.on("connection", (socket: any) => {
    socket.on("pong", (data: Uint8Array) => pong.resolve(`${data}`));
    socket.ping("are you there");
    socket.on("message", (data: Uint8Array, binary: boolean) => socket.send(data, { binary }));
  });
  const { port } = server.address();
  {
    await using conn = await connectWebSocket(`ws://127.0.0.1:${port}`);
    for (const message of ["text", new Uint8Array([1, 2, 3])]) {
      await conn.send(message);
      assertEquals(await conn.receive({ timeout: 30_000 }), message);
    }
    assertEquals(await pong.promise, "are you there");
  }
  await new Promise((resolve) => server.close(resolve));
});

for (const [how, hardened] of [["", false], [", hardened", true]] as const) {
  Deno.test({
    name: `curl's upgrade is answered as RFC 6455 requires${how}${curl.suffix}`,
    ignore: curl.ignore,
    async fn() {
      const ended = Promise.withResolvers<WsConnection>();
      await using server = serve({ hardened, protocols: ["chat"] }, async (conn) => {
        await conn.send("hello, curl");
        ended.resolve(conn);
        await echo(conn);
      });
      const { stdout } = await runPeer("curl", [
        ...["-sS", "-i", "-N", "--http1.1", "--max-time", "1"],
        ...["-H", "Connection: keep-alive, Upgrade", "-H", "Upgrade: websocket"],
        ...["-H", "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
        ...["-H", "Sec-WebSocket-Protocol: x, chat"],
        server.url.replace("ws", "http"),
      ]);
      assertMatch(stdout, /^HTTP\/1\.1 101 /);
      assertMatch(stdout, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
      assertMatch(stdout, /sec-websocket-protocol: chat\r\n/i);
      assertMatch(stdout, /hello, curl$/);
      assertEquals((await (await ended.promise).closed).error?.kind, "truncated");
    },
  });
}

for (const [how, hardened] of [["", false], [", hardened", true]] as const) {
  Deno.test({
    name:
      `Chromium talks to serveWebSocket(), pages of other origins may not${how}${chrome.suffix}`,
    ignore: chrome.ignore,
    async fn() {
      await using server = serve({ hardened });
      await using pages = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        () => new Response("<title>a page</title>", { headers: { "content-type": "text/html" } }),
      );
      const origin = `http://127.0.0.1:${pages.addr.port}`;
      await using open = serve({ hardened, allowedOrigins: [origin] });
      const browser = await launchChrome();
      try {
        const page = await browser.newPage();
        await page.goto(origin);
        const talk = (url: string) =>
          page.evaluate(`new Promise((resolve) => {
          const got = [];
          const socket = new WebSocket(${JSON.stringify(url)});
          socket.binaryType = "arraybuffer";
          socket.onopen = () => { socket.send("héllo"); socket.send(new Uint8Array([1, 2])); };
          socket.onmessage = ({ data }) => {
            got.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
            if (got.length === 2) socket.close(3000, "enough");
          };
          socket.onclose = ({ code }) => resolve([got, code]);
        })`);
        assertEquals(await talk(open.url), [["héllo", [1, 2]], 3000]);
        assertEquals(await talk(server.url), [[], 1006]);
        assertEquals(server.stats().refused, 1);
        assert(open.stats().accepted === 1);
      } finally {
        await browser.close();
      }
    },
  });
}
