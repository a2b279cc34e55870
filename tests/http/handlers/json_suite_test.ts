/** JSON texts (RFC 8259): valid ones, invalid ones, and the places of their errors. */

import { assertEquals, assertRejects } from "@std/assert";
import { readJson } from "../../../http/handlers/json.ts";
import { ProblemError } from "../../../http/problem.ts";

type Body = string | Uint8Array<ArrayBuffer>;

const read = (body: Body) =>
  readJson(
    new Request("http://h/", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    }),
  );

for (
  const [text, value] of [
    ["0", 0],
    ["-0", -0],
    [" \t\r\n1 \t\r\n", 1],
    ["-1.5e+3", -1500],
    ["1E400", Infinity],
    ["1e-400", 0],
    ["123456789012345678901234567890", 123456789012345680000000000000],
    ['""', ""],
    ['"\\u0000\\"\\\\\\/\\b\\f\\n\\r\\t"', '\0"\\/\b\f\n\r\t'],
    ['"\u2028\u2029\u007f"', "\u2028\u2029\u007f"],
    ['"\\ud83d\\ude00"', "😀"],
    ['"\\ud800"', "\ud800"],
    ['"\\uDC00\\uD800"', "\udc00\ud800"],
    ['"\\u0061"', "a"],
    ["true", true],
    ["null", null],
    ["[]", []],
    ["[ 1 , [ ] , { } ]", [1, [], {}]],
    ['{"":0}', { "": 0 }],
    ['{"a":1,"a":2}', { a: 2 }],
    ['{"a":{"b":[{"c":null}]}}', { a: { b: [{ c: null }] } }],
    ['{"é日":"ß"}', { "é日": "ß" }],
    // A byte order mark may be ignored (§8.1).
    ["\ufeff1", 1],
  ] as const
) {
  Deno.test(`readJson() takes ${JSON.stringify(text).slice(0, 60)}`, async () => {
    assertEquals(await read(text), value as unknown);
  });
}

Deno.test("readJson() keeps __proto__ a property", async () => {
  const value = await read('{"__proto__":{"polluted":true}}') as Record<string, unknown>;
  assertEquals(Object.keys(value), ["__proto__"]);
  assertEquals(({} as Record<string, unknown>).polluted, undefined);
});

// Text, line and column of the first fault.
for (
  const [text, line, column] of [
    ["", 1, 1],
    [" \n ", 2, 2],
    ["\u00a01", 1, 1],
    ["\f1", 1, 1],
    ["01", 1, 2],
    ["-", 1, 1],
    ["+1", 1, 1],
    [".5", 1, 1],
    ["1.", 1, 2],
    ["1.e1", 1, 2],
    ["1e", 1, 2],
    ["1e+", 1, 2],
    ["0x1", 1, 2],
    ["1_000", 1, 2],
    ["NaN", 1, 1],
    ["Infinity", 1, 1],
    ["-Infinity", 1, 1],
    ["１", 1, 1],
    ["True", 1, 1],
    ["tru", 1, 1],
    ["undefined", 1, 1],
    ["'a'", 1, 1],
    ['"', 1, 2],
    ['"a', 1, 3],
    ['"\t"', 1, 2],
    ['"\n"', 1, 2],
    ['"\\x41"', 1, 2],
    ['"\\u12"', 1, 2],
    ['"\\u{41}"', 1, 2],
    ['"\\', 1, 2],
    ['"a" "b"', 1, 5],
    ["1 2", 1, 3],
    ["[", 1, 2],
    ["]", 1, 1],
    ["[1", 1, 3],
    ["[1,", 1, 4],
    ["[1,]", 1, 4],
    ["[,1]", 1, 2],
    ["[1,,2]", 1, 4],
    ["[1 2]", 1, 4],
    ["[1}", 1, 3],
    ["[1]]", 1, 4],
    ["{", 1, 2],
    ["{]", 1, 2],
    ['{"a"', 1, 5],
    ['{"a":', 1, 6],
    ['{"a" 1}', 1, 6],
    ['{"a":1', 1, 7],
    ['{"a":1,}', 1, 8],
    ['{,"a":1}', 1, 2],
    ["{a:1}", 1, 2],
    ["{'a':1}", 1, 2],
    ["{1:1}", 1, 2],
    ['{"a":1 "b":2}', 1, 8],
    ['{\n  "a": 1,\n  "b": [1, 2,]\n}', 3, 14],
    ["[1,\r\n2,\r\n}]", 3, 1],
    ["// a\n1", 1, 1],
    ["1 /* a */", 1, 3],
    ["\ufeff\ufeff1", 1, 1],
  ] as const
) {
  Deno.test(`readJson() refuses ${JSON.stringify(text).slice(0, 60)} at ${line}:${column}`, async () => {
    const error = await assertRejects(() => read(text), ProblemError);
    assertEquals(error.status, 400);
    assertEquals(error.options.extensions, { line, column });
  });
}

for (
  const bytes of [
    [0x22, 0xff, 0x22],
    [0x22, 0xc3, 0x22],
    [0x22, 0xc0, 0xaf, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
    [0x22, 0xf4, 0xbf, 0xbf, 0xbf, 0x22],
    // UTF-16, with and without a byte order mark.
    [0xff, 0xfe, 0x31, 0x00],
    [0xfe, 0xff, 0x00, 0x31],
  ]
) {
  Deno.test(`readJson() refuses the bytes ${bytes.map((one) => one.toString(16))}`, async () => {
    const error = await assertRejects(() => read(Uint8Array.from(bytes)), ProblemError);
    assertEquals([error.status, error.options.detail], [400, "The body is not UTF-8"]);
  });
}

Deno.test("readJson() handles deeply nested texts", async () => {
  const depth = 100_000;
  let value = await read("[".repeat(depth) + "]".repeat(depth));
  let levels = 0;
  for (; Array.isArray(value); value = value[0]) levels++;
  assertEquals(levels, depth);
  for (const open of ["[", '{"a":']) {
    const error = await assertRejects(() => read(open.repeat(depth)), ProblemError);
    assertEquals(error.status, 400);
  }
});
