/** `scan --udp`: datagrams that services answer, and states from ICMP. */

import { assertEquals, assertMatch } from "@std/assert";
import { bindUdp } from "../../../net/udp/socket.ts";
import { recordingIo } from "../../../tools/cli.ts";
import { main, scan, type ScanOptions, type ScanResult } from "../../../tools/scan.ts";
import { isolated, needsNamespaces } from "../../_support/peers.ts";
import { ROOT, runPeer, runRunnable } from "../../_support/runnable.ts";
import { LOCK } from "../../_support/flags.ts";

const hostname = "127.77.5.1";
const linux = Deno.build.os === "linux";

async function all(ports: ScanOptions["ports"], options: ScanOptions = {}): Promise<ScanResult[]> {
  const found: ScanResult[] = [];
  for await (const result of scan(hostname, { ports, udp: true, ...options })) found.push(result);
  return found;
}

Deno.test("a UDP port that answers is open, a silent one is open|filtered", async () => {
  await using answering = await bindUdp({ hostname });
  await using silent = await bindUdp({ hostname });
  const serving = answering.receive().then(({ from }) => answering.send("hello", from));
  const ports = [answering.addr.port, silent.addr.port];
  const found = await all(ports, { timeout: 200, retries: 0 });
  await serving;
  const of = (port?: number) => found.find((one) => one.port === port);
  assertEquals(ports.map((port) => of(port)?.state), ["open", "open|filtered"]);
  assertEquals(found.map(({ transport }) => transport), ["udp", "udp"]);
});

Deno.test({
  name: "a UDP port that ICMP reports is closed",
  ignore: !linux,
  async fn() {
    const [found] = await all([9]);
    assertEquals([found?.state, found?.reason], ["closed", "ECONNREFUSED"]);
  },
});

Deno.test("a lost datagram is sent again", async () => {
  await using server = await bindUdp({ hostname });
  const serving = (async () => {
    await server.receive();
    const { from } = await server.receive();
    await server.send("late", from);
  })();
  const [found] = await all([server.addr.port], { timeout: 100 });
  await serving;
  assertEquals(found?.state, "open");
});

Deno.test("--udp scans the common ports of UDP, and the table says what is silent", async () => {
  await using silent = await bindUdp({ hostname });
  const io = recordingIo();
  const { port } = silent.addr;
  const args = [hostname, "--udp", "-p", `${port},9`, "-t", "100ms", "--retries", "0"];
  assertEquals(await main(args, io), 0);
  assertMatch(io.out, new RegExp(`^127\\.77\\.5\\.1: open\\|filtered: [\\d,]*${port}\n`));
  const json = recordingIo();
  await main([hostname, "--udp", "-t", "1ms", "--retries", "0", "--json"], json);
  const ports = json.out.trim().split("\n").map((line) => JSON.parse(line).port);
  for (const common of [53, 123, 161, 443, 500, 1900, 5353]) {
    assertEquals(ports.includes(common), true, `${common}`);
  }
});

/** What a datagram for each port looks like, by a pattern of its first bytes in hexadecimal. */
const DATAGRAMS: Readonly<Record<number, RegExp>> = {
  53: /^50530100000100000000000007/,
  123: /^e3(00){47}$/,
  161: /^303a020103|^3026020100/,
  443: /^c00a1a2a3a08/,
  500: /^(5053){4}(00){8}21202208(00){4}0000004c/,
  1900: /^4d2d534541524348/,
  3478: /^000100002112a442/,
  4500: /^00000000(5053){4}/,
  5353: /^000000000001/,
};

const namespaces = needsNamespaces();

Deno.test({
  name: `each service gets its own datagrams${namespaces.suffix}`,
  ignore: namespaces.ignore,
  async fn() {
    const program = await Deno.makeTempFile({ suffix: ".ts" });
    const ports = Object.keys(DATAGRAMS).map(Number);
    await Deno.writeTextFile(
      program,
      `const { scan } = await import(Deno.args[0]!);
      for (const port of ${JSON.stringify(ports)}) {
        const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port });
        (async () => {
          for await (const [data, from] of socket) {
            console.log(port, data.toHex());
            await socket.send(new Uint8Array([1]), from);
          }
        })();
      }
      for await (const { port, state, detected } of scan("127.0.0.1", { ports: ${
        JSON.stringify(ports)
      }, udp: true })) console.log(port, state, detected.protocol);
      Deno.exit();`,
    );
    const scanner = new URL("tools/scan.ts", ROOT).href;
    const config = `--config=${new URL("deno.json", ROOT).pathname}`;
    const { code, stdout, stderr } = await runPeer(
      ...isolated(
        Deno.execPath(),
        ...["run", "-q", "-A", "--unstable-net", config, LOCK, program, scanner],
      ),
    );
    await Deno.remove(program);
    assertEquals([code, stderr], [0, ""]);
    const lines = stdout.trim().split("\n").map((line) => line.split(" "));
    for (const [port, pattern] of Object.entries(DATAGRAMS)) {
      const sent = lines.filter(([one, what]) => one === port && /^[0-9a-f]+$/.test(what!));
      for (const [, data] of sent) assertMatch(data!, pattern);
      assertEquals(sent.length > 0, true, port);
      assertEquals(lines.some(([one, state]) => one === port && state === "open"), true, port);
    }
  },
});

Deno.test({
  name: "without --allow-ffi, the program says which permission shows closed ports",
  ignore: !linux,
  async fn() {
    const args = ["127.77.5.9", "--udp", "-p", "9", "-t", "20ms", "--retries", "0", "--json"];
    const { code, stdout, stderr } = await runRunnable("scan", args);
    assertEquals([code, JSON.parse(stdout).state], [0, "open|filtered"]);
    assertMatch(JSON.parse(stderr).message, /--allow-ffi shows which ports are closed$/);
  },
});
