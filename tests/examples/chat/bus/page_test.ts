import { assertEquals } from "@std/assert";
import type { Connection } from "../../../../net/connection/connection.ts";
import { connectTcp, serveTcp, type TcpServer } from "../../../../net/tcp/mod.ts";
import { redis, RedisServer } from "../../../_support/redis.ts";
import { type Runnable, startRunnable } from "../../../_support/runnable.ts";
import { ALL_SENT, becomes, endBrowser, expose, say, scene, shown } from "../_page.ts";

/** Starts a node whose lease is short. */
function startNode(url: string): Promise<Runnable> {
  const ports = ["--port", "0", "--web-port", "0", "--rate", "0"];
  return startRunnable("chat", [...ports, "--bus", url, "--bus-lease", "3s"], {
    listeners: 2,
    permissions: ["--allow-net=127.0.0.1"],
    timeout: 60_000,
  });
}

/** Starts a proxy as it stands in front of nodes: each connection goes to the first node that accepts it. */
function front(nodes: readonly Runnable[]): TcpServer {
  const ports = nodes.map(({ urls }) => Number(urls[1]!.port));
  return serveTcp({}, async (conn) => {
    for (const port of ports) {
      const node = await connectTcp({ port }).catch(() => undefined);
      if (node === undefined) continue;
      await Promise.all([pump(conn, node), pump(node, conn)]);
      return;
    }
  });
}

/** Passes bytes on until the end, which the other side gets, too. */
async function pump(from: Connection, to: Connection): Promise<void> {
  for (let bytes; (bytes = await from.readChunk().catch(() => null)) !== null;) {
    await to.write(bytes).catch(() => {});
  }
  to.close();
}

scene(
  "goes to another node when its own is killed, and misses nothing",
  async ({ visit }) => {
    await using server = await RedisServer.start();
    await using one = await startNode(server.url);
    await using two = await startNode(server.url);
    await using fronts = new AsyncDisposableStack();
    const join = async (name: string, nodes: readonly Runnable[]) => {
      const { port } = fronts.use(front(nodes)).addr;
      const page = await visit();
      await page.goto(`http://127.0.0.1:${port}`);
      await expose(page);
      await page.fill("#name", name);
      await page.press("#name", "Enter");
      await page.waitForSelector("#chat:not([hidden])");
      return page;
    };
    const ann = await join("Ann", [one, two]);
    const bob = await join("Bob", [two, one]);
    await shown(ann, "Bob joined");
    await say(ann, "before");
    await shown(bob, "before");
    await becomes(ann, ALL_SENT);
    one.signal("SIGSTOP");
    await say(ann, "not sent");
    await say(bob, "missed");
    await becomes(bob, ALL_SENT);
    one.signal("SIGKILL");
    for (const page of [ann, bob]) {
      await shown(page, "not sent");
      await shown(page, "missed");
    }
    await becomes(ann, `state.me.joined && ${ALL_SENT} && outbox.pending.size === 0`);
    await say(ann, "goes on");
    await shown(bob, "goes on");
    await becomes(ann, ALL_SENT);
    for (const page of [ann, bob]) {
      const texts = await page.locator(".msg .text").allTextContents();
      assertEquals(texts, ["before", "missed", "not sent", "goes on"]);
      assertEquals(await page.locator(".note", { hasText: "left" }).count(), 0);
    }
  },
  [],
  redis,
);

endBrowser();
