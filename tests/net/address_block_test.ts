import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  AddressBlocks,
  formatAddressBytes,
  isInBlock,
  readAddressBlock,
  readAddressBytes,
} from "../../net/address_block.ts";

const NONE = ["", "1.2.3", "1.2.3.256", "01.2.3.4", "0x7f.1", "1.2.3.4.", " 1.2.3.4", "::g", ":"];

Deno.test("readAddressBytes() reads nothing that only some programs read as an address", () => {
  for (const text of [...NONE, "[::1]", "fe80::1%eth0", "1.2.3.4/8", "localhost"]) {
    assertEquals(readAddressBytes(text), undefined, text);
  }
});

Deno.test("formatAddressBytes() writes what readAddressBytes() reads", () => {
  const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
  const four = fc.uint8Array({ minLength: 4, maxLength: 4 });
  fc.assert(fc.property(fc.oneof(four, bytes), (address) => {
    const read = readAddressBytes(formatAddressBytes(address));
    const mapped = /^0{20}ffff/.test(address.toHex()) && address.length === 16;
    assertEquals(read, [...(mapped ? address.slice(12) : address)]);
  }));
  assertEquals(formatAddressBytes([...new Array(10).fill(0), 255, 255, 1, 2, 3, 4]), "1.2.3.4");
  assertThrows(() => formatAddressBytes([1, 2, 3]), TypeError, "3 bytes");
});

const BLOCKS: [block: string, inside: string[], outside: string[]][] = [
  ["0.0.0.0/0", ["0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"], ["::1"]],
  ["10.0.0.0/8", ["10.255.0.1"], ["11.0.0.0", "::a00:1"]],
  ["172.16.0.0/12", ["172.31.255.255"], ["172.32.0.0", "172.15.255.255"]],
  ["192.0.2.7", ["192.0.2.7", "::ffff:c000:207"], ["192.0.2.6"]],
  ["192.0.2.7/31", ["192.0.2.6", "192.0.2.7"], ["192.0.2.8"]],
  ["::/0", ["::1", "fe80::1%eth0"], ["127.0.0.1"]],
  ["2001:db8::/33", ["2001:db8:7fff::1"], ["2001:db8:8000::"]],
  ["::ffff:10.0.0.1", ["10.0.0.1"], ["10.0.0.2"]],
];
for (const [block, inside, outside] of BLOCKS) {
  Deno.test(`AddressBlocks: ${block}`, () => {
    const list = new AddressBlocks([block]);
    for (const one of inside) assert(list.includes(one), one);
    for (const one of [...outside, "", "localhost"]) assert(!list.includes(one), one);
    assert(!list.includes(undefined));
    assert(inside.every((one) => list.includes(readAddressBytes(one.replace(/%.*/, "")))));
  });
}

Deno.test("isInBlock() agrees with the bits of the address", () => {
  const bits = (bytes: Iterable<number>) =>
    Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  const address = fc.uint8Array({ minLength: 4, maxLength: 4 });
  fc.assert(fc.property(address, address, fc.nat(32), (one, other, length) => {
    const expected = bits(one).slice(0, length) === bits(other).slice(0, length);
    assertEquals(isInBlock([...one], { bytes: [...other], bits: length }), expected);
  }));
});

Deno.test("AddressBlocks names an entry that is malformed", () => {
  for (const entry of [...NONE, "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "::/129", "/8"]) {
    assertEquals(readAddressBlock(entry), undefined, entry);
    assertThrows(() => new AddressBlocks(["10.0.0.0/8", entry], "names"), TypeError, "names");
  }
  assertThrows(() => new AddressBlocks(["a\x1b[2J"]), TypeError, '"a\\u001b[2J"');
});

Deno.test("AddressBlocks: only unix: includes peers on Unix sockets", () => {
  assertEquals(new AddressBlocks(["unix:", "10.0.0.0/8"]).includes("unix:"), true);
  assertEquals(new AddressBlocks(["unix:", "10.0.0.0/8"]).includes("10.0.0.1"), true);
  assertEquals(new AddressBlocks(["unix:"]).includes("127.0.0.1"), false);
  assertEquals(new AddressBlocks(["0.0.0.0/0", "::/0"]).includes("unix:"), false);
  assertThrows(() => new AddressBlocks(["unix:/run/x"]), TypeError, "unix:/run/x");
});
