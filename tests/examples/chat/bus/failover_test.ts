import { assertEquals } from "@std/assert";
import type { ChatWelcome } from "../../../../examples/chat/lobby.ts";
import { type FaultProxy, serveFaultProxy } from "../../../../tools/fault_proxy.ts";
import { redisCli as cli, RedisServer, redisTools as tools } from "../../../_support/redis.ts";
import { until } from "../../../_support/until.ts";
import { RecordingFace, type User } from "../_faces.ts";
import { Node, type NodeOptions } from "./_bus.ts";

/** Two servers, of which one is the primary, and the ways of nodes to them. */
interface Pair {
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  /** Starts a node that speaks with the primary. */
  start(options?: Partial<NodeOptions>): Promise<Moving>;
}

/** A node, and the way to its server. */
interface Moving {
  readonly node: Node;
  /** Leads the node to another server from now on. */
  moveTo(server: RedisServer): Promise<void>;
}

function test(name: string, body: (pair: Pair) => Promise<void>): void {
  Deno.test({
    name: `${name}${tools.suffix}`,
    ignore: tools.ignore,
    async fn() {
      await using stack = new AsyncDisposableStack();
      const primary = stack.use(await RedisServer.start());
      const replica = stack.use(
        await RedisServer.start([
          ...["--replicaof", `127.0.0.1 ${primary.port}`, "--repl-diskless-sync-delay", "0"],
        ]),
      );
      await isReplicated(replica);
      await body({ primary, replica, start: (options) => startNode(stack, primary, options) });
    },
  });
}

async function isReplicated({ port }: RedisServer): Promise<void> {
  while (!(await cli(port, "INFO", "replication")).includes("link_status:up"));
}

async function startNode(
  stack: AsyncDisposableStack,
  { port: from }: RedisServer,
  options: Partial<NodeOptions> = {},
): Promise<Moving> {
  const open = (to: number, port = 0) =>
    serveFaultProxy({ port, to: { hostname: "127.0.0.1", port: to }, maxConnections: 0 });
  let proxy: FaultProxy = await open(from);
  stack.defer(() => proxy[Symbol.asyncDispose]());
  const { port } = proxy.addr;
  const url = `redis://127.0.0.1:${port}`;
  const node = stack.use(await Node.start({ url, name: "test", lease: 10_000, ...options }));
  return {
    node,
    async moveTo(server) {
      await proxy[Symbol.asyncDispose]();
      proxy = await open(server.port, port);
    },
  };
}

const texts = ({ face }: User) =>
  face.events.flatMap((event) => event.type === "message" ? [event.text] : []);

const history = async ({ archive }: Node) =>
  (await archive.history("#lobby", { limit: 99 })).messages.map(({ text }) => text);

test("a node that has seen lines which a failover lost does not keep them", async (chat) => {
  const [one, two] = [await chat.start(), await chat.start()];
  const [ann, bob] = [await one.node.page("Ann"), await two.node.page("Bob")];
  await ann.say("both", 1);
  await until(() => texts(bob).length === 1);
  await until(() => two.node.lobby.stats().users === 2);
  assertEquals(await cli(chat.primary.port, "WAIT", "1", "0"), "1");
  await cli(chat.replica.port, "REPLICAOF", "NO", "ONE");
  await two.moveTo(chat.replica);
  for (const n of [2, 3]) await ann.say(`lost ${n}`, n);
  // As many records as the other server has lost, so the positions are the same.
  for (const n of [2, 3]) await bob.say(`kept ${n}`, n);
  const before = one.node.lobby.epoch;
  await one.moveTo(chat.replica);
  await until(() =>
    one.node.lobby.epoch !== before && one.node.lobby.epoch === two.node.lobby.epoch &&
    one.node.lobby.isReady && two.node.lobby.isReady
  );
  assertEquals(await history(one.node), ["both", "kept 2", "kept 3"]);
  assertEquals(await history(two.node), ["both", "kept 2", "kept 3"]);
});

test("with a wait for replicas, nobody sees a line that a failover can lose", async (chat) => {
  const [one, two] = [
    await chat.start({ wait: 1, lease: 20_000 }),
    await chat.start({ wait: 1, lease: 20_000 }),
  ];
  const face = new RecordingFace("many");
  const ann = await one.node.lobby.join({ name: "Ann" }, face);
  if ("code" in ann) throw new Error(ann.code);
  const { token, epoch } = face.events[0] as ChatWelcome;
  const bob = await two.node.page("Bob");
  void ann.say("both", 1);
  await until(() => texts(bob).length === 1);
  await ann.settled();
  chat.replica.signal("SIGSTOP");
  void ann.say("waits", 2);
  await until(async () => await cli(chat.primary.port, "XLEN", "{chat:test}:room:#lobby") === "2");
  assertEquals(texts(bob), ["both"]);
  await chat.primary.kill();
  chat.replica.signal("SIGCONT");
  await cli(chat.replica.port, "REPLICAOF", "NO", "ONE");
  await using other = await RedisServer.start(["--replicaof", `127.0.0.1 ${chat.replica.port}`]);
  await isReplicated(other);
  await Promise.all([one.moveTo(chat.replica), two.moveTo(chat.replica)]);
  await until(() => one.node.lobby.isReady && two.node.lobby.isReady);
  // The page sends again what was not confirmed.
  const back = new RecordingFace("many");
  await until(async () => {
    const again = await two.node.lobby.join({ name: "Ann", token }, back);
    if ("code" in again) return false;
    void again.say("waits", 2);
    return true;
  });
  await until(() => back.own.some((event) => event.type === "message"));
  assertEquals(two.node.lobby.epoch, epoch);
  for (const { node } of [one, two]) {
    await until(async () => (await history(node)).length === 2);
    assertEquals(await history(node), ["both", "waits"]);
  }
});
