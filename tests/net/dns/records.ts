import type { DnsRecord } from "../../../net/dns/record.ts";

/** A record of each known type and one of an unknown type, with their texts. */
export const RECORDS: Array<[DnsRecord, string]> = ([
  [{ type: "A", address: "192.0.2.7" }, "192.0.2.7"],
  [{ type: "AAAA", address: "2001:db8::7" }, "2001:db8::7"],
  [{ type: "CNAME", target: "other.test" }, "other.test"],
  [{ type: "NS", target: "ns1.host.test" }, "ns1.host.test"],
  [{ type: "PTR", target: "." }, "."],
  [{ type: "MX", preference: 10, exchange: "mail.host.test" }, "10 mail.host.test"],
  [{ type: "TXT", texts: ['v=spf1 "-all"', "ü\n"] }, '"v=spf1 \\"-all\\"" "\\195\\188\\010"'],
  [
    {
      type: "TXT",
      texts: ["a\ufffd"],
      octets: [Uint8Array.of(97, 255)],
    },
    '"a\\255"',
  ],
  [{ type: "TXT", texts: ["\ufeffa"] }, '"\\239\\187\\191a"'],
  [{ type: "HINFO", cpu: "RFC8482", os: "" }, '"RFC8482" ""'],
  [{ type: "DNAME", target: "other.test" }, "other.test"],
  [
    { type: "CAA", flags: 0, tag: "issue", value: "\ufffd", octets: Uint8Array.of(255) },
    '0 issue "\\255"',
  ],
  [
    { type: "URI", priority: 10, weight: 1, target: "https://host.test/a;b" },
    '10 1 "https://host.test/a;b"',
  ],
  [
    {
      type: "NAPTR",
      order: 100,
      preference: 50,
      flags: "u",
      services: "E2U+sip",
      regexp: "!^.*$!sip:a@host.test!",
      replacement: ".",
    },
    '100 50 "u" "E2U+sip" "!^.*$!sip:a@host.test!" .',
  ],
  [
    { type: "DS", keyTag: 60485, algorithm: 13, digestType: 2, digest: Uint8Array.of(1, 171) },
    "60485 13 2 01AB",
  ],
  [
    { type: "CDS", keyTag: 0, algorithm: 0, digestType: 0, digest: Uint8Array.of(0) },
    "0 0 0 00",
  ],
  [
    {
      type: "DNSKEY",
      flags: 257,
      protocol: 3,
      algorithm: 13,
      publicKey: Uint8Array.of(255, 254, 1),
    },
    "257 3 13 //4B",
  ],
  [
    { type: "CDNSKEY", flags: 0, protocol: 3, algorithm: 0, publicKey: Uint8Array.of(0) },
    "0 3 0 AA==",
  ],
  [
    {
      type: "RRSIG",
      covered: "MX",
      algorithm: 13,
      labels: 2,
      originalTtl: 3600,
      expiration: 4_102_444_800,
      inception: 1_735_689_600,
      keyTag: 1,
      signer: "host.test",
      signature: Uint8Array.of(1, 2, 3),
    },
    "MX 13 2 3600 21000101000000 20250101000000 1 host.test AQID",
  ],
  [
    { type: "NSEC", next: "a.host.test", types: ["A", "MX", "RRSIG", "NSEC", "CAA", "TYPE1234"] },
    "a.host.test A MX RRSIG NSEC CAA TYPE1234",
  ],
  [
    {
      type: "NSEC3",
      algorithm: 1,
      flags: 1,
      iterations: 12,
      salt: Uint8Array.of(0xaa, 0xbb),
      next: Uint8Array.from({ length: 20 }, (_, i) => i * 13),
      types: ["A"],
    },
    "1 1 12 AABB 006HK9PK8575MQ3LGA7PPADMOF8DRQNN A",
  ],
  [
    { type: "NSEC3PARAM", algorithm: 1, flags: 0, iterations: 0, salt: new Uint8Array() },
    "1 0 0 -",
  ],
  [
    { type: "TLSA", usage: 3, selector: 1, matchingType: 1, data: Uint8Array.of(0xab, 0xcd) },
    "3 1 1 ABCD",
  ],
  [
    { type: "SMIMEA", usage: 3, selector: 0, matchingType: 0, data: Uint8Array.of(1) },
    "3 0 0 01",
  ],
  [
    { type: "SSHFP", algorithm: 4, fingerprintType: 2, fingerprint: Uint8Array.of(0xab) },
    "4 2 AB",
  ],
  [
    {
      type: "LOC",
      latitude: 52.5,
      longitude: -0.1275,
      altitude: -24.5,
      size: 0.5,
      horizontalPrecision: 10_000,
      verticalPrecision: 10,
    },
    "52 30 0.000 N 0 7 39.000 W -24.50m 0.50m 10000m 10m",
  ],
  [
    {
      type: "CERT",
      certificateType: 1,
      keyTag: 0,
      algorithm: 0,
      certificate: Uint8Array.of(48, 0),
    },
    "1 0 0 MAA=",
  ],
  [{ type: "OPENPGPKEY", publicKey: Uint8Array.of(1, 2, 3) }, "AQID"],
  [
    { type: "SRV", priority: 1, weight: 2, port: 443, target: "a.host.test" },
    "1 2 443 a.host.test",
  ],
  [{ type: "CAA", flags: 128, tag: "issue", value: "ca.test" }, '128 issue "ca.test"'],
  [
    {
      type: "SOA",
      primary: "ns1.host.test",
      mailbox: "admin\\.dns.host.test",
      serial: 4_000_000_000,
      refresh: 7200,
      retry: 3600,
      expire: 1209600,
      minimum: 300,
    },
    "ns1.host.test admin\\.dns.host.test 4000000000 7200 3600 1209600 300",
  ],
  [
    {
      type: "HTTPS",
      priority: 1,
      target: ".",
      parameters: {
        mandatory: ["alpn", "key99"],
        alpn: ["h3", "h2"],
        noDefaultAlpn: true,
        port: 8443,
        ipv4: ["192.0.2.7"],
        ech: Uint8Array.of(1, 255),
        ipv6: ["2001:db8::7"],
        dohPath: "/dns-query{?dns}",
        ohttp: true,
        others: { 99: Uint8Array.of(34, 255), 100: new Uint8Array() },
      },
    },
    "1 . mandatory=alpn,key99 alpn=h3,h2 no-default-alpn port=8443 ipv4hint=192.0.2.7 ech=Af8= " +
    'ipv6hint=2001:db8::7 dohpath=/dns-query{?dns} ohttp key99="\\"\\255" key100',
  ],
  [
    {
      type: "SVCB",
      priority: 1,
      target: "a.host.test",
      parameters: { alpn: ["a,b", "c\\d", 'e"'] },
    },
    '1 a.host.test alpn="a\\\\,b,c\\\\\\\\d,e\\""',
  ],
  [
    {
      type: "SVCB",
      priority: 0,
      target: "a.host.test",
      parameters: { others: { 1: Uint8Array.of(1, 255) } },
    },
    '0 a.host.test alpn="\\001\\255"',
  ],
  [{ type: "TYPE99", data: Uint8Array.of(1, 2, 255) }, "\\# 3 0102ff"],
] as const).map(([data, text]) => [{ name: "host.test", ttl: 300, ...data } as DnsRecord, text]);
