import { assert, assertEquals } from "@std/assert";
import { type HttpPeer, startSquid, startTinyproxy } from "../../_support/http_peers.ts";
import { needs } from "../../_support/peers.ts";
import { complaint } from "./_loosely.ts";
import { CASES } from "./cases.ts";
import { WIRE_CASES } from "./wire_cases.ts";

const ALL = [...CASES, ...WIRE_CASES];

/** Settings by which Squid passes more of the cases than with its defaults. */
const SQUID = "cache deny all\nhttp_upgrade_request_protocols WebSocket allow all";

/** Other proxies, and the share of the cases that each one must pass for the count to mean something. */
const PEERS: [program: string, start: () => Promise<HttpPeer>, share: number][] = [
  ["squid", () => startSquid(SQUID, { idle: 1 }), 1 / 2],
  ["tinyproxy", () => startTinyproxy(1), 1 / 5],
];

for (const [program, start, share] of PEERS) {
  const { ignore, suffix } = needs(program);
  // `PROXY_CASES=1 deno test -A tests/http/proxy/cases_peers_test.ts` prints the counts,
  // `PROXY_CASES=all` each case that failed and why.
  Deno.test({
    name: `${program} passes some of the raw cases, and fails others${suffix}`,
    ignore,
    fn: async () => {
      await using peer = await start();
      const failed: string[] = [];
      const left = [...ALL];
      await Promise.all(Array.from({ length: 32 }, async () => {
        for (let one; (one = left.shift()) !== undefined;) {
          const why = await complaint(one, peer.port);
          if (why !== undefined) failed.push(`${one.name}: ${why.slice(0, 300)}`);
        }
      }));
      const passed = ALL.length - failed.length;
      const show = Deno.env.get("PROXY_CASES");
      if (show) console.log(`${program} passes ${passed} of ${ALL.length} cases`);
      if (show === "all") console.log(failed.sort().join("\n"));
      assertEquals(left, []);
      assert(passed > ALL.length * share, `${program} passes ${passed} of ${ALL.length}`);
    },
  });
}
