import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { briefBytes, briefText } from "../../../net/internal/brief_bytes.ts";

Deno.test("briefBytes() never returns the same memory twice, and no large array", () => {
  const arrays = Array.from({ length: 500 }, (_, i) => briefBytes(i)!);
  for (const [i, array] of arrays.entries()) {
    assertEquals(array.length, i);
    array.fill(i);
  }
  for (const [i, array] of arrays.entries()) assert(array.every((byte) => byte === i % 256));
  assertEquals(briefBytes(100_000), undefined);
});

Deno.test("briefText() encodes as TextEncoder does, and keeps what it has returned", () => {
  const encoder = new TextEncoder();
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 700 }),
    fc.string({ unit: "grapheme", maxLength: 700 }),
    fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  );
  const property = fc.property(fc.array(text, { maxLength: 30 }), (texts) => {
    const encoded = texts.map(briefText);
    assertEquals(encoded.map((bytes) => bytes.slice()), texts.map((one) => encoder.encode(one)));
  });
  fc.assert(property, { numRuns: 50 });
});
