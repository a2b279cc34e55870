/** permessage-deflate with other implementations: Python's websockets, npm ws and Chromium. */

import { WebSocket as NpmSocket, WebSocketServer as NpmServer } from "ws";
import { assertEquals, assertMatch } from "@std/assert";
import { connectWebSocket } from "../../../ws/client/client.ts";
import type { WsCompressionOptions, WsMessage } from "../../../ws/connection/options.ts";
import { serveWebSocket } from "../../../ws/server/server.ts";
import { chrome, launchChrome } from "../../_support/browser.ts";
import { needsPython, pythonWith } from "../../_support/peers.ts";
import { runPeer, startPeer } from "../../_support/runnable.ts";
import { echo } from "../../_support/ws_peers.ts";
import { type Content, contentOf, isText } from "../cases/compression.ts";

const python = needsPython("websockets");

/** What the peers exchange: every kind of content, small and large. */
const MESSAGES: readonly WsMessage[] = ["words", "json", "utf8", "zeros", "random", "bytes"]
  .flatMap((content) =>
    [0, 20, 3000, 70_000].map((size) => {
      const traffic = { content: content as Content, size, count: 1 };
      const bytes = contentOf(traffic, size);
      return isText(traffic) ? new TextDecoder().decode(bytes) : bytes;
    })
  );

/** Sets of options for one side, in our words. */
const OPTIONS: readonly WsCompressionOptions[] = [
  {},
  { threshold: 0 },
  { threshold: 0, level: 1, serverNoContextTakeover: true },
  { threshold: 0, level: 9, clientNoContextTakeover: true },
  { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true },
  { threshold: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 9 },
  { threshold: 0, serverMaxWindowBits: 12, clientMaxWindowBits: 10, clientNoContextTakeover: true },
];

const nameOf = (options: WsCompressionOptions) => JSON.stringify(options);

function serve(compression: WsCompressionOptions) {
  return serveWebSocket({ port: 0, hardened: true, compression }, echo);
}

/** Sends all messages twice, and receives them. */
async function exchangeAll(url: string, compression: WsCompressionOptions): Promise<void> {
  await using conn = await connectWebSocket(url, { compression });
  for (const message of [...MESSAGES, ...MESSAGES]) {
    await conn.send(message);
    assertEquals(await conn.receive({ timeout: 30_000 }), message);
  }
}

const PYTHON_FACTORY = `
def factory(kind, options):
    names = {"serverNoContextTakeover": "server_no_context_takeover",
             "clientNoContextTakeover": "client_no_context_takeover",
             "serverMaxWindowBits": "server_max_window_bits",
             "clientMaxWindowBits": "client_max_window_bits"}
    given = {names[key]: value for key, value in options.items() if key in names}
    if kind is ClientPerMessageDeflateFactory:
        given.setdefault("client_max_window_bits", True)
    return kind(**given)
`;

/** A client that sends texts and bytes of all kinds, and compares the answers. */
const PYTHON_CLIENT = `
import asyncio, json, os, sys, websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
${PYTHON_FACTORY}
async def main():
    options = json.loads(sys.argv[2])
    extensions = [factory(ClientPerMessageDeflateFactory, options)]
    async with websockets.connect(sys.argv[1], extensions=extensions, compression=None) as ws:
        print(ws.extensions)
        for size in [0, 1, 20, 1000, 3000, 70000, 300000] * 2:
            for message in ["x" * size, "世界" * (size // 6), os.urandom(size), b"\\0" * size,
                            json.dumps(list(range(size // 6)))]:
                await ws.send(message)
                assert await asyncio.wait_for(ws.recv(), 20) == message, size
        await ws.send(["frag", "ments " * 1000, ""])
        assert await asyncio.wait_for(ws.recv(), 20) == "frag" + "ments " * 1000
        await asyncio.wait_for(await ws.ping(), 20)
    print(ws.close_code)
asyncio.run(main())`;

for (const options of OPTIONS) {
  Deno.test({
    name: `Python's websockets compresses with a server, offer ${nameOf(options)}${python.suffix}`,
    ignore: python.ignore,
    async fn() {
      await using server = serve({ threshold: 0 });
      const { code, stdout, stderr } = await runPeer(
        pythonWith("websockets")!,
        ["-c", PYTHON_CLIENT, server.url, JSON.stringify(options)],
        "",
        60_000,
      );
      assertEquals([code, stderr], [0, ""]);
      assertMatch(stdout, /^\[PerMessageDeflate\(.*\)\]\n1000\n$/);
    },
  });
}

for (const options of OPTIONS) {
  Deno.test({
    name: `Python's websockets compresses with a server of options ${
      nameOf(options)
    }${python.suffix}`,
    ignore: python.ignore,
    async fn() {
      await using server = serve(options);
      const { code, stdout, stderr } = await runPeer(
        pythonWith("websockets")!,
        ["-c", PYTHON_CLIENT, server.url, "{}"],
        "",
        60_000,
      );
      assertEquals([code, stderr], [0, ""]);
      assertMatch(stdout, /^\[PerMessageDeflate\(.*\)\]\n1000\n$/);
    },
  });
}

Deno.test({
  name: `the client compresses with Python's websockets, whatever it accepts${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    await using peer = await startPeer(
      pythonWith("websockets")!,
      [
        "-uc",
        `
import asyncio, json, sys, websockets
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory, ClientPerMessageDeflateFactory
${PYTHON_FACTORY}
async def handler(ws):
    assert len(ws.extensions) == 1
    async for message in ws:
        await ws.send(message)
async def main():
    servers = []
    for options in json.loads(sys.argv[1]):
        extensions = [factory(ServerPerMessageDeflateFactory, options)]
        server = await websockets.serve(handler, "127.0.0.1", 0, extensions=extensions, compression=None)
        servers.append(server)
        print(f"listening on ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.Future()
asyncio.run(main())`,
        JSON.stringify(OPTIONS),
      ],
      OPTIONS.length,
    );
    for (const url of peer.urls) await exchangeAll(url.href, { threshold: 0 });
    for (const options of OPTIONS) await exchangeAll(peer.urls[0]!.href, options);
  },
});

/** The options of npm ws with the same meaning. */
function npmOptions(options: WsCompressionOptions) {
  const { serverMaxWindowBits, clientMaxWindowBits, threshold } = options;
  return {
    ...threshold !== undefined && { threshold },
    ...options.serverNoContextTakeover && { serverNoContextTakeover: true },
    ...options.clientNoContextTakeover && { clientNoContextTakeover: true },
    ...serverMaxWindowBits !== undefined && { serverMaxWindowBits },
    ...clientMaxWindowBits !== undefined && { clientMaxWindowBits },
  };
}

for (const options of OPTIONS) {
  Deno.test(`npm ws compresses with a server, offer ${nameOf(options)}`, async () => {
    await using server = serve({ threshold: 0 });
    const socket = new NpmSocket(server.url, { perMessageDeflate: npmOptions(options) });
    const failed = Promise.withResolvers<unknown[]>();
    socket.once("error", failed.reject);
    const next = (event: string) =>
      Promise.race([
        new Promise<unknown[]>((resolve) => {
          socket.once(event, (...args: unknown[]) => resolve(args));
        }),
        failed.promise,
      ]);
    await next("open");
    assertMatch(socket.extensions, /^permessage-deflate/);
    for (const message of MESSAGES) {
      const answer = next("message");
      socket.send(message);
      const [data, binary] = await answer as [Uint8Array, boolean];
      const bytes = new Uint8Array(data);
      assertEquals(binary ? bytes : new TextDecoder().decode(bytes), message);
    }
    const closed = next("close");
    socket.close(4003, "done");
    assertEquals((await closed)[0], 4003);
  });

  Deno.test(`the client compresses with npm ws of options ${nameOf(options)}`, async () => {
    const perMessageDeflate = npmOptions(options);
    const server = new NpmServer({ port: 0, host: "127.0.0.1", perMessageDeflate });
    await new Promise((resolve) => server.once("listening", resolve));
    const seen: string[] = [];
    // deno-lint-ignore no-explicit-any -- npm ws comes without types
    server.on("connection", (socket: any) => {
      seen.push(socket.extensions);
      socket.on("message", (data: Uint8Array, binary: boolean) => socket.send(data, { binary }));
    });
    const url = `ws://127.0.0.1:${server.address().port}`;
    await exchangeAll(url, { threshold: 0 });
    await exchangeAll(url, options);
    assertEquals(seen.map((one) => one.split(";")[0]), Array(2).fill("permessage-deflate"));
    await new Promise((resolve) => server.close(resolve));
  });
}

Deno.test({
  name: `Chromium compresses with a server${chrome.suffix}`,
  ignore: chrome.ignore,
  async fn() {
    await using pages = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => new Response("<title>a page</title>", { headers: { "content-type": "text/html" } }),
    );
    const origin = `http://127.0.0.1:${pages.addr.port}`;
    const browser = await launchChrome();
    try {
      const page = await browser.newPage();
      await page.goto(origin);
      for (const compression of OPTIONS) {
        await using server = serveWebSocket(
          { port: 0, hardened: true, allowedOrigins: [origin], compression },
          echo,
        );
        const result = await page.evaluate(`new Promise((resolve) => {
          const sizes = [0, 1, 20, 1000, 3000, 70000, 300000];
          const texts = sizes.flatMap((n) => ["x".repeat(n), "世界 ".repeat(n / 7), JSON.stringify(
            Array.from({ length: n / 20 }, () => Math.random()))]);
          const got = [];
          const socket = new WebSocket(${JSON.stringify(server.url)});
          socket.onopen = () => texts.forEach((text) => socket.send(text));
          socket.onmessage = ({ data }) => {
            got.push(data === texts[got.length]);
            if (got.length === texts.length) socket.close(3000, "enough");
          };
          socket.onclose = ({ code }) =>
            resolve([socket.extensions.split(";")[0], got.length, got.every((same) => same), code]);
        })`);
        assertEquals(result, ["permessage-deflate", 21, true, 3000]);
      }
    } finally {
      await browser.close();
    }
  },
});
