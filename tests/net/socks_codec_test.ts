/** `net/socks_codec.ts`: literal bytes of RFC 1928 and RFC 1929, split anywhere, hostile servers. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { NetError } from "../../net/errors/errors.ts";
import { type SocksEvent, SocksHandshake } from "../../net/socks_codec.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
const TARGET = { hostname: "a.test", port: 80 };
const LOGIN = { username: "alice", password: "secret" };

/** Hands over bytes one by one, and checks that no more are read than are missing. */
function feed(socks: SocksHandshake, text: string): SocksEvent[] {
  const events: SocksEvent[] = [];
  for (const byte of hex(text)) {
    assert(socks.missing > 0);
    events.push(...socks.push(Uint8Array.of(byte)));
  }
  return events;
}

function sent(events: SocksEvent[]): string[] {
  return events.map((event) => event.kind === "send" ? event.bytes.toHex() : event.kind);
}

Deno.test("SocksHandshake sends the request once the server wants no login", () => {
  for (const login of [undefined, LOGIN]) {
    const socks = new SocksHandshake(TARGET, login);
    assertEquals(socks.start().toHex(), login ? "05020002" : "050100");
    assertEquals(sent(feed(socks, "05 00")), ["05010003" + "06612e74657374" + "0050"]);
    assertEquals(feed(socks, "05 00 00 01 c0000201 1f90"), [{
      kind: "connected",
      bound: { hostname: "192.0.2.1", port: 8080 },
      rest: new Uint8Array(),
    }]);
    assertEquals([socks.connected, socks.missing], [true, 0]);
    assertThrows(() => socks.push(new Uint8Array(1)), TypeError, "over");
  }
});

Deno.test("SocksHandshake logs in where the server asks for it", () => {
  for (const version of ["01", "05"]) {
    const socks = new SocksHandshake(TARGET, LOGIN);
    assertEquals(sent(feed(socks, "05 02")), ["0105616c69636506736563726574"]);
    assertEquals(sent(feed(socks, `${version} 00`)), ["05010003" + "06612e74657374" + "0050"]);
  }
});

const ADDRESSES: [hostname: string, bytes: string][] = [
  ["192.0.2.1", "01c0000201"],
  ["::1", "0400000000000000000000000000000001"],
  ["::ffff:192.0.2.1", "01c0000201"],
  ["192.0.2", "03073139322e302e32"],
];
for (const [hostname, bytes] of ADDRESSES) {
  Deno.test(`SocksHandshake asks for ${hostname} by its kind`, () => {
    const socks = new SocksHandshake({ hostname, port: 258 });
    assertEquals(sent(feed(socks, "05 00")), [`050100${bytes}0102`]);
  });
}

const BOUND: [reply: string, hostname: string][] = [
  ["05 00 00 01 7f000001 0050", "127.0.0.1"],
  ["05 00 00 04 00000000000000000000000000000001 0050", "::1"],
  ["05 00 00 03 01 61 0050", "a"],
  ["05 00 00 03 00 0050", ""],
  ["05 00 ff 01 7f000001 0050", "127.0.0.1"],
  [`05 00 00 03 ff ${"61".repeat(255)} 0050`, "a".repeat(255)],
];
for (const [reply, hostname] of BOUND) {
  Deno.test(`SocksHandshake reads the bound address ${hostname.slice(0, 20)} of ${reply.slice(0, 11)}`, () => {
    const socks = new SocksHandshake(TARGET);
    feed(socks, "05 00");
    const [event] = feed(socks, reply);
    assert(event?.kind === "connected");
    assertEquals(event.bound, { hostname, port: 80 });
  });
}

Deno.test("SocksHandshake gives back what came behind the reply", () => {
  const socks = new SocksHandshake(TARGET, LOGIN);
  const events = socks.push(hex("05 02 01 00 05 00 00 01 7f000001 0050 48656c6c6f"));
  assertEquals(events.map(({ kind }) => kind), ["send", "send", "connected"]);
  const last = events.at(-1);
  assert(last?.kind === "connected");
  assertEquals(new TextDecoder().decode(last.rest), "Hello");
});

const BAD: [name: string, answers: string[], kind: string, why: string, code?: string][] = [
  ["HTTP", ["48 54"], "protocol", "version"],
  ["SOCKS 4", ["00 5a"], "protocol", "version"],
  ["a method that nobody offered", ["05 01"], "protocol", "method"],
  ["no method", ["05 ff"], "reply", "takes no such login"],
  ["another version of the login", ["05 02", "02 00"], "protocol", "answer to the login"],
  ["a wrong login", ["05 02", "01 01"], "reply", "login is wrong"],
  ["another version of the reply", ["05 00", "04"], "protocol", "version of the reply"],
  ["an unknown type", ["05 00", "05 00 00 02"], "protocol", "type of its address"],
  ["a failure", ["05 00", "05 01"], "reply", "general failure", "1"],
  ["its rules", ["05 00", "05 02"], "reply", "rules", "2"],
  ["no network", ["05 00", "05 03"], "unreachable", "network", "3"],
  ["no host", ["05 00", "05 04"], "unreachable", "host", "4"],
  ["a refusal", ["05 00", "05 05"], "refused", "refused", "5"],
  ["its TTL", ["05 00", "05 06"], "unreachable", "TTL", "6"],
  ["no CONNECT", ["05 00", "05 07"], "reply", "CONNECT", "7"],
  ["no such address", ["05 00", "05 08"], "reply", "type of address", "8"],
  ["an unknown reply", ["05 00", "05 99"], "reply", "unknown", "153"],
];
for (const [name, answers, kind, why, code] of BAD) {
  Deno.test(`SocksHandshake throws for a server that says ${name}`, () => {
    const socks = new SocksHandshake(TARGET, LOGIN);
    const error = assertThrows(() => answers.forEach((one) => feed(socks, one)), NetError, why);
    assertEquals([error.kind, error.phase, error.code], [kind, "connect", code]);
    assert(!error.message.includes("secret") && !error.message.includes("alice"));
  });
}

Deno.test("SocksHandshake tells that a login is missing", () => {
  const ask = (answer: string) => new SocksHandshake(TARGET).push(hex(answer));
  assertThrows(() => ask("05 ff"), NetError, "wants a login");
  assertThrows(() => ask("05 02"), NetError, "method");
});

Deno.test("SocksHandshake rejects what does not fit into a message", () => {
  const long = "a".repeat(256);
  const bad = [
    () => new SocksHandshake({ hostname: long, port: 1 }),
    () => new SocksHandshake({ hostname: "", port: 1 }),
    () => new SocksHandshake({ hostname: "a", port: 0 }),
    () => new SocksHandshake({ hostname: "a", port: 65536 }),
    () => new SocksHandshake(TARGET, { username: long, password: "a" }),
    () => new SocksHandshake(TARGET, { username: "", password: "a" }),
    () => new SocksHandshake(TARGET, { username: "a", password: "" }),
    () => new SocksHandshake(TARGET, { username: "a", password: "ü".repeat(128) }),
  ];
  for (const one of bad) {
    const error = assertThrows(one, Error);
    assert(!error.message.includes(long) && !error.message.includes("ü"));
  }
  new SocksHandshake(TARGET, { username: long.slice(1), password: long.slice(1) });
});

Deno.test("SocksHandshake gives the same however its bytes are split", () => {
  const bytes = hex("05 02 01 00 05 00 00 03 04 612e6262 0050");
  fc.assert(fc.property(fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 })), (cuts) => {
    const socks = new SocksHandshake(TARGET, LOGIN);
    const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
    const events = at.slice(1).flatMap((end, i) => socks.push(bytes.subarray(at[i], end)));
    assertEquals(events.map(({ kind }) => kind), ["send", "send", "connected"]);
  }));
});

Deno.test("SocksHandshake throws NetError alone, and asks for no more than a reply has", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
    const socks = new SocksHandshake(TARGET, LOGIN);
    try {
      for (const byte of [5, 0, ...bytes]) {
        if (socks.connected) return;
        assert(socks.missing > 0 && socks.missing <= 262);
        socks.push(Uint8Array.of(byte));
      }
    } catch (error) {
      assert(error instanceof NetError, String(error));
    }
  }));
});
