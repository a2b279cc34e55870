/** `net/dns` against BIND, NSD, Knot, Unbound and dnsmasq, and beside dig, for every type. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
import { dnsOverHttps } from "../../../http/client/dns_over_https.ts";
import { queryDns } from "../../../net/dns/client.ts";
import { encodeDnsMessage } from "../../../net/dns/codec.ts";
import { queryMulticastDns } from "../../../net/dns/multicast.ts";
import { type DnsRecord, type DnsType, formatDnsRecord } from "../../../net/dns/record.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { developmentCertificate } from "../../../net/tls/certificate.ts";
import {
  AUTHORITIES,
  questionsOf,
  signZone,
  startDnsmasq,
  startUnbound,
  ZONE,
} from "../../_support/dns_peers.ts";
import { start } from "../../_support/http_peers.ts";
import { needs, needsPython, pythonWith } from "../../_support/peers.ts";

const SERVER = "127.0.0.1";

/** Returns the data that dig shows: as text, or as the octets of the record. */
async function dig(port: number, name: string, type: string, ...flags: string[]) {
  const args = [`@${SERVER}`, "-p", `${port}`, "+noall", "+answer", "+nosplit", "+norec", ...flags];
  const { stdout } = await new Deno.Command("dig", { args: [...args, name, type] }).output();
  return new TextDecoder().decode(stdout).trim().split("\n").filter(Boolean).map((line) => {
    const [owner = "", , , kind = "", ...data] = line.split(/[\t ]+/);
    return { owner, kind, data: data.join(" ") };
  });
}

/** Removes what is a matter of taste: dots at the end of names, quotes, blanks, mnemonics. */
function plain(text: string): string {
  return text.replace(/(?<=[\w-])\.(?= |$)/g, "").replace(/="([\w,]+)"/g, "=$1")
    .replace(/^PKIX /, "1 ").replace(
      /^\\# .*$/,
      (octets) => octets.toLowerCase(),
    );
}

/** Returns the octets of the data of a record. */
function octetsOf(record: DnsRecord): string {
  // The names in the data are not compressed, because no other name is in the message.
  const bytes = encodeDnsMessage({ answers: [{ ...record, name: "." }] });
  return bytes.subarray(12 + 11).toHex().toUpperCase();
}

for (const [program, programOf] of Object.entries(AUTHORITIES)) {
  const peer = needs(program, "dig", "dnssec-signzone", "dnssec-keygen");
  Deno.test({
    name: `queryDns() reads every type from ${program} as dig does${peer.suffix}`,
    ignore: peer.ignore,
    async fn() {
      const denial = program === "nsd" ? "NSEC" : "NSEC3";
      await using server = await start(programOf(await signZone(denial)));
      const { port } = server;
      for (const [name, type] of questionsOf(denial)) {
        const options = { server: SERVER, port, dnssec: true, recursion: false };
        const { answers, code } = await queryDns(name, type as DnsType, options);
        assertEquals(code, "NOERROR", `${name} ${type}`);
        const texts = await dig(port, name, type, "+dnssec");
        const octets = await dig(port, name, type, "+dnssec", "+unknownformat");
        const expected = texts.map(({ kind, data }) => `${kind} ${plain(data)}`).sort();
        const found = answers.map((record) => `${record.type} ${plain(formatDnsRecord(record))}`);
        assertEquals(found.sort(), expected);
        assert(answers.some((record) => record.type === type), `${name} has no ${type}`);
        // SOA has two names, of which the second one is compressed.
        const whole = answers.filter((record) => record.type !== "SOA");
        const others = octets.filter(({ kind }) => kind !== "TYPE6");
        assertEquals(
          whole.map(octetsOf).sort(),
          others.map(({ data }) => data.replace(/^\\# \d+ /, "").replaceAll(" ", "")).sort(),
        );
      }
      const missing = await queryDns(`no.${ZONE}`, "A", { server: SERVER, port, dnssec: true });
      assertEquals(missing.code, "NXDOMAIN");
      assert(missing.authorities.some((record) => record.type === denial));
      const { extension } = await queryDns(ZONE, "SOA", { server: SERVER, port, nsid: true });
      assertEquals(new TextDecoder().decode(extension?.nsid), `id of ${program}`);
    },
  });
}

const unbound = needs("unbound", "named", "dig", "dnssec-signzone", "dnssec-keygen");
Deno.test({
  name: `Unbound validates for queryDns() over UDP, TCP, TLS and HTTPS${unbound.suffix}`,
  ignore: unbound.ignore,
  async fn() {
    const zone = await signZone();
    await using authority = await start(AUTHORITIES.named!(zone));
    const { cert, key, ca } = await developmentCertificate({ names: ["dns.test", SERVER] });
    await using server = await startUnbound(authority.port, zone.anchor, { cert, key });
    const [port, tlsPort, httpsPort] = server.ports as [number, number, number];
    // Unbound speaks HTTP/2 alone.
    await using client = createClient({ caCerts: [ca], http2: true });
    const tls = { caCerts: [ca], serverName: "dns.test" };
    const web = dnsOverHttps({ url: `https://${SERVER}:${httpsPort}/dns-query`, client });
    for (
      const [options, transport] of [
        [{ server: SERVER, port }, "udp"],
        [{ server: SERVER, port, tcp: true }, "tcp"],
        [{ server: SERVER, port: tlsPort, tls }, "tls"],
        [{ server: web }, "https"],
      ] as const
    ) {
      const answer = await queryDns(`mx.${ZONE}`, "MX", options);
      assertEquals([answer.transport, answer.authenticated], [transport, true]);
      assertEquals(answer.answers.map(formatDnsRecord), [`10 mail.${ZONE}`]);
    }
    const untrusted = await assertRejects(
      () => queryDns(ZONE, "SOA", { server: SERVER, port: tlsPort, tls: true }),
      NetError,
    );
    assertEquals(untrusted.tls, "untrusted");
  },
});

Deno.test({
  name: `Unbound says why an answer is bogus, and CD shows it all the same${unbound.suffix}`,
  ignore: unbound.ignore,
  async fn() {
    const [zone, other] = await Promise.all([signZone(), signZone()]);
    await using authority = await start(AUTHORITIES.named!(zone));
    const { cert, key } = await developmentCertificate();
    await using server = await startUnbound(authority.port, other.anchor, { cert, key });
    const options = { server: SERVER, port: server.port, timeout: 20_000 };
    const bogus = await queryDns(`a.${ZONE}`, "A", options);
    assertEquals([bogus.code, bogus.answers, bogus.authenticated], ["SERVFAIL", [], false]);
    const codes = bogus.extension?.errors?.map(({ code }) => code) ?? [];
    assert(codes.some((code) => [6, 9, 10].includes(code)), `extended errors: ${codes}`);
    const unchecked = await queryDns(`a.${ZONE}`, "A", { ...options, checkingDisabled: true });
    assertEquals([unchecked.code, unchecked.answers.length], ["NOERROR", 1]);
    assertEquals([unchecked.checkingDisabled, unchecked.authenticated], [true, false]);
  },
});

const dnsmasq = needs("dnsmasq", "dig");
Deno.test({
  name: `queryDns() reads from dnsmasq what dig reads${dnsmasq.suffix}`,
  ignore: dnsmasq.ignore,
  async fn() {
    await using server = await startDnsmasq();
    const { port } = server;
    for (
      const [name, type] of [
        ...[["a", "A"], ["a", "AAAA"], ["cname", "A"], ["mx", "MX"], ["txt", "TXT"]],
        ...[["srv", "SRV"], ["caa", "CAA"], ["ptr", "PTR"], ["naptr", "NAPTR"], ["https", "HTTPS"]],
      ] as Array<[string, DnsType]>
    ) {
      const { answers } = await queryDns(`${name}.${ZONE}`, type, { server: SERVER, port });
      const expected = await dig(port, `${name}.${ZONE}`, type);
      assert(expected.length > 0, `${name} ${type}`);
      assertEquals(
        answers.map((record) => `${record.type} ${plain(formatDnsRecord(record))}`).sort(),
        expected.map(({ kind, data }) => `${kind} ${plain(data)}`).sort(),
      );
    }
  },
});

const zeroconf = needsPython("zeroconf");
Deno.test({
  name: `queryMulticastDns() finds a service of python3-zeroconf${zeroconf.suffix}`,
  ignore: zeroconf.ignore,
  async fn() {
    const script = `import socket, sys
from zeroconf import Zeroconf, ServiceInfo
zeroconf = Zeroconf(interfaces=["127.0.0.1"])
name = "portside-" + sys.argv[1]
info = ServiceInfo("_portside._tcp.local.", name + "._portside._tcp.local.",
    addresses=[socket.inet_aton("192.0.2.9")], port=8080, properties={"raw": b"\\xff"},
    server=name + ".local.")
zeroconf.register_service(info)
print("ready", flush=True)
sys.stdin.read()
zeroconf.unregister_service(info)
zeroconf.close()
`;
    const child = new Deno.Command(pythonWith("zeroconf")!, {
      args: ["-c", script, String(Deno.pid)],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = child.stdout.getReader();
    try {
      const { value } = await reader.read();
      assertMatch(new TextDecoder().decode(value), /ready/);
      const name = `portside-${Deno.pid}`;
      const options = { localAddress: SERVER, timeout: 10_000 };
      const ask = async (what: string, type: DnsType) => {
        for await (const { answers } of queryMulticastDns(what, type, options)) {
          return answers.map(formatDnsRecord);
        }
        return [];
      };
      assertEquals(await ask(`${name}.local`, "A"), ["192.0.2.9"]);
      const service = `${name}._portside._tcp.local`;
      assertEquals(await ask(service, "SRV"), [`0 0 8080 ${name}.local`]);
      assertEquals(await ask(service, "TXT"), ['"raw=\\255"']);
      assert((await ask("_portside._tcp.local", "PTR")).includes(service));
    } finally {
      await child.stdin.close();
      await reader.cancel();
      await child.status;
    }
  },
});
