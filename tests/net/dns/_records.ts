import type { DnsRecord } from "../../../net/dns/record.ts";

/** A record of each known type and one of an unknown type, with their texts. */
export const RECORDS: Array<[DnsRecord, string]> = ([
  [{ type: "A", address: "192.0.2.7" }, "192.0.2.7"],
  [{ type: "AAAA", address: "2001:db8::7" }, "2001:db8::7"],
  [{ type: "CNAME", target: "other.test" }, "other.test"],
  [{ type: "NS", target: "ns1.host.test" }, "ns1.host.test"],
  [{ type: "PTR", target: "." }, "."],
  [{ type: "MX", preference: 10, exchange: "mail.host.test" }, "10 mail.host.test"],
  [{ type: "TXT", texts: ['v=spf1 "-all"', "ü\n"] }, '"v=spf1 \\"-all\\"" "ü\\n"'],
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
        alpn: ["h3", "h2"],
        noDefaultAlpn: true,
        port: 8443,
        ipv4: ["192.0.2.7"],
        ipv6: ["2001:db8::7"],
        others: { 5: Uint8Array.of(1, 255) },
      },
    },
    "1 . alpn=h3,h2 no-default-alpn port=8443 ipv4hint=192.0.2.7 ipv6hint=2001:db8::7 key5=01ff",
  ],
  [{ type: "TYPE99", data: Uint8Array.of(1, 2, 255) }, "\\# 3 0102ff"],
] as const).map(([data, text]) => [{ name: "host.test", ttl: 300, ...data } as DnsRecord, text]);
