/** `dns` and `diagnose dns` against a tree of NSD, Knot and BIND, and against Unbound. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { developmentCertificate } from "../../net/tls/certificate.ts";
import { recordingIo } from "../../tools/cli.ts";
import { diagnose, main as diagnoseMain } from "../../tools/diagnose.ts";
import { main as dnsMain } from "../../tools/dns.ts";
import { AUTHORITIES, signZone, startUnbound, ZONE } from "../_support/dns_peers.ts";
import { start } from "../_support/http_peers.ts";
import { needs } from "../_support/peers.ts";
import { deadPort } from "../_support/ports.ts";

const NET = "127.24.2";
/** The addresses of the servers. BIND listens only on addresses that an interface has. */
const AT = [`${NET}.1`, `${NET}.2`, "127.0.0.1", `${NET}.4`] as const;
const SOA = "@ 60 IN SOA ns admin 1 7200 3600 1209600 300";

/** The root, the zone `test`, and two zones below it, each on a server of its own. */
const TREE = [
  [
    "nsd",
    ".",
    `${SOA}\n@ 60 IN NS a.root.\na.root. 60 IN A ${NET}.1
test. 60 IN NS a.nic.test.\na.nic.test. 60 IN A ${NET}.2`,
  ],
  [
    "knotd",
    "test",
    `${SOA}\n@ 60 IN NS a.nic\na.nic 60 IN A ${NET}.2
host 60 IN NS ns.host\nns.host 60 IN A ${AT[2]}
half 60 IN NS lame.half\nhalf 60 IN NS ns.half\nlame.half 60 IN A ${NET}.2\nns.half 60 IN A ${NET}.4
gone 60 IN NS ns.gone\nns.gone 60 IN A ${NET}.9`,
  ],
  [
    "named",
    ZONE,
    `${SOA}\n@ 60 IN NS ns\nns 60 IN A ${AT[2]}
a 60 IN A 192.0.2.7\na 60 IN TXT "x"\nwww 60 IN CNAME a.other.test.`,
  ],
  ["nsd", "half.test", `${SOA}\n@ 60 IN NS ns\nns 60 IN A ${NET}.4\na 60 IN A 192.0.2.8`],
] as const;

async function startTree() {
  const stack = new AsyncDisposableStack();
  let ports: readonly number[] | undefined;
  for (const [i, [program, name, text]] of TREE.entries()) {
    const zone = { name, text: `${text}\n`, hostname: AT[i]! };
    ({ ports } = stack.use(await start(AUTHORITIES[program]!(zone), ports)));
  }
  const port = ports![0]!;
  return { port, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function run(main: typeof dnsMain, ...args: string[]) {
  const io = recordingIo();
  const code = await main(args, io);
  return { code, out: io.out.replace(/(?<= in )[\d.]+ m?s/g, "N ms"), err: io.err };
}

const tree = needs("nsd", "knotd", "named");
Deno.test({
  name: `dns and diagnose dns follow a name through NSD, Knot and BIND${tree.suffix}`,
  ignore: tree.ignore,
  async fn() {
    await using servers = await startTree();
    const { port } = servers;
    const flags = ["--trace", "--root", `${NET}.1`, "--root-port", `${port}`];
    const at = (which: number) => `(${AT[which - 1]}:${port})`;
    const lines = [
      `→ .                ${NET}.1 ${at(1)} in N ms: test, by a.nic.test`,
      `→ test             a.nic.test ${at(2)} in N ms: ${ZONE}, by ns.${ZONE}`,
      `✓ ${ZONE}        ns.${ZONE} ${at(3)} in N ms: NOERROR`,
    ];
    const plain = await run(dnsMain, `a.${ZONE}`, "A", ...flags);
    assertEquals(plain.code, 0, plain.err);
    for (const line of lines) assertStringIncludes(plain.out, `${line}\n`);
    const found = await run(diagnoseMain, "dns", `a.${ZONE}`, "--type", "A", ...flags);
    assertEquals(found.code, 0, found.err);
    const verdict = `a.${ZONE}: 1 A record by ns.${ZONE} ${at(3)}, 2 referrals from the root`;
    assertStringIncludes(found.out.replace(/\n */g, " "), verdict);
    const whole = found.out.replace(/\n */g, " ");
    for (const line of lines) assertStringIncludes(whole, line);
    const rows: [name: string, type: string, code: number, text: RegExp][] = [
      ["no.host.test", "A", 1, /no\.host\.test cannot be found: no such name \(127\.0\.0\.1:/],
      ["a.host.test", "MX", 1, /has no MX record/],
      ["www.host.test", "A", 0, /an alias of a\.other\.test, which the trace does not follow/],
      // Some of its queries go to the server that is not responsible, in the order of the answer.
      ["a.half.test", "A", 0, /a\.half\.test: 1 A record by ns\.half\.test .* 2 referrals/],
      ["a.gone.test", "A", 1, /no server of the zone gone\.test gives an answer/],
    ];
    for (const [name, type, code, text] of rows) {
      const one = await run(diagnoseMain, "dns", name, "--type", type, ...flags, "-t", "2s");
      assertMatch(one.out.replace(/\n */g, " "), text);
      assertEquals(one.code, code, name);
    }
    // NSD only knows the servers of this zone.
    const [nsd, bind] = [`${AT[1]}:${port}`, `${AT[2]}:${port}`];
    const both = ["dns", `a.${ZONE}`, "--server", nsd, "--compare", bind, "--type", "A"];
    const differ = await run(diagnoseMain, ...both);
    assertEquals(differ.code, 1);
    assertMatch(
      differ.out.replace(/\n */g, " "),
      /^✗ a\.host\.test: \S+ and \S+ give different answers for A/,
    );
    assertStringIncludes(differ.out, `only ${bind}  a.${ZONE} A 192.0.2.7`);
    const lookUp = { trace: true, roots: [`${NET}.1`], rootPort: port };
    const { steps } = await diagnose(`a.${ZONE}`, { steps: ["dns"], lookUp, types: ["A"] });
    const [dns] = steps;
    assertEquals(
      dns?.step === "dns" &&
        dns.trace?.map(({ result, code, signed = false }) => `${result} ${code} ${signed}`),
      ["referral NOERROR false", "referral NOERROR false", "answer NOERROR false"],
    );
  },
});

const unbound = needs("unbound", "named", "dnssec-signzone", "dnssec-keygen");
Deno.test({
  name: `diagnose dns asks Unbound over each protocol, and compares it with BIND${unbound.suffix}`,
  ignore: unbound.ignore,
  async fn() {
    const zone = await signZone();
    await using authority = await start(AUTHORITIES.named!(zone));
    const { cert, key, ca } = await developmentCertificate({ names: ["dns.test", "127.0.0.1"] });
    await using server = await startUnbound(authority.port, zone.anchor, { cert, key });
    const [port, tlsPort, httpsPort] = server.ports;
    const file = await Deno.makeTempFile({ suffix: ".pem" });
    try {
      await Deno.writeTextFile(file, ca);
      for (
        const [target, transport] of [
          [`127.0.0.1:${port}`, "udp"],
          [`tcp://127.0.0.1:${port}`, "tcp"],
          [`tls://127.0.0.1:${tlsPort}#dns.test`, "tls"],
          [`https://127.0.0.1:${httpsPort}/dns-query`, "https"],
        ] as const
      ) {
        const args = ["dns", `mx.${ZONE}`, "--type", "MX", "--server", target, "--ca", file];
        const { code, out, err } = await run(diagnoseMain, ...args);
        assertEquals([code, err], [0, ""], out);
        assertStringIncludes(out, `1 MX record by `);
        assertStringIncludes(out, "validated by the name server (AD)");
        assertStringIncludes(out, ` over ${transport} in `);
      }
      const compare = ["--compare", `https://127.0.0.1:${httpsPort}/dns-query`, "--ca", file];
      const at = `127.0.0.1:${authority.port}`;
      const args = ["dns", `txt.${ZONE}`, "--server", at, ...compare];
      const equal = await run(diagnoseMain, ...args, "--type", "TXT");
      assertEquals(equal.code, 0, equal.out);
      assertMatch(equal.out.replace(/\n */g, " "), /give the same answers: 1 TXT record/);
      const silent = ["dns", ZONE, "--server", `tcp://127.0.0.1:${deadPort()}`, "--type", "MX"];
      const refused = await run(diagnoseMain, ...silent);
      assertEquals(refused.code, 1);
      assertStringIncludes(refused.out, "Check the address, the port and the protocol of the name");
    } finally {
      await Deno.remove(file);
    }
  },
});

Deno.test("diagnose dns names the flag for name servers that is wrong: 2", async () => {
  const rows: Array<[string[], RegExp]> = [
    [["dns", "--server", "ns.test"], /Bad value for --server: "ns\.test" \(expected ADDRESS/],
    [["dns", "--compare", "tls://"], /Bad value for --compare: "tls:\/\/"/],
    [["dns", "--trace", "--root", "b.test"], /Bad value for --root: "b\.test"/],
    [["dns", "--subnet", "x"], /Bad value for --subnet: "x"/],
    [["dns", "--type", "MAIL"], /Bad value for --type: "MAIL" \(expected one of A, /],
    [["dns", "--root", "127.0.0.1"], /--root is for --trace/],
    [["dns", "--root-port", "5353"], /--root-port is for --trace/],
    [["dns", "--trace", "--compare", "127.0.0.1"], /--trace and --compare exclude each other/],
    [["dns", "--trace", "--server", "127.0.0.1"], /--trace begins at --root, not at --server/],
    [["tcp", "--trace"], /--trace is for dns/],
    [["--compare", "127.0.0.1"], /--compare is for dns/],
  ];
  for (const [[first, ...args], message] of rows) {
    const { code, err } = await run(diagnoseMain, first!, ...args, "a.test");
    assertMatch(err, message);
    assertEquals(code, 2, args.join(" "));
  }
});
