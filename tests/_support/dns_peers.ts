/**
 * Debian's DNS servers as peers of tests: BIND, NSD and Knot serve one signed zone with a record of each
 * type, Unbound validates it, dnsmasq answers from its command line.
 *
 * @module
 */

import { type HttpPeer, type Program, start } from "./http_peers.ts";
import { findProgram } from "./peers.ts";

/** The name of the zone. */
export const ZONE = "host.test";

const DIGEST = "D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A";

/** The records of the zone, each with its type in its name. */
const RECORDS: Readonly<Record<string, string>> = {
  A: "192.0.2.7",
  AAAA: "2001:db8::7",
  CNAME: "a",
  DNAME: "other.test.",
  PTR: "a",
  MX: "10 mail",
  TXT: String.raw`"v=spf1 \"-all\"" "\255\000b;\010" "\239\187\191x" ""`,
  HINFO: '"RFC8482" ""',
  SRV: "1 2 443 a",
  CAA: '128 issue "ca.test; policy=ev"',
  URI: '10 1 "https://host.test/a"',
  NAPTR: '100 50 "u" "E2U+sip" "!^.*$!sip:info@host.test!" .',
  DS: `60485 13 2 ${DIGEST}`,
  TLSA: `3 1 1 ${DIGEST}`,
  SMIMEA: "3 0 0 0102",
  SSHFP: `4 2 ${DIGEST}`,
  LOC: "52 22 23.000 N 4 53 32.001 W -2.50m 0.00m 10000m 30m",
  CERT: "1 7 0 MIIB",
  OPENPGPKEY: "mQINBAID",
  SVCB: String.raw`1 a.host.test. alpn="h2,h3" port=8443 ech=AEX+DQ== key65333="\255 x"`,
  HTTPS: "1 . mandatory=alpn alpn=h2 no-default-alpn ipv4hint=192.0.2.7 ipv6hint=2001:db8::7",
  TYPE65280: String.raw`\# 3 0102FF`,
};

/** How a zone proves that a name does not exist. */
export type Denial = "NSEC" | "NSEC3";

/** Returns every type of a zone, and a name that has it. */
export function questionsOf(denial: Denial): Array<readonly [name: string, type: string]> {
  const top = ["SOA", "NS", "DNSKEY", denial === "NSEC" ? "NSEC" : "NSEC3PARAM"];
  return [
    ...Object.keys(RECORDS).map((type) => [`${type.toLowerCase()}.${ZONE}`, type] as const),
    ...top.map((type) => [ZONE, type] as const),
  ];
}

/** The zone, signed, and its key as a trust anchor. */
export interface SignedZone {
  /** The text of the zone file. */
  readonly text: string;
  /** The DNSKEY record. */
  readonly anchor: string;
}

/** Signs the zone with a new key, by the programs of BIND. */
export async function signZone(denial: Denial = "NSEC3"): Promise<SignedZone> {
  const folder = await Deno.makeTempDir({ prefix: "portside-zone." });
  try {
    const lines = [
      `$TTL 300`,
      `@ IN SOA ns admin\\.dns 4000000000 7200 3600 1209600 300`,
      "@ IN NS ns",
      "ns IN A 127.0.0.1",
      "ds IN NS ns.other.test.",
      ...Object.entries(RECORDS).map(([type, data]) => `${type.toLowerCase()} IN ${type} ${data}`),
    ];
    await Deno.writeTextFile(`${folder}/zone`, `${lines.join("\n")}\n`);
    const name = await run("dnssec-keygen", folder, [
      ...["-q", "-f", "KSK", "-a", "ECDSAP256SHA256", ZONE],
    ]);
    const signing = ["-q", "-S", "-z", "-x", "-o", ZONE, "-f", "signed"];
    if (denial === "NSEC3") signing.push("-3", "aabb", "-H", "1");
    await run("dnssec-signzone", folder, [...signing, "zone"]);
    const text = await Deno.readTextFile(`${folder}/signed`);
    const key = await Deno.readTextFile(`${folder}/${name.trim()}.key`);
    return { text, anchor: key.split("\n").findLast((line) => line.includes("DNSKEY")) ?? "" };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function run(program: string, cwd: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(findProgram(program)!, { args, cwd })
    .output();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** A zone of a server. */
export interface ServedZone extends Pick<SignedZone, "text"> {
  /** The name of the zone. @default "host.test" */
  readonly name?: string;
  /** The address of the server. @default "127.0.0.1" */
  readonly hostname?: string;
}

/** The servers that serve the zone: the names of their programs, and how they are started. */
export const AUTHORITIES: Readonly<Record<string, (zone: ServedZone) => Program>> = {
  named: ({ text, name = ZONE, hostname = "127.0.0.1" }) => ({
    program: "named",
    hostname,
    files: (folder, [port]) => ({
      zone: text,
      "named.conf": `options {
  directory "${folder}"; pid-file none; session-keyfile none; managed-keys-directory "${folder}";
  listen-on port ${port} { ${hostname}; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; empty-zones-enable no; server-id "id of named";
};
controls { };
zone "${name}" { type primary; file "${folder}/zone"; check-names ignore; };
`,
    }),
    args: (folder) => ["-g", "-n", "1", "-c", `${folder}/named.conf`],
  }),
  nsd: ({ text, name = ZONE, hostname = "127.0.0.1" }) => ({
    program: "nsd",
    hostname,
    files: (folder, [port]) => ({
      zone: text,
      "nsd.conf": `server:
  server-count: 1
  ip-address: ${hostname}@${port}
  username: ""
  chroot: ""
  zonesdir: "${folder}"
  xfrdir: "${folder}"
  database: ""
  pidfile: ""
  xfrdfile: ""
  zonelistfile: "${folder}/zones"
  nsid: "ascii_id of nsd"
remote-control:
  control-enable: no
zone:
  name: ${name}
  zonefile: zone
`,
    }),
    args: (folder) => ["-d", "-c", `${folder}/nsd.conf`],
  }),
  knotd: ({ text, name = ZONE, hostname = "127.0.0.1" }) => ({
    program: "knotd",
    hostname,
    files: (folder, [port]) => ({
      zone: text,
      "knot.conf": `server:
    rundir: "${folder}"
    listen: ${hostname}@${port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    nsid: "id of knotd"
log:
  - target: stderr
    any: warning
database:
    storage: "${folder}"
zone:
  - domain: ${name}
    storage: "${folder}"
    file: zone
    zonefile-sync: -1
`,
    }),
    args: (folder) => ["-c", `${folder}/knot.conf`],
  }),
};

/**
 * Starts Unbound, which validates the zone of an authority. Its ports are those of UDP and TCP, of TLS,
 * and of HTTPS.
 */
export function startUnbound(
  authority: number,
  anchor: string,
  { cert, key }: { cert: string; key: string },
): Promise<HttpPeer> {
  return start({
    program: "unbound",
    ports: 3,
    files: (folder, [port, tls, https]) => ({
      anchor,
      "cert.pem": cert,
      "key.pem": key,
      "unbound.conf": `server:
  interface: 127.0.0.1@${port}
  interface: 127.0.0.1@${tls}
  interface: 127.0.0.1@${https}
  tls-port: ${tls}
  https-port: ${https}
  tls-service-key: "${folder}/key.pem"
  tls-service-pem: "${folder}/cert.pem"
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "${folder}"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  do-not-query-localhost: no
  trust-anchor-file: "${folder}/anchor"
  local-zone: "test." nodefault
  ede: yes
  module-config: "validator iterator"
remote-control:
  control-enable: no
stub-zone:
  name: "${ZONE}"
  stub-addr: 127.0.0.1@${authority}
`,
    }),
    args: (folder) => ["-d", "-c", `${folder}/unbound.conf`],
  });
}

/** Starts dnsmasq, which answers from its command line. */
export function startDnsmasq(): Promise<HttpPeer> {
  return start({
    program: "dnsmasq",
    files: (_, [port]) => ({ "dnsmasq.conf": `port=${port}\nlisten-address=127.0.0.1\n` }),
    args: (folder) => [
      "--keep-in-foreground",
      `--conf-file=${folder}/dnsmasq.conf`,
      "--bind-interfaces",
      "--no-resolv",
      "--no-hosts",
      "--pid-file",
      "--user",
      `--host-record=a.${ZONE},192.0.2.7,2001:db8::7`,
      `--cname=cname.${ZONE},a.${ZONE}`,
      `--mx-host=mx.${ZONE},mail.${ZONE},10`,
      `--txt-record=txt.${ZONE},a b,c`,
      `--srv-host=srv.${ZONE},a.${ZONE},443,1,2`,
      `--caa-record=caa.${ZONE},128,issue,ca.test`,
      `--ptr-record=ptr.${ZONE},a.${ZONE}`,
      `--naptr-record=naptr.${ZONE},100,50,u,E2U+sip,!^.*$!sip:a@host.test!`,
      `--dns-rr=https.${ZONE},65,00010000010003026832`,
    ],
  });
}
