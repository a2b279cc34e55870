/** `diagnose` in a network with faults: firewalls, a host that is off, missing routes. */

import { assertMatch } from "@std/assert";
import { LOCK } from "../../_support/flags.ts";
import { delayed, inLab, needsDelays, needsLab } from "../../_support/network_lab.ts";
import { ROOT } from "../../_support/runnable.ts";

const lab = needsLab("ping", "traceroute");
const PROGRAM = new URL("tools/diagnose.ts", ROOT).pathname;
const RUN = `'${Deno.execPath()}' run -q ${LOCK} -P=diagnose '${PROGRAM}'`;

/** Runs diagnoses one after the other, and returns the beginning of each output. */
async function diagnoses(
  runs: readonly { readonly before?: string; readonly args: string }[],
): Promise<string[]> {
  const script = runs.map(({ before = ":", args }) => `${before}\n${RUN} ${args} || true\necho @@`);
  const output = await inLab(script.join("\n"));
  return output.split("@@\n").map((one) => one.split("\n\n")[0]!.replace(/\n */g, " "));
}

Deno.test({
  name: `diagnose tells firewalls apart from missing hosts and routes${lab.suffix}`,
  ignore: lab.ignore,
  async fn() {
    const all = "-c 1 -t 1s --trace-timeout 1s tcp://10.77.2.2:80";
    const reject = (type: string) => `rule tcp dport 80 reject with icmp type ${type}`;
    const rejected = /2:80 cannot be reached, although the host answers ping: a firewall rejects/;
    const rows: [before: string, args: string, verdict: RegExp][] = [
      ["rule tcp dport 80 drop", all, /does not answer in 1\.0 s, although the host answers ping/],
      [
        // Every second packet of ping is lost, and all connections. Those of traceroute are shorter.
        'rule tcp dport 80 drop; on_router nft "add rule ip f c ip length 84 ' +
        'icmp type echo-request numgen inc mod 2 0 drop"',
        all.replace("-c 1", "-c 2"),
        /does not answer in 1\.0 s, and 1 of 2 echo requests got no answer: the network loses/,
      ],
      // One of ten packets is lost in each direction. The kernel sends each SYN again.
      [
        "rule numgen random mod 100 '<' 10 drop",
        "-c 1 -t 20s --trace-timeout 1s tcp://10.77.2.2:80",
        /2:80 refuses connections/,
      ],
      [reject("net-unreachable"), all, rejected],
      [reject("host-unreachable"), all, rejected],
      [reject("prot-unreachable"), all, rejected],
      [reject("net-prohibited"), all, rejected],
      [reject("host-prohibited"), all, rejected],
      [reject("admin-prohibited"), all, rejected],
      // The kernel does not tell the difference.
      [reject("port-unreachable"), all, /refuses connections: nothing listens there/],
      ["rule tcp dport 80 reject with tcp reset", all, /refuses connections/],
      ["rule drop", all, /2:80 does not answer in 1\.0 s The host is down, or a firewall drops/],
      [
        "rule reject with icmp type admin-prohibited",
        all,
        /the firewall 10\.77\.1\.1 rejects the packets/,
      ],
      ["on_router nft flush ruleset", all, /2:80 refuses connections/],
      [
        ":",
        "-c 3 -t 2s --trace-timeout 1s tcp://10.99.1.1:80",
        /the router 10\.77\.1\.1 says|knows no route/,
      ],
      [":", "tcp tcp://10.77.1.9:80", /9:80 is off, or has another address: .* \(c0\)/],
      [
        ":",
        "tcp tcp://10.77.2.9:80",
        /the host is off, because .* The gateway is 10\.77\.1\.1 \(c0\)/,
      ],
      ["ip route add prohibit 10.5.0.0/16", "tcp tcp://10.5.0.1:80", /not allowed by this machine/],
      ["ip route del default", "tcp tcp://10.77.2.2:80", /no route leads .* no default gateway/],
    ];
    const found = await diagnoses(rows.map(([before, args]) => ({ before, args })));
    for (const [i, [, , verdict]] of rows.entries()) assertMatch(found[i]!, verdict);
  },
});

const delays = needsDelays("ping", "traceroute");
Deno.test({
  name: `diagnose distinguishes a slow network from a firewall${delays.suffix}`,
  ignore: delays.ignore,
  async fn() {
    const args = (limit: string) => `-c 1 -t ${limit} --trace-timeout 2s tcp://10.77.2.2:80`;
    const [short, long] = await diagnoses([
      { before: delayed(0.3), args: args("150ms") },
      { args: args("9s") },
      { before: "kill $delaying", args: "tcp 10.77.1.2:9" },
    ]);
    assertMatch(
      short!,
      /does not answer in 150 ms, but an echo request takes \d+ ms: the limit is too short/,
    );
    assertMatch(long!, /2:80 refuses connections/);
  },
});

Deno.test({
  name: `diagnose trace says the same three times in a row${lab.suffix}`,
  ignore: lab.ignore,
  async fn() {
    const limit = "on_host sh -c 'echo 1000 > /proc/sys/net/ipv4/icmp_ratelimit'";
    const args = "trace 10.77.2.2";
    const found = await diagnoses([{ before: limit, args }, { args }, { args }]);
    for (const one of found.slice(0, 3)) assertMatch(one, /reached (after|within) 2 hops/);
  },
});

Deno.test({
  name: `diagnose mtu names the router that limits packets, or that none does${lab.suffix}`,
  ignore: lab.ignore,
  async fn() {
    const args = "mtu 10.77.2.2";
    const narrow = "on_router ip link set r1 mtu 1400";
    const silence = "ip route flush cache; on_router nft 'add table ip f; " +
      "add chain ip f o { type filter hook output priority 0; }; " +
      "add rule ip f o icmp type destination-unreachable drop'";
    const found = await diagnoses([{ args }, { before: narrow, args }, { before: silence, args }]);
    assertMatch(found[0]!, /packets of 1500 bytes reach the host$/);
    assertMatch(
      found[1]!,
      /packets of 1400 bytes reach the host, limited by the router 10\.77\.1\.1/,
    );
    assertMatch(found[2]!, /packets of more than 1400 bytes vanish without a report .* 1360 bytes/);
  },
});
