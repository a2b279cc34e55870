/** `net/dns/codec.ts`: literal bytes, every type there and back, hostile messages. */

import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  decodeDnsMessage,
  type DnsMessage,
  encodeDnsMessage,
  reverseDnsName,
} from "../../../net/dns/codec.ts";
import { type DnsRecord, formatDnsRecord } from "../../../net/dns/record.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { RECORDS } from "./records.ts";

Deno.test("encodeDnsMessage() writes these bytes, names that come again as pointers", () => {
  const bytes = encodeDnsMessage({
    id: 0x1234,
    response: true,
    recursionDesired: true,
    recursionAvailable: true,
    questions: [{ name: "a.test", type: "MX" }],
    answers: [{ name: "a.test", ttl: 60, type: "MX", preference: 5, exchange: "m.A.test" }],
    extension: { udpSize: 1232, dnssec: true },
  });
  assertEquals(
    bytes.toHex(),
    "12348180000100010000" + "0001" + "0161047465737400" + "000f0001" +
      "c00c" + "000f0001" + "0000003c" + "0006" + "0005" + "016dc00c" +
      "00" + "0029" + "04d0" + "00" + "00" + "8000" + "0000",
  );
});

Deno.test("every type of record is read as it was written", () => {
  const message: DnsMessage = {
    id: 7,
    response: true,
    opcode: 0,
    authoritative: true,
    truncated: true,
    recursionDesired: false,
    recursionAvailable: true,
    authenticated: true,
    checkingDisabled: true,
    code: "BADVERS",
    questions: [{ name: "host.test", type: "TYPE255" }],
    answers: RECORDS.map(([record]) => record),
    authorities: [RECORDS.find(([{ type }]) => type === "SOA")![0]],
    additionals: [RECORDS[0]![0]],
    extension: { udpSize: 4096, dnssec: false },
  };
  assertEquals(decodeDnsMessage(encodeDnsMessage(message)), message);
});

Deno.test("a place is refused that no record LOC can hold (RFC 1876, 2)", () => {
  const place = {
    name: "a.test",
    ttl: 60,
    type: "LOC",
    latitude: 0,
    longitude: 0,
    altitude: 0,
    size: 1,
    horizontalPrecision: 1,
    verticalPrecision: 1,
  } as const;
  const round = (more: Partial<typeof place | Record<string, number>>) =>
    encodeDnsMessage({ answers: [{ ...place, ...more } as DnsRecord] });
  const refused: [more: Record<string, number>, part: string][] = [
    [{ latitude: 90.1 }, "latitude must be a number of degrees from -90 to 90, got 90.1"],
    [{ longitude: -180.1 }, "longitude must be a number of degrees from -180 to 180"],
    [{ longitude: NaN }, "longitude must be a number of degrees"],
    [{ altitude: -100_000.01 }, "altitude must be a height from -100000 to 42849672.95 metres"],
    [{ altitude: 42_849_672.96 }, "altitude must be a height"],
    [{ size: -1 }, "size must be a length from 0 to 90000000 metres"],
    [{ verticalPrecision: 1e8 }, "verticalPrecision must be a length"],
    [{ horizontalPrecision: Infinity }, "horizontalPrecision must be a length"],
  ];
  for (const [more, part] of refused) assertThrows(() => round(more), RangeError, part);
  // One digit and an exponent: 9.6 m is nearest to 10 m, 0x13.
  const { answers } = decodeDnsMessage(round({ size: 9.6, verticalPrecision: 0 }));
  assertEquals(answers, [{ ...place, size: 10, verticalPrecision: 0 }]);
});

Deno.test("every response code has its name", () => {
  for (
    const code of ["NOERROR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "NOTZONE", "RCODE15"]
  ) {
    assertEquals(decodeDnsMessage(encodeDnsMessage({ code })).code, code);
  }
  assertThrows(() => encodeDnsMessage({ code: "BADVERS" }), TypeError, "without an extension");
  assertThrows(() => encodeDnsMessage({ code: "NOPE" }), TypeError, '"NOPE"');
});

Deno.test("a name is refused that no message can hold, before anything is sent", () => {
  for (
    const name of [
      "",
      "a..b",
      ".a",
      `${"a".repeat(64)}.test`,
      "a.".repeat(128),
      "ü.test",
      "a b",
      "a\n",
      "a\\",
    ]
  ) {
    assertThrows(
      () => encodeDnsMessage({ questions: [{ name, type: "A" }] }),
      TypeError,
      "the name",
    );
  }
  const longest = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61)].join(".");
  const [question] =
    decodeDnsMessage(encodeDnsMessage({ questions: [{ name: `${longest}.`, type: "A" }] }))
      .questions;
  assertEquals(question?.name, longest);
});

/** A message of one question whose name is these bytes. */
function withName(...name: number[]): Uint8Array {
  return Uint8Array.of(0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name, 0, 1, 0, 1);
}

Deno.test("names are escaped: points, control characters, bytes that are no ASCII", () => {
  const [question] = decodeDnsMessage(withName(6, 0x2e, 0x5c, 0x1b, 0xff, 0x20, 0x61, 0)).questions;
  assertEquals(question?.name, "\\.\\\\\\027\\255\\032a");
  const again = encodeDnsMessage({ questions: [question!] });
  assertEquals([...again.subarray(12, 20)], [6, 0x2e, 0x5c, 0x1b, 0xff, 0x20, 0x61, 0]);
});

Deno.test("hostile names are refused: loops, pointers forward, too long, unknown labels", () => {
  const rows: Array<[Uint8Array, string]> = [
    [withName(0xc0, 12), "points at itself or forward"],
    [withName(0xc0, 13), "points at itself or forward"],
    [withName(1, 97, 0xc0, 12), "points at itself or forward"],
    [withName(1, 97, 0xc0, 14), "points at itself or forward"],
    [withName(0xc0, 0xff), "points at itself or forward"],
    [withName(0x40, 0), "unknown kind"],
    [withName(0x80, 0), "unknown kind"],
    [withName(...Array(130).fill([1, 97]).flat(), 0), "longer than 255"],
    [withName(63, 97), "too early"],
    [new Uint8Array(11), "too early"],
    [new Uint8Array(65536), "longer than 65535"],
  ];
  for (const [bytes, why] of rows) {
    const error = assertThrows(() => decodeDnsMessage(bytes), NetError, why);
    assertEquals([error.kind, error.phase], ["protocol", "response"]);
  }
});

/** A record of TYPE99 whose content is a chain of pointers, and one whose name is its last pointer. */
function chain(length: number): Uint8Array {
  const content = Array.from({ length }, (_, i) => {
    // The first one leads to a root in front of them.
    const target = i === 0 ? 12 : 12 + 11 + (i - 1) * 2;
    return [0xc0 | target >> 8, target & 0xff];
  }).flat();
  const last = 12 + 11 + content.length - 2;
  return Uint8Array.of(
    ...[0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0],
    ...[0, 0, 99, 0, 1, 0, 0, 0, 0, content.length >> 8, content.length & 0xff, ...content],
    ...[0xc0 | last >> 8, last & 0xff, 0, 99, 0, 1, 0, 0, 0, 0, 0, 0],
  );
}

Deno.test("a name follows as many pointers as it can have labels, and no more", () => {
  // The name itself is a pointer, too.
  assertEquals(decodeDnsMessage(chain(126)).answers[1]?.name, ".");
  const error = assertThrows(() => decodeDnsMessage(chain(127)), NetError, "too many pointers");
  assertEquals([error.kind, error.phase], ["protocol", "response"]);
});

Deno.test("records lie about nothing: lengths, counts, order of parameters, a second extension", () => {
  const record = (type: number, data: number[], length = data.length) =>
    Uint8Array.of(
      ...[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
      0,
      type >> 8,
      type & 255,
      0,
      1,
      0,
      0,
      0,
      0,
      0,
      length,
      ...data,
    );
  const rows: Array<[Uint8Array, string]> = [
    [record(1, [1, 2, 3]), "too early"],
    [record(1, [1, 2, 3, 4, 5]), "longer than its content"],
    [record(1, [1, 2, 3, 4], 9), "too early"],
    [record(16, [5, 97]), "too early"],
    [record(2, [3, 97, 97]), "too early"],
    [record(65, [0, 1, 0, 0, 3, 0, 2, 0, 80, 0, 1, 0, 0]), "not in their order"],
    [record(65, [0, 1, 0, 0, 3, 0, 3, 0, 80, 0]), "too long"],
    [record(65, [0, 1, 0, 0, 4, 0, 3, 1, 2, 3]), "too early"],
  ];
  for (const [bytes, why] of rows) assertThrows(() => decodeDnsMessage(bytes), NetError, why);
  const twice = Uint8Array.of(
    ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
    ...[0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0],
    ...[0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0],
  );
  assertThrows(() => decodeDnsMessage(twice), NetError, "extension is malformed");
});

Deno.test("a malformed record beside the answers is kept as one of an unknown type", () => {
  // The map of types of the NSEC record is empty, as python3-zeroconf 0.47 sends it.
  const bytes = Uint8Array.fromHex(
    "004d84000000000100000001" + "00" + "0001" + "0001" + "00000078" + "0004" + "7f000001" +
      "00" + "002f" + "0001" + "00001194" + "0009" + "00" + "0000000400000008",
  );
  const { answers, additionals } = decodeDnsMessage(bytes);
  assertEquals(answers, [{ name: ".", ttl: 120, type: "A", address: "127.0.0.1" }]);
  const data = Uint8Array.fromHex("000000000400000008");
  assertEquals(additionals, [{ name: ".", ttl: 4500, type: "TYPE47", data }]);
  bytes[7] = 2;
  bytes[11] = 0;
  assertThrows(() => decodeDnsMessage(bytes), NetError, "map of types");
});

Deno.test("a record of another class is left out, a time to live beyond 31 bits means none", () => {
  const chaos = Uint8Array.of(
    ...[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
    0,
    0,
    16,
    0,
    3,
    0,
    0,
    0,
    0,
    0,
    0,
  );
  assertEquals(decodeDnsMessage(chaos).answers, []);
  const forever = encodeDnsMessage({
    answers: [{ name: ".", ttl: 0xffffffff, type: "A", address: "192.0.2.7" }],
  });
  assertEquals(decodeDnsMessage(forever).answers[0]?.ttl, 0);
});

Deno.test("reverseDnsName() refuses what is no address", () => {
  assertEquals(reverseDnsName("2001:db8::567:89ab").slice(0, 17), "b.a.9.8.7.6.5.0.0");
  assertEquals(reverseDnsName("::ffff:192.0.2.7").length, 72);
  for (const text of ["host", "1.2.3", "1.2.3.256", "1::2::3", "", "::1]/"]) {
    assertThrows(() => reverseDnsName(text), TypeError, "address must be an IP");
  }
});

Deno.test("any bytes either are a message or are refused as one", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    // Real messages with a few bytes changed reach deeper.
    fc.array(fc.tuple(fc.nat(700), fc.nat(255)), { maxLength: 6 }).map((changes) => {
      const whole = encodeDnsMessage({ answers: RECORDS.map(([record]) => record) });
      for (const [at, value] of changes) whole[at % whole.length] = value;
      return whole;
    }),
  );
  fc.assert(
    fc.property(bytes, (message) => {
      try {
        const { answers } = decodeDnsMessage(message);
        for (const record of answers) {
          assert(!/\p{Cc}/u.test(record.name + formatDnsRecord(record)));
        }
      } catch (error) {
        assertInstanceOf(error, NetError);
        assertEquals(error.kind, "protocol");
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("any names come back as they were written", () => {
  const label = fc.stringMatching(/^[a-z0-9_-]{1,20}$/);
  const name = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join("."));
  fc.assert(fc.property(fc.array(name, { maxLength: 40 }), (names) => {
    const answers: DnsRecord[] = names.map((name, i) => ({
      name,
      ttl: i,
      type: "CNAME",
      target: names[(i * 7) % names.length]!,
    }));
    assertEquals(decodeDnsMessage(encodeDnsMessage({ answers })).answers, answers);
  }));
});
