/** `net/dns/extension.ts`: the options of EDNS in literal bytes and back. */

import { assertEquals, assertThrows } from "@std/assert";
import { decodeDnsMessage, encodeDnsMessage } from "../../../net/dns/codec.ts";
import { describeDnsError, type DnsExtension } from "../../../net/dns/extension.ts";
import { NetError } from "../../../net/errors/errors.ts";

/** A message whose only record is an extension with these options. */
function withOptions(...options: number[]): Uint8Array {
  return Uint8Array.of(
    ...[0, 0, 0x81, 0x82, 0, 0, 0, 0, 0, 0, 0, 1],
    ...[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, options.length, ...options],
  );
}

const EMPTY = { udpSize: 1232, dnssec: false };

Deno.test("decodeDnsMessage() reads the options of EDNS from these bytes", () => {
  const rows: Array<[number[], Partial<DnsExtension>]> = [
    [[0, 15, 0, 3, 0, 6, 97], { errors: [{ code: 6, text: "a" }] }],
    [[0, 15, 0, 4, 0, 22, 97, 0, 0, 15, 0, 2, 0, 3], {
      errors: [{ code: 22, text: "a" }, { code: 3, text: "" }],
    }],
    [[0, 3, 0, 2, 110, 115], { nsid: Uint8Array.of(110, 115) }],
    [[0, 3, 0, 0], { nsid: new Uint8Array() }],
    [[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8], {
      cookie: { client: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
    }],
    [[0, 10, 0, 16, ...Array(8).fill(1), ...Array(8).fill(2)], {
      cookie: { client: new Uint8Array(8).fill(1), server: new Uint8Array(8).fill(2) },
    }],
    [[0, 8, 0, 7, 0, 1, 24, 16, 192, 0, 2], {
      clientSubnet: { address: "192.0.2.0", sourcePrefix: 24, scopePrefix: 16 },
    }],
    [[0, 8, 0, 8, 0, 2, 32, 0, 0x20, 1, 0x0d, 0xb8], {
      clientSubnet: { address: "2001:db8::", sourcePrefix: 32, scopePrefix: 0 },
    }],
    [[0, 12, 0, 3, 0, 0, 0], { padding: 3 }],
    [[0, 11, 0, 2, 0, 100], { others: [{ code: 11, data: Uint8Array.of(0, 100) }] }],
  ];
  for (const [bytes, fields] of rows) {
    const { extension } = decodeDnsMessage(withOptions(...bytes));
    assertEquals(extension, { ...EMPTY, ...fields });
    const again = decodeDnsMessage(encodeDnsMessage({ extension: extension! }));
    assertEquals(again.extension, extension);
  }
});

Deno.test("decodeDnsMessage() keeps a malformed option as its octets", () => {
  for (
    const [code, ...data] of [
      [15, 0],
      [10, 1, 2, 3],
      [10, ...Array(12).fill(0)],
      [8, 0, 1, 33, 0, 1, 2, 3, 4, 5],
      [8, 0, 3, 8, 0, 1],
      [8, 0, 1, 24, 0, 1, 2],
      [8, 0],
    ]
  ) {
    const { extension } = decodeDnsMessage(withOptions(0, code!, 0, data.length, ...data));
    assertEquals(extension, { ...EMPTY, others: [{ code: code!, data: Uint8Array.from(data) }] });
  }
  assertThrows(() => decodeDnsMessage(withOptions(0, 3, 0, 9, 1)), NetError, "too early");
});

Deno.test("encodeDnsMessage() sends no bits of an address that its prefix leaves out", () => {
  const clientSubnet = { address: "192.0.2.255", sourcePrefix: 25, scopePrefix: 0 };
  const bytes = encodeDnsMessage({ extension: { ...EMPTY, clientSubnet } });
  assertEquals([...bytes.subarray(-4)], [192, 0, 2, 128]);
});

Deno.test("encodeDnsMessage() rejects options that no message can hold", () => {
  const rows: Array<[Partial<DnsExtension>, string]> = [
    [{ cookie: { client: new Uint8Array(7) } }, "cookie.client must be 8 octets"],
    [
      { cookie: { client: new Uint8Array(8), server: new Uint8Array(33) } },
      "cookie.server must be 8 to 32 octets",
    ],
    [
      { clientSubnet: { address: "192.0.2.0", sourcePrefix: 33, scopePrefix: 0 } },
      "sourcePrefix must be an integer from 0 to 32",
    ],
    [{ padding: -1 }, "padding must be an integer from 0 to 65535"],
    [{ udpSize: 65536 }, "udpSize must be an integer from 0 to 65535"],
    [{ nsid: "a" as unknown as Uint8Array<ArrayBuffer> }, "nsid must be a Uint8Array"],
  ];
  for (const [fields, message] of rows) {
    assertThrows(
      () => encodeDnsMessage({ extension: { ...EMPTY, ...fields } }),
      Error,
      message,
    );
  }
});

Deno.test("a version and a code above 15 travel in the extension", () => {
  const { code, extension } = decodeDnsMessage(
    encodeDnsMessage({ code: "BADCOOKIE", extension: { ...EMPTY, version: 1 } }),
  );
  assertEquals([code, extension?.version], ["BADCOOKIE", 1]);
});

Deno.test("describeDnsError() names the reason and escapes what the server says", () => {
  const rows: Array<[number, string, string]> = [
    [0, "", "other error (EDE 0)"],
    [6, "", "DNSSEC validation failed (EDE 6)"],
    [15, "by list\x1b[2J", "blocked (EDE 15): by list\\x1B[2J"],
    [65535, "x", "EDE 65535: x"],
  ];
  for (const [code, text, expected] of rows) {
    assertEquals(describeDnsError({ code, text }), expected);
  }
});
