/** `tools/scan.ts` in networks with faults, made by nft in a namespace. @module */

import { assertEquals, assertMatch } from "@std/assert";
import { isolated, needs, needsNamespace } from "../../_support/peers.ts";
import { ROOT, runPeer } from "../../_support/runnable.ts";
import { LOCK } from "../../_support/flags.ts";

const HOST = "127.77.0.6";
const nft = needs("nft");
const missing = nft.ignore ? nft : needsNamespace();
const { ignore, suffix } = missing;

/** Runs a program of Deno in a namespace with rules for packets that arrive. */
function within(rules: string, ...args: string[]) {
  const table = `table inet f {\n chain i { type filter hook input priority 0\n${rules}\n }\n}`;
  const enter = 'nft "$0" && exec "$@"';
  const program = [Deno.execPath(), "run", "-q", LOCK, ...args];
  return runPeer(...isolated("sh", "-c", enter, table, ...program));
}

const SCAN = ["-P=scan", new URL("tools/scan.ts", ROOT).pathname];

for (const loss of [5, 10]) {
  Deno.test({
    name: `a default scan finds every open port with ${loss} % loss in each direction${suffix}`,
    ignore,
    async fn() {
      const script = new URL("tests/tools/scan/_lossy_network.ts", ROOT).pathname;
      const rules = `numgen random mod 100 < ${loss} drop`;
      const { code, stdout, stderr } = await within(rules, "--allow-net", script);
      assertEquals([code, stdout, stderr], [0, "200 of 200\n", ""]);
    },
  });
}

/** What each kind of reject means for the ports behind it. */
const REJECTS = [
  ["tcp reset", "closed", "ECONNREFUSED"],
  ["icmpx port-unreachable", "closed", "ECONNREFUSED"],
  ["icmpx host-unreachable", "filtered", "EHOSTUNREACH"],
  ["icmpx no-route", "filtered", "ENETUNREACH"],
  ["icmpx admin-prohibited", "filtered", "EHOSTUNREACH"],
] as const;

Deno.test({
  name: `each way to reject a connection is closed or filtered, and has its reason${suffix}`,
  ignore,
  async fn() {
    const rules = REJECTS.map(([way], i) =>
      `ip daddr ${HOST} tcp dport ${1000 + i} reject with ${way}`
    );
    const args = [...SCAN, HOST, "-p", "1000-1004", "-o", "csv"];
    const { code, stdout, stderr } = await within(rules.join("\n"), ...args);
    assertEquals([code, stderr], [0, ""]);
    const rows = stdout.trimEnd().split("\n").slice(1).map((line) => line.split(","));
    const found = rows.map(([, , port, state, , , reason]) => [port, state, reason]).toSorted();
    assertEquals(found, REJECTS.map(([, state, reason], i) => [`${1000 + i}`, state, reason]));
  },
});

Deno.test({
  name: `ports that a firewall drops are filtered, and the others are found${suffix}`,
  ignore,
  async fn() {
    const rules = `tcp dport 1-20 accept
      ip daddr ${HOST} tcp flags & (syn | ack) == syn drop`;
    const { code, stdout, stderr } = await within(rules, ...SCAN, HOST, "-p", "1-300");
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^127\.77\.0\.6: filtered: 21-300\n0 open, 20 closed, 280 filtered in /);
  },
});
