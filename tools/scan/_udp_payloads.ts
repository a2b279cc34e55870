/**
 * Datagrams that services answer, by port.
 *
 * Sources: DNS RFC 1035 section 4; NTP RFC 5905 section 7.3; SNMP RFC 3416, and engine discovery RFC 3414
 * section 4; mDNS RFC 6762 section 5.4 and RFC 6763 section 9; SSDP UPnP Device Architecture 1.1 section
 * 1.3.2; IKE RFC 7296 section 3; QUIC RFC 9000 section 6; ONC RPC RFC 5531; NetBIOS RFC 1002 section
 * 4.2.17; STUN RFC 8489 section 5; SIP RFC 3261 section 11; CoAP RFC 7252 section 3; TFTP RFC 1350; SQL
 * Server MC-SQLR section 2.2.1.
 *
 * @module
 */

/** A service and the datagrams that it answers. */
export interface UdpService {
  readonly protocol: string;
  readonly ports: readonly number[];
  readonly payloads: readonly Uint8Array[];
}

const ascii = (text: string) => new TextEncoder().encode(text);
const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));

/** Pads a datagram with zeros. */
function padded(bytes: Uint8Array, size: number): Uint8Array {
  const all = new Uint8Array(size);
  all.set(bytes);
  return all;
}

/** IKE_SA_INIT without a key, which a responder refuses with a notification. */
const IKE = hex(
  "5053505350535053 0000000000000000 21 20 22 08 00000000 0000004c" +
    "0000 0030 0000 002c 01 01 00 04 0300 000c 0100 000c 800e 0100" +
    "0300 0008 0200 0005 0300 0008 0300 000c 0000 0008 0400 000e",
);

/** A long header with a version that no server supports. Servers answer with their versions. */
const QUIC = padded(hex("c0 0a1a2a3a 08 5053505350535053 08 5350535053505350 00"), 1200);

/** The services, those for the most common ports first. */
export const UDP_SERVICES: readonly UdpService[] = [
  {
    protocol: "dns",
    ports: [53],
    payloads: [hex("5053 0100 0001 0000 0000 0000 0776657273696f6e 0462696e64 00 0010 0003")],
  },
  { protocol: "ntp", ports: [123], payloads: [padded(hex("e3"), 48)] },
  {
    protocol: "snmp",
    ports: [161],
    payloads: [
      // Version 3 answers without a password, and versions 1 and 2 with the usual one.
      hex(
        "303a 020103 300f 02024a69 02030000e3 040104 020103" +
          "0410 300e 0400 020100 020100 0400 0400 0400" +
          "3012 0400 0400 a00c 02024a69 020100 020100 3000",
      ),
      hex(
        "3026 020100 0406 7075626c6963 a019 02014a 020100 020100 300e 300c 0608 2b06010201010100 0500",
      ),
    ],
  },
  {
    protocol: "mdns",
    ports: [5353],
    payloads: [hex(
      "0000 0000 0001 0000 0000 0000 095f7365727669636573 075f646e732d7364 045f756470" +
        "056c6f63616c 00 000c 8001",
    )],
  },
  {
    protocol: "ssdp",
    ports: [1900],
    payloads: [ascii(
      'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\n' +
        "ST: ssdp:all\r\n\r\n",
    )],
  },
  { protocol: "ike", ports: [500], payloads: [IKE] },
  // Four zeros in front tell IKE from ESP (RFC 3948 section 2.2).
  { protocol: "ike", ports: [4500], payloads: [new Uint8Array([0, 0, 0, 0, ...IKE])] },
  { protocol: "quic", ports: [443, 8443], payloads: [QUIC] },
  {
    protocol: "portmap",
    ports: [111],
    payloads: [padded(hex("50535053 00000000 00000002 000186a0 00000002"), 40)],
  },
  {
    protocol: "netbios-ns",
    ports: [137],
    payloads: [hex(
      "5053 0000 0001 0000 0000 0000 20 434b4141414141414141414141414141" +
        "41414141414141414141414141414141 00 0021 0001",
    )],
  },
  {
    protocol: "stun",
    ports: [3478],
    payloads: [hex("0001 0000 2112a442 505350535053505350535053")],
  },
  {
    protocol: "sip",
    ports: [5060],
    payloads: [ascii(
      "OPTIONS sip:scan SIP/2.0\r\nVia: SIP/2.0/UDP scan.invalid;branch=z9hG4bKscan;rport\r\n" +
        "From: <sip:scan@scan.invalid>;tag=1\r\nTo: <sip:scan@scan.invalid>\r\nCall-ID: 1\r\n" +
        "CSeq: 1 OPTIONS\r\nMax-Forwards: 0\r\nContent-Length: 0\r\n\r\n",
    )],
  },
  {
    protocol: "coap",
    ports: [5683],
    payloads: [hex("40 01 5053 bb 2e77656c6c2d6b6e6f776e 04 636f7265")],
  },
  { protocol: "tftp", ports: [69], payloads: [ascii("\0\x01portside-scan\0octet\0")] },
  { protocol: "ms-sql-m", ports: [1434], payloads: [hex("02")] },
  {
    protocol: "memcached",
    ports: [11_211],
    payloads: [ascii("\0\0\0\0\0\x01\0\0version\r\n")],
  },
];

/** Common ports of UDP, those with a payload first. */
const COMMON = [
  ...UDP_SERVICES.flatMap(({ ports }) => ports),
  ...[67, 68, 88, 138, 162, 389, 514, 520, 623, 631, 1194, 1645, 1701, 1812, 2049, 3702, 5355],
  ...[10_001, 17_185, 19_132, 27_015, 47_808, 51_820],
];

/** Returns common ports of UDP, and further ones in numeric order. */
export function topUdpPorts(count: number): number[] {
  const top = COMMON.slice(0, count);
  const known = new Set(top);
  for (let port = 1; top.length < count; port++) if (!known.has(port)) top.push(port);
  return top;
}

/** Number of the common ports of UDP. */
export const COMMON_UDP = COMMON.length;

/** Returns the service of a port whose payloads are known. */
export function udpServiceOf(port: number): UdpService | undefined {
  return UDP_SERVICES.find(({ ports }) => ports.includes(port));
}
