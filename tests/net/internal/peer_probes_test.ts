import { assert, assertEquals, assertMatch } from "@std/assert";
import { existsSync } from "node:fs";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { needs, needsNamespaces } from "../../_support/peers.ts";
import { until } from "../../_support/until.ts";

const ss = needs("ss");
const isolated = needs("nc", "nsenter", "ss").ignore
  ? needs("nc", "nsenter", "ss")
  : needsNamespaces("ip link add left type veth peer name right");

/** Returns the timers of the kernel for the accepted connections of a port, such as `keepalive,10sec`. */
async function timersOf(port: number): Promise<string[]> {
  const args = ["-tnoH", "state", "established", `( sport = :${port} )`];
  const { stdout } = await new Deno.Command("ss", { args }).output();
  const text = new TextDecoder().decode(stdout);
  return Array.from(text.matchAll(/timer:\((\w+,\d+)/g), ([, timer]) => timer!);
}

Deno.test({
  name: `serveTcp() probes an idle peer within deadPeerTimeout${ss.suffix}`,
  ignore: ss.ignore,
  async fn() {
    await using server = serveTcp(
      { port: 0, idleTimeout: 0, deadPeerTimeout: 115_000 },
      async (conn) => void await conn.readLine(),
    );
    await using client = await connectTcp({ port: server.addr.port });
    await until(() => server.stats().active === 1);
    const timers = await timersOf(server.addr.port);
    assertEquals(timers.length, 1);
    assertMatch(timers[0]!, /^keepalive,1$/);
    await client.write("bye\n");
  },
});

Deno.test({
  name: `serveTcp() leaves the probes to the system by default${ss.suffix}`,
  ignore: ss.ignore,
  async fn() {
    await using server = serveTcp({ port: 0 }, async (conn) => void await conn.readLine());
    await using client = await connectTcp({ port: server.addr.port });
    await until(() => server.stats().active === 1);
    const [timer] = await timersOf(server.addr.port);
    // Two hours, unless this machine is configured otherwise.
    assert(timer !== "keepalive,1", timer);
    await client.write("bye\n");
  },
});

/** Two networks, each with a client; the cable of the second one is pulled after it has said hello. */
const NETWORKS = `
set -e
ip link set lo up
ip link add left type veth peer name right
unshare -n sleep 60 & other=$!
until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ip link set right netns $other
ip addr add 10.0.0.1/24 dev left
ip link set left up
nsenter -t $other -n sh -c 'ip addr add 10.0.0.2/24 dev right && ip link set right up'
mkfifo said
"$1" run -q --unstable-net --allow-net $3 --no-lock --no-check --config "$2" serve.ts $4 > said & server=$!
exec 3< said
read listening <&3
(echo near; exec sleep 60) | nc 10.0.0.1 7001 >/dev/null & near=$!
read hello <&3
(echo far; exec sleep 60) | nsenter -t $other -n nc 10.0.0.1 7001 >/dev/null & far=$!
read hello <&3
nsenter -t $other -n ip link set right down
cat <&3
kill $other $near $far
`;

const SERVER = `
import { serveTcp } from "${new URL("../../../net/tcp/server.ts", import.meta.url)}";
const ended = Promise.withResolvers();
const server = serveTcp({
  hostname: "10.0.0.1",
  port: 7001,
  idleTimeout: 0,
  deadPeerTimeout: 4_000,
  onListen: () => console.log("listening"),
  onEvent: (event) => event.type === "close" && ended.resolve(event.error),
}, async (conn) => {
  console.log(await conn.readLine());
  // Some data is on the way when the network fails, and no more space is needed for it.
  if (Deno.args[0] === "busy") setTimeout(() => conn.trySend("hello\\n"), 500);
  await conn.readLine();
});
const { kind, phase, address } = await ended.promise;
console.log(kind, phase, address.replace(/:.*/, ""), server.stats().active);
Deno.exit();
`;

/** Returns what the server says about the first connection that ends. */
async function endInNetworks(permissions: string, traffic: "silent" | "busy"): Promise<string> {
  const cwd = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${cwd}/serve.ts`, SERVER);
    await Deno.writeTextFile(`${cwd}/networks.sh`, NETWORKS);
    const config = new URL("../../../deno.json", import.meta.url).pathname;
    const { stdout } = await new Deno.Command("unshare", {
      args: ["-rnm", "sh", "networks.sh", Deno.execPath(), config, permissions, traffic],
      cwd,
      stdin: "null",
      stderr: "inherit",
    }).output();
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

for (const permissions of ["", "--allow-ffi"]) {
  Deno.test({
    name: `a dead peer is found in time, and a silent one that lives stays ${permissions}` +
      isolated.suffix,
    ignore: isolated.ignore,
    async fn() {
      assertEquals(await endInNetworks(permissions, "silent"), "timeout read 10.0.0.2 1\n");
    },
  });
}

const glibc = Deno.build.os === "linux" && existsSync("/lib64/ld-linux-x86-64.so.2");

Deno.test({
  name: `with --allow-ffi, a dead peer for which data waits is found in time${isolated.suffix}`,
  ignore: isolated.ignore || !glibc,
  async fn() {
    const end = await endInNetworks("--allow-ffi", "busy");
    // Linux reports that the neighbour does not answer, if it has noticed that.
    assertMatch(end, /^(?:timeout|unreachable) read 10\.0\.0\.2 1\n$/);
  },
});
