/** Targets of `tools/scan.ts`: ranges, exclusions, names with several addresses, sorted tables. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { recordingIo } from "../../../tools/cli.ts";
import { main, scan } from "../../../tools/scan.ts";
import { isolated, needsIPv6, needsNamespaces } from "../../_support/peers.ts";
import { ROOT, runPeer } from "../../_support/runnable.ts";
import { LOCK } from "../../_support/flags.ts";

async function addresses(targets: string[], exclude: string[] = []): Promise<string[]> {
  const found: string[] = [];
  for await (const { address } of scan(targets, { ports: [1], exclude })) found.push(address);
  return found.toSorted();
}

async function run(...args: string[]) {
  const io = recordingIo();
  const code = await main(args, io);
  return { code, out: io.out, err: io.err };
}

Deno.test("a range is its addresses, by the last number or the last address", async () => {
  const three = ["127.77.3.1", "127.77.3.2", "127.77.3.3"];
  assertEquals(await addresses(["127.77.3.1-3"]), three);
  assertEquals(await addresses(["127.77.3.1-127.77.3.3", "127.77.3.2-3"]), three);
  assertEquals((await addresses(["127.77.3.255-127.77.4.1"])).length, 3);
  for (const target of ["127.0.0.9-1", "127.0.0.1-300", "127.0.0.1-", "127.0.0-2.1", "1-2"]) {
    await assertRejects(() => addresses([target]), RangeError, "Cannot scan", target);
  }
});

Deno.test("excluded hosts are not scanned", async () => {
  const left = await addresses(["127.77.3.0/29"], ["127.77.3.0-2", "127.77.3.4/31", "localhost"]);
  assertEquals(left, ["127.77.3.3", "127.77.3.6", "127.77.3.7"]);
  assertEquals(await addresses(["::1", "::2:0/127"], ["::1", "::2:0"]), ["::2:1"]);
  assertEquals(await addresses(["fe80::1%lo"], ["fe80::1%lo"]), []);
  assertEquals(await addresses(["localhost"], ["LOCALHOST."]), []);
  assertEquals(await addresses(["localhost"], ["127.0.0.0/8", "::/96"]), []);
  const { code, err } = await run("127.77.3.1", "--exclude", "127.0.0.256");
  assertEquals(code, 2);
  assertMatch(err, /^scan: Bad value for --exclude: "127\.0\.0\.256": /);
});

Deno.test("the table is sorted by address and port", async () => {
  using close = new DisposableStack();
  const open: [string, number][] = [];
  for (const hostname of ["127.77.3.10", "127.77.3.9"]) {
    for (let i = 0; i < 5; i++) {
      const listener = close.adopt(Deno.listen({ hostname, port: 0 }), (one) => one.close());
      open.push([hostname, listener.addr.port]);
    }
  }
  const ports = open.map(([, port]) => port).join();
  const { out } = await run("127.77.3.10", "127.77.3.9", "-p", ports);
  const rows = Array.from(out.matchAll(/^(\d+) +open.* ([\d.]+)$/gm), ([, port, host]) => {
    return [host, Number(port)] as [string, number];
  });
  const host = (name: string) => Number(name.split(".")[3]);
  const expected = open.toSorted(([a, x], [b, y]) => host(a) - host(b) || x - y);
  assertEquals(rows, expected);
});

Deno.test("a host whose ports are all open is a finding", async () => {
  using close = new DisposableStack();
  const ports = Array.from({ length: 4 }, () => {
    const listener = Deno.listen({ hostname: "127.77.3.11", port: 0 });
    close.adopt(listener, (one) => one.close());
    return listener.addr.port;
  });
  const { out } = await run("127.77.3.11", "-p", ports.join());
  assertMatch(out, /\n127\.77\.3\.11: all 4 ports are open; [^\n]+\n4 open, 0 closed in /);
  assert(!(await run("127.77.3.11", "-p", `${ports.join()},1`)).out.includes("all"));
});

const namespaces = needsIPv6().ignore ? needsIPv6() : needsNamespaces();

Deno.test({
  name: `all addresses of a name are scanned, and --expect takes them together${namespaces.suffix}`,
  ignore: namespaces.ignore,
  async fn() {
    const hosts = await Deno.makeTempFile();
    await Deno.writeTextFile(hosts, "127.0.0.1 two.test\n::1 two.test\n");
    const server = await Deno.makeTempFile({ suffix: ".ts" });
    await Deno.writeTextFile(
      server,
      `Deno.listen({ hostname: "::1", port: 8083 });
       const { main } = await import(Deno.args[0]!);
       Deno.exit(await main(["two.test", "-p", "8083,8084", "--expect", "8083"]));`,
    );
    const enter = 'mount --bind "$0" /etc/hosts && exec "$@"';
    const scanner = new URL("tools/scan.ts", ROOT).href;
    const config = `--config=${new URL("deno.json", ROOT).pathname}`;
    const { code, stdout, stderr } = await runPeer(
      ...isolated(
        ...["unshare", "--mount", "sh", "-c", enter, hosts, Deno.execPath()] as const,
        ...["run", "-q", "-A", config, LOCK, server, scanner],
      ),
    );
    assertEquals([code, stderr], [0, ""]);
    assertMatch(
      stdout,
      /\n8083 +open [^\n]+ two\.test \(::1\)\ntwo\.test has 2 addresses: 127\.0\.0\.1, ::1\n1 open, 3/,
    );
    await Promise.all([hosts, server].map((file) => Deno.remove(file)));
  },
});
