/** `net/dns/trace.ts` against a tree of servers on addresses of the test, all on one port. */

import { assertEquals, assertRejects } from "@std/assert";
import { decodeDnsMessage, type DnsMessage, encodeDnsMessage } from "../../../net/dns/codec.ts";
import type { DnsRecord } from "../../../net/dns/record.ts";
import { type DnsTraceStep, traceDns, type TraceDnsOptions } from "../../../net/dns/trace.ts";
import { bindUdp } from "../../../net/udp/socket.ts";
import { checkEveryOption } from "../../_support/options.ts";

const NET = "127.0.83";

type Zone = (name: string, type: string) => Partial<DnsMessage>;

/** Starts a server on 127.0.83.N for each zone. */
async function serveZones(zones: readonly Zone[]) {
  const stack = new AsyncDisposableStack();
  let port = 0;
  for (const [i, zone] of zones.entries()) {
    const socket = stack.use(await bindUdp({ hostname: `${NET}.${i + 1}`, port }));
    port = socket.addr.port;
    (async () => {
      for await (const { data, from } of socket) {
        const { id, questions } = decodeDnsMessage(data);
        const [question] = questions;
        const reply = zone(question!.name, question!.type);
        await socket.send(encodeDnsMessage({ id, questions, response: true, ...reply }), from);
      }
    })();
  }
  const roots = [{ name: "root.test", addresses: [`${NET}.1`] }];
  return {
    port,
    options: { port, roots, timeout: 700 },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function ns(zone: string, target: string): DnsRecord {
  return { name: zone, ttl: 60, type: "NS", target };
}

function a(name: string, last: number): DnsRecord {
  return { name, ttl: 60, type: "A", address: `${NET}.${last}` };
}

function aaaa(name: string): DnsRecord {
  return { name, ttl: 60, type: "AAAA", address: "::1" };
}

/** A referral to servers; those with a number have glue. */
function refer(zone: string, servers: Record<string, number>, signed = false): Partial<DnsMessage> {
  const ds: DnsRecord = {
    name: zone,
    ttl: 60,
    type: "DS",
    keyTag: 1,
    algorithm: 13,
    digestType: 2,
    digest: new Uint8Array(32),
  };
  return {
    authorities: [...Object.keys(servers).map((server) => ns(zone, server)), ...signed ? [ds] : []],
    additionals: Object.entries(servers).flatMap(([name, last]) => last > 0 ? [a(name, last)] : []),
  };
}

async function follow(name: string, options: TraceDnsOptions): Promise<string[]> {
  const lines: string[] = [];
  for await (const step of traceDns(name, "A", options)) lines.push(show(step));
  return lines;
}

function show({ zone, server, result, next, signed, answer, error }: DnsTraceStep): string {
  const more = next ?? error?.kind ?? answer?.code;
  return `${zone} ${server} ${result} ${more}${signed ? " signed" : ""}`;
}

Deno.test("traceDns() follows referrals from the root to the answer", async () => {
  await using tree = await serveZones([
    () => refer("test", { "a.nic.test": 2 }, true),
    () => refer("host.test", { "ns.host.test": 3 }),
    (name) => ({ authoritative: true, answers: [a(name, 9)] }),
  ]);
  assertEquals(await follow("www.host.test", tree.options), [
    ". root.test referral test signed",
    "test a.nic.test referral host.test",
    "host.test ns.host.test answer NOERROR",
  ]);
});

Deno.test("traceDns() finds the addresses of servers without glue, from the root", async () => {
  await using tree = await serveZones([
    (name) => refer(name.endsWith("other") ? "other" : "test", { "a.nic.test": 2 }),
    (name) => {
      if (name === "ns.other") return { authoritative: true, answers: [a(name, 3)] };
      return refer("host.test", { "ns.other": 0 });
    },
    () => ({ authoritative: true, code: "NXDOMAIN" }),
  ]);
  assertEquals(
    (await follow("no.host.test", tree.options)).at(-1),
    "host.test ns.other answer NXDOMAIN",
  );
});

Deno.test("traceDns() goes on after a lame server, a failing one, and one that is not there", async () => {
  await using tree = await serveZones([
    () => refer("test", { "gone.test": 99, "lame.test": 2, "up.test": 3, "fail.test": 4 }),
    () => ({ answers: [a("host.test", 9)] }),
    () => refer(".", { "root.test": 1 }),
    () => ({ code: "REFUSED" }),
  ]);
  assertEquals(await follow("host.test", tree.options), [
    ". root.test referral test",
    "test gone.test failed refused",
    "test lame.test lame NOERROR",
    "test up.test lame NOERROR",
    "test fail.test failed REFUSED",
  ]);
});

Deno.test("traceDns() ends when servers lead each other on", async () => {
  let asked = 0;
  await using tree = await serveZones([
    (name) => {
      asked++;
      // The servers of each zone are in the other one, without an address.
      return name.endsWith("b") ? refer("b", { "ns.a": 0 }) : refer("a", { "ns.b": 0 });
    },
  ]);
  assertEquals(await follow("host.a", tree.options), [". root.test referral a"]);
  assertEquals(asked < 20, true);
  const name = Array.from({ length: 60 }, (_, i) => `z${i}`).join(".");
  await using deep = await serveZones([
    (name) => {
      asked++;
      const labels = name.split(".");
      const zone = labels.slice(-1 - asked % labels.length).join(".");
      return refer(zone, Object.fromEntries([..."abcdefgh"].map((x) => [`${x}${asked}.x`, 0])));
    },
  ]);
  asked = 0;
  await follow(name, deep.options);
  assertEquals(asked <= 100, true);
});

Deno.test("traceDns() asks servers over IPv6 only with ipv6", async () => {
  const zones: Zone[] = [
    (name, type) => {
      if (name === "ns.six") {
        return { authoritative: true, answers: type === "AAAA" ? [aaaa(name)] : [] };
      }
      return {
        ...refer("test", { "ns.six": 0, "glue.test": 0 }),
        additionals: [aaaa("glue.test")],
      };
    },
  ];
  await using tree = await serveZones(zones);
  await using six = await bindUdp({ hostname: "::1", port: tree.port });
  (async () => {
    for await (const { data, from } of six) {
      const { id, questions } = decodeDnsMessage(data);
      await six.send(encodeDnsMessage({ id, questions, response: true }), from);
    }
  })();
  const first = ". root.test referral test";
  assertEquals(await follow("host.test", tree.options), [first]);
  // The address of the first server is in its glue. That of the second one is looked up.
  assertEquals(await follow("host.test", { ...tree.options, ipv6: true }), [
    first,
    "test glue.test lame NOERROR",
    "test ns.six lame NOERROR",
  ]);
});

Deno.test("traceDns() rejects with the reason of its signal while it waits for a server", async () => {
  const controller = new AbortController();
  await using tree = await serveZones([
    () => refer("test", { "silent.test": 2 }),
    () => {
      controller.abort("enough");
      return {};
    },
  ]);
  const trace = traceDns("host.test", "A", { ...tree.options, signal: controller.signal });
  assertEquals((await trace.next()).value?.result, "referral");
  assertEquals(await trace.next().catch((reason) => reason), "enough");
});

Deno.test("traceDns() ends at the limit for the whole trace", async () => {
  await using silent = await bindUdp({ hostname: `${NET}.1` });
  const { port } = silent.addr;
  const roots = ["a.test", "b.test"].map((name) => ({ name, addresses: [`${NET}.1`] }));
  for (const timeout of [0, 60_000]) {
    const options = { roots, port, timeout, totalTimeout: 100 };
    assertEquals(await follow("host.test", options), [". a.test failed timeout"]);
  }
});

Deno.test("traceDns() checks every option, and stops when it is aborted", async () => {
  const signal = AbortSignal.abort("checked");
  await checkEveryOption<TraceDnsOptions>("traceDns", {
    roots: "none",
    port: "none",
    timeout: "time",
    totalTimeout: "time",
    ipv6: "none",
    signal: "none",
  }, (options) => traceDns("a.test", "A", { signal, ...options }).next());
  for (const roots of [[], [{ name: "a", addresses: [] }], [{ name: "a", addresses: ["b"] }]]) {
    await assertRejects(() => traceDns("a.test", "A", { roots }).next(), TypeError, "roots");
  }
});
