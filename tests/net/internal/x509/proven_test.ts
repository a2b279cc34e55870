import { assertEquals, assertThrows } from "@std/assert";
import { Proven } from "../../../../net/internal/x509/proven.ts";

const fact = (n: number) => [Uint8Array.of(n >> 8, n & 0xff)];

Deno.test("a fact is proven once, and a false one each time", () => {
  const proven = new Proven();
  let proofs = 0;
  const prove = () => void proofs++;
  proven.ensure(fact(1), prove);
  proven.ensure(fact(1), prove);
  assertEquals(proofs, 1);
  const refute = () => {
    throw new Error("false");
  };
  assertThrows(() => proven.ensure(fact(2), refute), Error, "false");
  assertThrows(() => proven.ensure(fact(2), refute), Error, "false");
  proven.ensure(fact(2), prove);
  assertEquals(proofs, 2);
});

Deno.test("the oldest facts are forgotten", () => {
  const proven = new Proven();
  for (let n = 0; n < 300; n++) proven.ensure(fact(n), () => {});
  const again: number[] = [];
  for (const n of [299, 44, 0]) proven.ensure(fact(n), () => void again.push(n));
  assertEquals(again, [0]);
});
