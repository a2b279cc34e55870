import { assertEquals, assertRejects } from "@std/assert";
import { ArchiveError } from "../../../../examples/chat/archive/archive_error.ts";
import { Redis, RedisRefusal } from "../../../../examples/chat/bus/redis.ts";
import { parseBusTarget } from "../../../../examples/chat/bus/target.ts";
import { serveFaultProxy } from "../../../../tools/fault_proxy.ts";
import { testCertificates } from "../../../_support/certificates.ts";
import { needs } from "../../../_support/peers.ts";
import { freePorts } from "../../../_support/ports.ts";
import { redis, redisCli as cli, RedisServer } from "../../../_support/redis.ts";
import { until } from "../../../_support/until.ts";
import { Node } from "./_bus.ts";

function connect(url: string, more: Partial<ConstructorParameters<typeof Redis>[0]> = {}) {
  const client = new Redis({ target: parseBusTarget(url)!, timeout: 30_000, ...more });
  return { client, [Symbol.dispose]: () => client.close() };
}

function test(name: string, needed: typeof redis, fn: () => Promise<void>, more = {}): void {
  Deno.test({ name: `${name}${needed.suffix}`, ignore: needed.ignore, fn, ...more });
}

test("Redis tells a refused command from a lost connection", redis, async () => {
  await using server = await RedisServer.start();
  using one = connect(server.url);
  const refused = await assertRejects(() => one.client.command(["GET"]), RedisRefusal);
  assertEquals(refused.code, "ERR");
  await server.kill();
  const lost = await assertRejects(() => one.client.command(["PING"]), ArchiveError);
  assertEquals(lost.kind, "unreachable");
  await server.start();
  assertEquals(await one.client.command(["PING"]), "PONG");
  assertEquals(one.client.reconnects > 0, true);
});

test("Redis gives up a connection that is silent", redis, async () => {
  await using server = await RedisServer.start();
  await using proxy = await serveFaultProxy({ to: { hostname: "127.0.0.1", port: server.port } });
  using one = connect(`redis://127.0.0.1:${proxy.addr.port}`, { timeout: 500 });
  await until(() => one.client.command(["PING"]).then(() => true, () => false));
  await proxy.setFaults({ download: { stallAfter: 0 } });
  await assertRejects(() => one.client.command(["PING"]), ArchiveError, "no answer within");
  await proxy.setFaults({});
  await until(() => one.client.command(["PING"]).then(() => true, () => false));
});

test("Redis logs in with a password, or as a user of an access control list", redis, async () => {
  await using server = await RedisServer.start([
    ...["--requirepass", "p/ss", "--user", "ann", "on", ">s@crt", "~*", "+@all"],
  ]);
  const { port } = server;
  for (const auth of [":p%2fss", "ann:s%40crt"]) {
    using one = connect(`redis://${auth}@127.0.0.1:${port}/3`);
    assertEquals(await one.client.command(["SET", "k", auth]), "OK");
  }
  using none = connect(server.url);
  await assertRejects(() => none.client.command(["GET", "k"]), RedisRefusal, "NOAUTH");
  using wrong = connect(`redis://ann:x@127.0.0.1:${port}`);
  await assertRejects(() => wrong.client.command(["GET", "k"]), RedisRefusal, "WRONGPASS");
  using admin = connect(`redis://:p%2fss@127.0.0.1:${port}`);
  await admin.client.command(["ACL", "SETUSER", "ann", ">x"]);
  assertEquals(await wrong.client.command(["GET", "k"]), null);
});

test("Redis uses TLS with rediss://, and shows its certificate", redis, async () => {
  const { ca, good, client, untrusted } = await testCertificates();
  const [port = 0] = freePorts(1);
  await using files = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir();
  files.defer(() => Deno.remove(folder, { recursive: true }));
  for (const [name, text] of Object.entries({ ca, cert: good.cert, key: good.key })) {
    await Deno.writeTextFile(`${folder}/${name}.pem`, text);
  }
  files.use(
    await RedisServer.start([
      ...["--tls-port", `${port}`, "--tls-ca-cert-file", `${folder}/ca.pem`],
      ...["--tls-cert-file", `${folder}/cert.pem`, "--tls-key-file", `${folder}/key.pem`],
    ]),
  );
  const url = `rediss://127.0.0.1:${port}`;
  using one = connect(url, { tls: { ca, cert: client.cert, key: client.key } });
  assertEquals(await one.client.command(["PING"]), "PONG");
  using stranger = connect(url, { tls: { ca: untrusted.cert } });
  await assertRejects(() => stranger.client.command(["PING"]), ArchiveError);
  using nobody = connect(url, { tls: { ca } });
  await assertRejects(() => nobody.client.command(["PING"]), ArchiveError, "CertificateRequired");
});

const tools = needs("redis-server", "redis-cli", "redis-sentinel");

test("a chat works on a Cluster: all its keys are in one slot", tools, async () => {
  // Otherwise it is the other port and 10,000, which can be too high.
  const [port = 0] = freePorts(1);
  await using server = await RedisServer.start([
    ...["--cluster-enabled", "yes", "--cluster-port", `${port}`],
  ]);
  assertEquals(await cli(server.port, "CLUSTER", "ADDSLOTSRANGE", "0", "16383"), "OK");
  await until(async () => (await cli(server.port, "CLUSTER", "INFO")).includes("cluster_state:ok"));
  await using one = await Node.start({
    url: `redis+cluster://127.0.0.1:${server.port}`,
    name: "team",
  });
  const ann = await one.page("Ann");
  await ann.say("hello", 1);
  const [page] = (await one.archive.history("#lobby", { limit: 9 })).messages;
  assertEquals(page?.text, "hello");
});

test("a chat follows Sentinel to another server, and keeps its lines", tools, async () => {
  await using primary = await RedisServer.start();
  await using replica = await RedisServer.start(["--replicaof", `127.0.0.1 ${primary.port}`]);
  await using sentinel = await Sentinel.start(primary.port);
  await until(async () =>
    (await cli(replica.port, "INFO", "replication")).includes("link_status:up")
  );
  await until(async () => (await cli(sentinel.port, "INFO", "sentinel")).includes("slaves=1"));
  await using one = await Node.start({
    url: `redis+sentinel://127.0.0.1:${sentinel.port}/main`,
    name: "team",
    lease: 6000,
    wait: 1,
  });
  const ann = await one.page("Ann");
  await ann.say("before", 1);
  await primary.kill();
  await until(async () => (await cli(replica.port, "INFO", "replication")).includes("role:master"));
  // The node shows nothing until the new primary has a replica.
  await primary.start();
  await cli(primary.port, "REPLICAOF", "127.0.0.1", `${replica.port}`);
  await until(() => one.archive.isReady);
  const { messages } = await one.archive.history("#lobby", { limit: 9 });
  assertEquals(messages.map(({ text }) => text), ["before"]);
  // The client for Sentinel leaves timers behind.
}, { sanitizeOps: false, sanitizeResources: false });

/** A Sentinel that watches one server. */
class Sentinel implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #child: Deno.ChildProcess;

  private constructor(port: number, folder: string, child: Deno.ChildProcess) {
    this.port = port;
    this.#folder = folder;
    this.#child = child;
  }

  static async start(primary: number): Promise<Sentinel> {
    const [port = 0] = freePorts(1);
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(
      `${folder}/sentinel.conf`,
      [
        `port ${port}`,
        "bind 127.0.0.1",
        `dir ${folder}`,
        `sentinel monitor main 127.0.0.1 ${primary} 1`,
        "sentinel down-after-milliseconds main 1000",
        "sentinel failover-timeout main 5000",
      ].join("\n"),
    );
    const child = new Deno.Command("redis-sentinel", {
      args: [`${folder}/sentinel.conf`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await until(async () => await cli(port, "PING") === "PONG");
    return new Sentinel(port, folder, child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}
