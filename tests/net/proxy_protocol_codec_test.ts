/** `net/proxy_protocol_codec.ts`: literal bytes of both versions, there and back, hostile headers. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { NetError } from "../../net/errors/errors.ts";
import {
  decodeProxyHeader,
  encodeProxyHeader,
  type ProxyHeader,
} from "../../net/proxy_protocol_codec.ts";

const SIGNATURE = "0d0a0d0a000d0a515549540a";
const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
const text = (line: string) => Uint8Array.from(line, (c) => c.charCodeAt(0));
const host = (hostname: string, port: number) => ({ hostname, port });

const LITERAL: [name: string, bytes: Uint8Array, header: ProxyHeader][] = [
  ["TCP4", text("PROXY TCP4 192.0.2.1 198.51.100.2 50000 443\r\n"), {
    version: 1,
    source: host("192.0.2.1", 50000),
    destination: host("198.51.100.2", 443),
  }],
  ["the longest TCP4", text("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), {
    version: 1,
    source: host("255.255.255.255", 65535),
    destination: host("255.255.255.255", 65535),
  }],
  ["TCP6", text("PROXY TCP6 2001:db8::1 ::1 1 0\r\n"), {
    version: 1,
    source: host("2001:db8::1", 1),
    destination: host("::1", 0),
  }],
  ["UNKNOWN", text("PROXY UNKNOWN\r\n"), { version: 1 }],
  [
    "version 2, IPv4",
    hex(`${SIGNATURE} 21 11 000c c0000201 c6336402 c350 01bb`),
    {
      version: 2,
      source: host("192.0.2.1", 50000),
      destination: host("198.51.100.2", 443),
    },
  ],
  [
    "version 2, IPv6",
    hex(
      `${SIGNATURE} 21 21 0024 20010db8000000000000000000000001` +
        "00000000000000000000000000000001 0001 0002",
    ),
    { version: 2, source: host("2001:db8::1", 1), destination: host("::1", 2) },
  ],
  [
    "version 2 with extensions",
    hex(`${SIGNATURE} 21 11 0018 c0000201 c6336402 c350 01bb 01 0002 6832 02 0004 612e6262`),
    {
      version: 2,
      source: host("192.0.2.1", 50000),
      destination: host("198.51.100.2", 443),
      tlvs: [{ type: 1, value: text("h2") }, { type: 2, value: text("a.bb") }],
    },
  ],
  ["LOCAL", hex(`${SIGNATURE} 20 00 0000`), { version: 2, local: true }],
  ["unspecified", hex(`${SIGNATURE} 21 00 0000`), { version: 2 }],
];
for (const [name, bytes, header] of LITERAL) {
  Deno.test(`the PROXY protocol there and back: ${name}`, () => {
    assertEquals(encodeProxyHeader(header), bytes);
    const expected = {
      header: { local: false, source: undefined, destination: undefined, tlvs: [], ...header },
      size: bytes.length,
    };
    const decoded = decodeProxyHeader(bytes)!;
    const { source, destination, ...rest } = decoded.header;
    assertEquals({ header: { ...rest, source, destination }, size: decoded.size }, expected);
    // Byte by byte, and with what follows.
    for (let i = 0; i < bytes.length; i++) {
      assertEquals(decodeProxyHeader(bytes.subarray(0, i)), undefined, `${i} bytes`);
    }
    assertEquals(decodeProxyHeader(new Uint8Array([...bytes, 13, 10, 0]))?.size, bytes.length);
  });
}

const READ: [name: string, bytes: Uint8Array, source: string | undefined, size?: number][] = [
  ["UNKNOWN ignores what follows it", text("PROXY UNKNOWN a\0b \xff 1 2\r\nX"), undefined, 25],
  ["mapped addresses are IPv4", text("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"), "192.0.2.1"],
  [
    "mapped addresses of version 2 are IPv4",
    hex(`${SIGNATURE} 21 21 0024 ${"00".repeat(10)} ffff c0000201 ${"00".repeat(16)} 0001 0002`),
    "192.0.2.1",
  ],
  ["LOCAL ignores its block", hex(`${SIGNATURE} 20 11 0003 ffffff`), undefined],
  ["LOCAL ignores its family", hex(`${SIGNATURE} 20 f7 0000`), undefined],
  ["the unspecified family ignores its block", hex(`${SIGNATURE} 21 00 0003 ffffff`), undefined],
  ["datagrams name no client", hex(`${SIGNATURE} 21 12 000c ${"01".repeat(12)}`), undefined],
  ["Unix sockets name no client", hex(`${SIGNATURE} 21 31 00d8 ${"61".repeat(216)}`), undefined],
  [
    "fillers are left out",
    hex(`${SIGNATURE} 21 11 0011 c0000201 c6336402 c350 01bb 04 0002 0000`),
    "192.0.2.1",
  ],
];
for (const [name, bytes, source, size = bytes.length] of READ) {
  Deno.test(`decodeProxyHeader(): ${name}`, () => {
    const decoded = decodeProxyHeader(bytes)!;
    assertEquals(decoded.header.source?.hostname, source);
    assertEquals([decoded.header.tlvs, decoded.size], [[], size]);
  });
}

const line = (words: string) => text(`PROXY ${words}\r\n`);
const V4 = "c0000201 c6336402 c350 01bb";
const BAD: [name: string, bytes: Uint8Array, why: string][] = [
  ["HTTP", text("GET / HTTP/1.1\r\n"), "no PROXY header"],
  ["TLS", hex("16 03 01"), "no PROXY header"],
  ["its name in small letters", text("proxy "), "no PROXY header"],
  ["a prefix", text("PROXYTCP4"), "no PROXY header"],
  ["another signature", hex("0d0a0d0a00 0d0b"), "no PROXY header"],
  ["another protocol", line("UDP4 1.2.3.4 1.2.3.4 1 2"), "malformed line"],
  ["a longer word", line("UNKNOWNS"), "malformed line"],
  ["no addresses", line("TCP4"), "malformed line"],
  ["a word too many", line("TCP4 1.2.3.4 1.2.3.4 1 2 3"), "malformed line"],
  ["two blanks", line("TCP4  1.2.3.4 1.2.3.4 1 2"), "malformed line"],
  ["a blank at the end", line("TCP4 1.2.3.4 1.2.3.4 1 2 "), "malformed line"],
  ["a tab", line("TCP4 1.2.3.4\t1.2.3.4 1 2"), "malformed line"],
  ["IPv6 as TCP4", line("TCP4 ::1 ::1 1 2"), "malformed address"],
  ["IPv4 as TCP6", line("TCP6 1.2.3.4 1.2.3.4 1 2"), "malformed address"],
  ["a leading zero", line("TCP4 01.2.3.4 1.2.3.4 1 2"), "malformed address"],
  ["a name", line("TCP4 localhost 1.2.3.4 1 2"), "malformed address"],
  ["a zone", line("TCP6 fe80::1%1 ::1 1 2"), "malformed address"],
  ["a port with a leading zero", line("TCP4 1.2.3.4 1.2.3.4 01 2"), "malformed port"],
  ["a port too high", line("TCP4 1.2.3.4 1.2.3.4 65536 2"), "malformed port"],
  ["a port with a sign", line("TCP4 1.2.3.4 1.2.3.4 +1 2"), "malformed port"],
  ["an LF alone", text("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n"), "malformed line"],
  ["an LF within", text("PROXY UNKNOWN a\nb\r\n"), "malformed line"],
  ["a CR within", text("PROXY UNKNOWN a\rb\r\n"), "malformed line"],
  ["two CRs", text("PROXY UNKNOWN\r\r\n"), "malformed line"],
  ["a line without end", text(`PROXY UNKNOWN ${"x".repeat(93)}`), "more than 107 bytes"],
  ["a line of 108 bytes", line(`UNKNOWN ${"x".repeat(92)}`), "more than 107 bytes"],
  ["version 1 in version 2", hex(`${SIGNATURE} 11`), "unknown version or command"],
  ["version 3", hex(`${SIGNATURE} 31`), "unknown version or command"],
  ["an unknown command", hex(`${SIGNATURE} 22`), "unknown version or command"],
  ["an unknown family", hex(`${SIGNATURE} 21 41`), "unknown family or transport"],
  ["an unknown transport", hex(`${SIGNATURE} 21 13`), "unknown family or transport"],
  ["a huge length", hex(`${SIGNATURE} 21 11 ffff`), "more than 4096 bytes"],
  ["a length of a byte too many", hex(`${SIGNATURE} 20 00 0ff1`), "more than 4096 bytes"],
  ["no room for the addresses", hex(`${SIGNATURE} 21 11 000b`), "too short"],
  ["no room for IPv6", hex(`${SIGNATURE} 21 21 000c`), "too short"],
  ["an extension cut", hex(`${SIGNATURE} 21 11 000e ${V4} 01 00`), "extension"],
  ["an extension too long", hex(`${SIGNATURE} 21 11 0010 ${V4} 01 0002 00`), "extension"],
  ["a checksum too short", hex(`${SIGNATURE} 21 11 0010 ${V4} 03 0001 00`), "malformed checksum"],
  ["a wrong checksum", hex(`${SIGNATURE} 21 11 0013 ${V4} 03 0004 00000000`), "wrong checksum"],
];
for (const [name, bytes, why] of BAD) {
  Deno.test(`decodeProxyHeader() rejects ${name}`, () => {
    const error = assertThrows(() => decodeProxyHeader(bytes), NetError, why);
    assertEquals([error.kind, error.phase], ["protocol", "handshake"]);
    // What is rejected is rejected however it comes: no prefix is taken for a whole header.
    for (let i = 0; i < bytes.length; i++) {
      try {
        assertEquals(decodeProxyHeader(bytes.subarray(0, i)), undefined);
      } catch (thrown) {
        assert(thrown instanceof NetError);
      }
    }
  });
}

Deno.test("decodeProxyHeader() checks the checksum", () => {
  const header: ProxyHeader = {
    version: 2,
    source: host("192.0.2.1", 50000),
    destination: host("198.51.100.2", 443),
    tlvs: [{ type: 1, value: text("h2") }],
  };
  const bytes = encodeProxyHeader(header, { checksum: true });
  assertEquals(decodeProxyHeader(bytes)?.header.tlvs, header.tlvs);
  for (let at = 16; at < bytes.length; at++) {
    const broken = bytes.slice();
    broken[at]! ^= 1;
    // A type or length that has changed may hide the checksum, or make it another one.
    const structure = [28, 29, 30, 33, 34, 35].includes(at);
    if (!structure) assertThrows(() => decodeProxyHeader(broken), NetError, "wrong checksum");
  }
  const twice = [...bytes.slice(0, 15), bytes[15]! + 7, ...bytes.slice(16), 3, 0, 4, 0, 0, 0, 0];
  assertThrows(() => decodeProxyHeader(new Uint8Array(twice)), NetError, "checksum");
});

Deno.test("the checksum is CRC-32C", () => {
  // Computed bit by bit, by a program whose result for "123456789" is the known e3069283.
  const bytes = encodeProxyHeader({
    version: 2,
    source: host("127.0.0.1", 1),
    destination: host("127.0.0.1", 2),
  }, { checksum: true });
  assertEquals(bytes.slice(-4).toHex(), "e9166d07");
});

Deno.test("encodeProxyHeader() writes addresses of two families as IPv6", () => {
  const header = { source: host("192.0.2.1", 1), destination: host("::1", 2) };
  assertEquals(
    new TextDecoder().decode(encodeProxyHeader({ version: 1, ...header })),
    "PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n",
  );
  const bytes = encodeProxyHeader({ version: 2, ...header });
  assertEquals(bytes.length, 52);
  assertEquals(decodeProxyHeader(bytes)?.header.source, header.source);
});

Deno.test("encodeProxyHeader() refuses what would be another header", () => {
  const ends = { source: host("192.0.2.1", 1), destination: host("192.0.2.2", 2) };
  const refused: [ProxyHeader, string][] = [
    [
      { version: 1, ...ends, source: host("1.2.3.4 5.6.7.8 1 2\r\nGET /", 1) },
      "must be an IP address",
    ],
    [
      { version: 1, ...ends, source: host("1.2.3.4", 65536) },
      "port must be an integer from 0 to 65535, got 65536",
    ],
    [{ version: 1, ...ends, source: host("1.2.3.4", 1.5) }, "got 1.5"],
    [{ version: 2, source: ends.source }, "without destination"],
    [{ version: 1, local: true }, "version 1"],
    [{ version: 1, ...ends, tlvs: [{ type: 1, value: new Uint8Array() }] }, "version 1"],
    [{ version: 2, tlvs: [{ type: 1, value: new Uint8Array() }] }, "without source"],
    [
      { version: 2, ...ends, tlvs: [{ type: 256, value: new Uint8Array() }] },
      "type must be an integer from 0 to 255, got 256",
    ],
    [{ version: 2, ...ends, tlvs: [{ type: 1, value: new Uint8Array(5000) }] }, "4096"],
    [{ version: 3 as 2, ...ends }, "version must be 1 or 2, got 3"],
  ];
  for (const [header, why] of refused) assertThrows(() => encodeProxyHeader(header), Error, why);
});

Deno.test("decodeProxyHeader() reads what encodeProxyHeader() writes", () => {
  const end = fc.record({
    hostname: fc.oneof(fc.ipV4(), fc.ipV6()),
    port: fc.nat(65535),
  });
  const tlv = fc.record({
    type: fc.nat(255).filter((type) => type !== 3 && type !== 4),
    value: fc.uint8Array({ maxLength: 300 }),
  });
  const tlvs = fc.array(tlv, { maxLength: 5 });
  fc.assert(fc.property(end, end, tlvs, fc.boolean(), (source, destination, tlvs, checksum) => {
    const binary = encodeProxyHeader({ version: 2, source, destination, tlvs }, { checksum });
    const { header, size } = decodeProxyHeader(binary)!;
    assertEquals([header.tlvs, size], [tlvs, binary.length]);
    const line = encodeProxyHeader({ version: 1, source, destination });
    const other = decodeProxyHeader(line)!.header;
    assertEquals([other.source, other.destination], [header.source, header.destination]);
    assert(line.length <= 107);
  }));
});

Deno.test("decodeProxyHeader() throws NetError alone, whatever comes", () => {
  const start = fc.constantFrom(hex(`${SIGNATURE} 21 11`), hex(SIGNATURE), text("PROXY TCP4 1"));
  const more = fc.uint8Array({ maxLength: 300 });
  fc.assert(fc.property(start, more, (prefix, rest) => {
    try {
      const decoded = decodeProxyHeader(new Uint8Array([...prefix, ...rest]));
      assert(decoded === undefined || decoded.size <= prefix.length + rest.length);
    } catch (error) {
      assert(error instanceof NetError && error.kind === "protocol");
    }
  }));
});
