import { assertEquals } from "@std/assert";
import { Redis, RedisRefusal } from "../../../../examples/chat/bus/redis.ts";
import { parseBusTarget } from "../../../../examples/chat/bus/target.ts";
import { redis, RedisServer } from "../../../_support/redis.ts";
import { until } from "../../../_support/until.ts";
import type { Connection } from "../../../../net/connection/connection.ts";
import { connectTcp, serveTcp, type TcpServer } from "../../../../net/tcp/mod.ts";
import { RecordingFace } from "../_faces.ts";
import { Node } from "./_bus.ts";

/** A Redis, and a connection that no node uses. */
async function withRedis(body: (url: string, other: Redis) => Promise<void>): Promise<void> {
  await using server = await RedisServer.start();
  const other = new Redis({ target: parseBusTarget(server.url)!, timeout: 30_000 });
  try {
    await body(server.url, other);
  } finally {
    other.close();
  }
}

function test(name: string, body: (url: string, other: Redis) => Promise<void>): void {
  const fn = () => withRedis(body);
  Deno.test({ name: `${name}${redis.suffix}`, ignore: redis.ignore, fn });
}

/** Returns the time at which the only lease of a chat ends. */
async function leaseEnd(other: Redis): Promise<number> {
  const reply = await other.command(["ZRANGE", "{chat:test}:nodes", "0", "0", "WITHSCORES"]);
  return Number((reply as string[])[1]);
}

test("a Redis without memory refuses lines, and the node keeps its lease", async (url, other) => {
  await using one = await Node.start({ url, name: "test", lease: 2500 });
  const ann = await one.page("Ann");
  await other.command(["CONFIG", "SET", "maxmemory", "1"], { key: "" });
  await ann.say("full", 1);
  const refused = ann.face.own.find((event) => event.type === "error");
  assertEquals([refused?.code, one.lobby.fault], ["not-stored", "full"]);
  const end = await leaseEnd(other);
  await until(async () => one.events.length > 0 || await leaseEnd(other) > end + 2500);
  await other.command(["CONFIG", "SET", "maxmemory", "0"], { key: "" });
  await ann.say("stored", 2);
  const { messages } = await one.archive.history("#lobby", { limit: 9 });
  assertEquals([messages.map(({ text }) => text), one.events], [["stored"], []]);
});

test(
  "a user id that Redis gives a second time after a failover is not used again",
  async (url, other) => {
    await using one = await Node.start({ url, name: "test" });
    await using two = await Node.start({ url, name: "test" });
    await one.terminal("Ann");
    await one.terminal("Bob");
    // A new primary lacks the last numbers that the old one gave.
    await other.command(["SET", "{chat:test}:lastuser", "0"]);
    await two.terminal("Cem");
    await two.page("Dan");
    const users = await two.archive.aliveUsers();
    assertEquals(users.map(({ name }) => name).sort(), ["Ann", "Bob", "Cem", "Dan"]);
    assertEquals(new Set(users.map(({ id }) => id)).size, 4);
  },
);

test("lines wait while a script of another program occupies Redis", async (url, other) => {
  await using one = await Node.start({ url, name: "test" });
  const ann = await one.page("Ann");
  await other.command(["CONFIG", "SET", "busy-reply-threshold", "10"], { key: "" });
  const script = new Redis({ target: parseBusTarget(url)!, timeout: 30_000 });
  const running = script.command(["EVAL", "while true do end", "0"], { key: "" }).catch(() => {});
  await until(() =>
    other.command(["PING"], { key: "" }).then(() => false, (error) => /BUSY/.test(error.message))
  );
  const said = ann.say("during", 1);
  await until(() => one.events.length > 0 || one.archive.reconnects > 0);
  await until(() =>
    other.command(["SCRIPT", "KILL"], { key: "" }).then(
      () => true,
      (error) => error instanceof RedisRefusal && error.code === "NOTBUSY",
    )
  );
  await said;
  await running;
  script.close();
  const { messages } = await one.archive.history("#lobby", { limit: 9 });
  assertEquals([messages.map(({ text }) => text), one.events], [["during"], []]);
});

test("a node that can write but not read dismisses its users", async (url) => {
  await using proxy = withoutReading(Number(new URL(url).port));
  const { port } = proxy.addr;
  await using one = await Node.start({
    url: `redis://127.31.0.1:${port}`,
    name: "test",
    lease: 1500,
  });
  // The user is in the chat when the node has read its own record.
  const joined = await one.lobby.join({ name: "Ann" }, new RecordingFace("many"));
  assertEquals("code" in joined && joined.code, "unavailable");
  assertEquals(one.events[0]?.type, "lost");
});

/** Starts a proxy that ends each connection on which a client reads the log. */
function withoutReading(port: number): TcpServer {
  return serveTcp({ hostname: "127.31.0.1" }, async (conn) => {
    await using redis = await connectTcp({ port });
    const answers = pump(redis, conn);
    await pump(conn, redis, "XREAD");
    redis.close();
    await answers;
  });
}

/** Passes bytes on until the end, or until they have a word. */
async function pump(from: Connection, to: Connection, end?: string): Promise<void> {
  for (let bytes; (bytes = await from.readChunk().catch(() => null)) !== null;) {
    if (end !== undefined && new TextDecoder().decode(bytes).includes(end)) return;
    await to.write(bytes).catch(() => {});
  }
}
