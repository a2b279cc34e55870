import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  hasMember,
  type ListQuoting,
  parseList,
  parseParameters,
  parseWeights,
} from "../../http/header_list.ts";

/** Characters that are blanks in JavaScript and not in HTTP. */
const NO_BLANKS = [..."\n\v\f\r\u00a0\u2003\u2028\u3000\ufeff"];

Deno.test("parseList() splits at commas, removes SP and HTAB, and skips empty members", () => {
  const rows: [value: string, members: string[]][] = [
    ["", []],
    [" \t", []],
    [",", []],
    [", ,\t,", []],
    ["a", ["a"]],
    ["a,b", ["a", "b"]],
    [" a \t,\t b ", ["a", "b"]],
    [",a,,b,", ["a", "b"]],
    ["a b, c", ["a b", "c"]],
    ["a;q=0.5,b", ["a;q=0.5", "b"]],
  ];
  for (const [value, members] of rows) assertEquals(parseList(value), members, value);
});

Deno.test("parseList() removes no blanks but SP and HTAB", () => {
  for (const blank of NO_BLANKS) {
    assertEquals(parseList(` ${blank}a${blank} ,b`), [`${blank}a${blank}`, "b"]);
  }
});

Deno.test("parseList() leaves commas inside of a quoted-string alone", () => {
  const rows: [value: string, members: string[]][] = [
    ['"a,b",c', ['"a,b"', "c"]],
    ['x="a,b";y="c,d", e', ['x="a,b";y="c,d"', "e"]],
    [String.raw`"a\"b,c",d`, [String.raw`"a\"b,c"`, "d"]],
    [String.raw`"a\\",b`, [String.raw`"a\\"`, "b"]],
    // A backslash outside of quotes escapes nothing.
    ["a\\,b", ["a\\", "b"]],
    // A quotation without an end is none.
    ['"a,b', ['"a', "b"]],
    ['"a","b,c', ['"a"', '"b', "c"]],
    [String.raw`"a\",b`, [String.raw`"a\"`, "b"]],
    [String.raw`"a\",b"c,d`, [String.raw`"a\"`, 'b"c', "d"]],
    [String.raw`"a\",b",c,d`, [String.raw`"a\",b"`, "c", "d"]],
    // Nor is one that ends where its member and its parameter go on.
    ['a"b,c"d,e', ['a"b', 'c"d', "e"]],
    ['a"b,c" \t;d,e', ['a"b,c" \t;d', "e"]],
    ['a;b="c,d"e,f="g,h"', ['a;b="c', 'd"e', 'f="g,h"']],
    ['"a" "b,c",d', ['"a" "b,c"', "d"]],
    // Parentheses are ordinary there.
    ["(a,b)", ["(a", "b)"]],
  ];
  for (const [value, members] of rows) assertEquals(parseList(value), members, value);
});

Deno.test("parseList() reads entity tags, in which a backslash escapes nothing", () => {
  const rows: [value: string, members: string[]][] = [
    ['"a", W/"b,c"', ['"a"', 'W/"b,c"']],
    [String.raw`"a\", "b"`, [String.raw`"a\"`, '"b"']],
    ['"a, "b"', ['"a', '"b"']],
    ['"a", "b', ['"a"', '"b']],
    ["*", ["*"]],
  ];
  for (const [value, members] of rows) {
    assertEquals(parseList(value, "entity-tag"), members, value);
  }
});

Deno.test("parseList() shows what proxies append to a field with an open quotation", () => {
  const own = 'for="[2001:db8::1]";proto=https';
  for (
    const sent of [
      'for=6.6.6.6;x="',
      'for=6.6.6.6;x="\\',
      'for=6.6.6.6;x="\\"',
      'for=6.6.6.6;x="\\"\\\\',
      'for=6.6.6.6;x="y" "',
      'for="6.6.6.6',
      '"',
      '"a", "',
      "for=6.6.6.6 (",
    ]
  ) {
    for (const quoting of ["quoted-string", "entity-tag"] as const) {
      assertEquals(parseList(`${sent}, ${own}`, quoting).at(-1), own, sent);
      assertEquals(parseList(`${sent}, ${own}, for=a`, quoting).slice(-2), [own, "for=a"], sent);
    }
  }
  assertEquals(parseParameters('x="; for="[2001:db8::1]"').parameters.get("for"), "[2001:db8::1]");
});

Deno.test("parseList() leaves commas inside of comments alone", () => {
  const rows: [value: string, members: string[]][] = [
    ["1.1 a (x, y), 1.1 b", ["1.1 a (x, y)", "1.1 b"]],
    ["1.1 a (x (y, z), q), 1.1 b", ["1.1 a (x (y, z), q)", "1.1 b"]],
    [String.raw`1.1 a (x \), y), 1.1 b`, [String.raw`1.1 a (x \), y)`, "1.1 b"]],
    // A double quote is an ordinary character of a comment.
    ['1.1 a (5" disk), 1.1 b', ['1.1 a (5" disk)', "1.1 b"]],
    // A comment without an end hides no member behind it.
    ["1.1 a (x, 1.1 b, 1.1 c (d)", ["1.1 a (x", "1.1 b", "1.1 c (d)"]],
    ["1.1 a x), 1.1 b", ["1.1 a x)", "1.1 b"]],
    ["1.1 a (x, 1.1 b) y, 1.1 c", ["1.1 a (x", "1.1 b) y", "1.1 c"]],
  ];
  for (const [value, members] of rows) assertEquals(parseList(value, "comment"), members, value);
});

/** The same in the plainest way, character by character, at any cost. */
function plainList(value: string, quoting: ListQuoting): string[] {
  const members: string[] = [];
  let member = "";
  let tried = 0;
  for (let at = 0; at < value.length;) {
    const opens = at >= tried && value[at] === (quoting === "comment" ? "(" : '"');
    const [whole] = opens ? QUOTATIONS[quoting](value.slice(at)) ?? [] : [];
    const end = at + (whole?.length ?? 0);
    if (whole !== undefined && /^[ \t]*(?:[,;]|$)/.test(value.slice(end))) {
      member += whole;
      at = end;
      continue;
    }
    if (opens) tried = whole === undefined ? value.length : end - 1;
    if (value[at] === ",") {
      members.push(member);
      member = "";
    } else member += value[at];
    at++;
  }
  return [...members, member].map((one) => one.replace(/^[ \t]+|[ \t]+$/g, "")).filter(Boolean);
}

const QUOTATIONS: Record<ListQuoting, (text: string) => [string] | undefined> = {
  "quoted-string": (text) => take(/^"(?:[^"\\]|\\.)*"/s, text),
  "entity-tag": (text) => take(/^"[^"]*"/, text),
  "comment": (text) => {
    let depth = 0;
    for (let at = 0; at < text.length; at++) {
      if (text[at] === "\\" && depth > 0) at++;
      else if (text[at] === "(") depth++;
      else if (text[at] === ")" && depth > 0) depth--;
      if (depth === 0) return at === 0 ? undefined : [text.slice(0, at + 1)];
    }
    return undefined;
  },
};

function take(pattern: RegExp, text: string): [string] | undefined {
  const found = pattern.exec(text)?.[0];
  return found === undefined ? undefined : [found];
}

for (const quoting of ["quoted-string", "entity-tag", "comment"] as const) {
  Deno.test(`parseList() reads any text as the plainest parser does: ${quoting}`, () => {
    const text = fc.string({ unit: fc.constantFrom(...'ab,,"" \\\t()=;') });
    fc.assert(
      fc.property(text, (value) => {
        assertEquals(parseList(value, quoting), plainList(value, quoting), value);
      }),
      { numRuns: 2000 },
    );
  });
}

Deno.test("hasMember() finds a token in any case, and no part of one", () => {
  const rows: [value: string | null | undefined, token: string, found: boolean][] = [
    ["close", "close", true],
    ["CLOSE", "close", true],
    ["close", "CLOSE", true],
    ["keep-alive, Upgrade", "upgrade", true],
    ["a,\tclose ,b", "close", true],
    ["x-close", "close", false],
    ["close-x", "close", false],
    ["close x", "close", false],
    ["close;q=1", "close", false],
    ['"a, close, b"', "close", false],
    ["\u00a0close\u00a0", "close", false],
    ["\u212aeep-alive", "keep-alive", false],
    ["clo\u017fe", "close", false],
    // The codes of these differ from those of letters by 0x20.
    ["@", "`", false],
    ["[", "{", false],
    ["", "close", false],
    [null, "close", false],
    [undefined, "close", false],
  ];
  for (const [value, token, found] of rows) {
    assertEquals(hasMember(value, token), found, `${value}`);
  }
});

Deno.test("hasMember() agrees with parseList()", () => {
  const text = fc.string({ unit: fc.constantFrom(...'aAbB,,"" \\\t-') });
  fc.assert(
    fc.property(text, fc.constantFrom("a", "ab", "a-b"), (value, token) => {
      const found = parseList(value).some((member) => member.toLowerCase() === token);
      assertEquals(hasMember(value, token), found, value);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("parseParameters() reads names in any case, and values with and without quotes", () => {
  const rows: [value: string, front: string, parameters: [string, string][]][] = [
    ["", "", []],
    ["text/plain", "text/plain", []],
    ["text/plain;charset=utf-8", "text/plain", [["charset", "utf-8"]]],
    ["text/plain ; Charset = utf-8\t; x=1", "text/plain", [["charset", "utf-8"], ["x", "1"]]],
    ['a;b="c;d"', "a", [["b", "c;d"]]],
    [String.raw`a;b="c\"d\\e"`, "a", [["b", String.raw`c"d\e`]]],
    ["a;b=1;b=2", "a", [["b", "1"]]],
    ["a;b=", "a", [["b", ""]]],
    ['a;b=""', "a", [["b", ""]]],
    ["a;;=x;b;c=d", "a", [["c", "d"]]],
    [";b=c", "", [["b", "c"]]],
    ['a;b="', "a", [["b", '"']]],
    ['a;b="c"d;e=f', "a", [["b", '"c"d'], ["e", "f"]]],
    ['a;b="c"d"', "a", [["b", '"c"d"']]],
    ['a;b="c;d"e;f="g;h"', "a", [["b", '"c'], ["f", "g;h"]]],
    ["a;\u00a0b=\u00a0c", "a", [["\u00a0b", "\u00a0c"]]],
    ["a;\u212a=c", "a", [["\u212a", "c"]]],
  ];
  for (const [given, front, expected] of rows) {
    const { value, parameters } = parseParameters(given);
    assertEquals([value, [...parameters]], [front, expected], given);
  }
});

Deno.test("parseWeights() sorts by weight, and skips what is malformed", () => {
  const weights = (value: string) =>
    parseWeights(value).map(({ value, weight }) => `${value} ${weight}`);
  assertEquals(weights("a;q=0.5, b, c;Q=0.501, d;x=1;q=1.000"), [
    ...["b 1", "d 1", "c 0.501", "a 0.5"],
  ]);
  assertEquals(weights("a;q=0, *;q=0.000"), ["a 0", "* 0"]);
  const malformed = ["", "2", "1.001", "-1", "0.1234", "1e0", "0x1", ".5", " ", "NaN", "q"];
  assertEquals(weights(malformed.map((weight) => `a;q=${weight}`).join()), []);
  assertEquals(weights(", ;q=1, a"), ["a 1"]);
});
