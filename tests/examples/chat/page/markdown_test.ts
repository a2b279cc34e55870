import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { parseText } from "../../../../examples/chat/page/markdown.js";

type Part = string | { link: string; href: string } | {
  style: string;
  title?: string;
  parts: Part[];
};
const parse = parseText as (text: string) => Part[];

/** Returns the characters of all parts. */
function textOf(parts: Part[]): string {
  return parts.map((part) => {
    if (typeof part === "string") return part;
    return "link" in part ? part.link : (part.title ?? "") + textOf(part.parts);
  }).join("");
}

Deno.test("parseText() knows emphasis, strokes and code", () => {
  assertEquals(parse("a **b** *c* _d_ ~~e~~ `f`"), [
    "a ",
    { style: "strong", parts: ["b"] },
    " ",
    { style: "em", parts: ["c"] },
    " ",
    { style: "em", parts: ["d"] },
    " ",
    { style: "strike", parts: ["e"] },
    " ",
    { style: "code", parts: ["f"] },
  ]);
});

Deno.test("parseText() leaves underscores of names, escapes, entities and HTML alone", () => {
  for (
    const text of [
      "__proto__ constructor",
      "snake_case_name",
      "C:\\dir\\sub",
      "&lt;b&gt;&#60;",
      "<b>x</b>",
      "# no heading",
      "> no quote",
      "- no list",
      "[title](x)",
      "2 * 3 * 4",
    ]
  ) {
    assertEquals(textOf(parse(text)), text);
    assert(parse(text).every((part) => typeof part === "string"), text);
  }
});

Deno.test("parseText() keeps lines and indentation, also in blocks of code", () => {
  const text = "  first *x*\n\n    second\n```ts\n  let y = `z`;\n```\nthird";
  assertEquals(parse(text), [
    "  first ",
    { style: "em", parts: ["x"] },
    "\n\n    second\n",
    { style: "block", title: "ts", parts: ["  let y = `z`;"] },
    "third",
  ]);
});

Deno.test("parseText() finds addresses in emphasis and in code, and no emphasis in addresses", () => {
  const link = { link: "https://a.example/_x_*y*", href: "https://a.example/_x_*y*" };
  assertEquals(parse(`**${link.link}/z**`), [{
    style: "strong",
    parts: [{ link: `${link.link}/z`, href: `${link.href}/z` }],
  }]);
  assertEquals(parse("`https://a.example/x`"), [{
    style: "code",
    parts: [{ link: "https://a.example/x", href: "https://a.example/x" }],
  }]);
});

Deno.test("parseText() loses no word of any text", () => {
  const words = fc.constantFrom(
    "a",
    "*",
    "**",
    "_",
    "__",
    "`",
    "~~",
    "```",
    "\n",
    " ",
    "https://b.example/",
  );
  const text = fc.array(words, { maxLength: 40 }).map((all) => all.join(""));
  fc.assert(
    fc.property(text, (source) => {
      const letters = (all: string) => all.replace(/[^a-z]/g, "");
      assertEquals(letters(textOf(parse(source))), letters(source));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("parseText() shows private-use characters and long texts as they are", () => {
  const held = "https://a.example/ \u{F0000} **x**";
  assert(textOf(parse(held)).includes("\u{F0000}"));
  const long = "*a* ".repeat(10_000);
  assertEquals(parse(long), [long]);
});

Deno.test("parseText() nests styles no deeper than a page can show", () => {
  const depthOf = (parts: Part[]): number => {
    let [deepest, level] = [0, parts];
    for (; level.length > 0; deepest++) {
      level = level.flatMap((part) =>
        typeof part === "object" && "parts" in part ? part.parts : []
      );
    }
    return deepest;
  };
  const text = `${"*a ".repeat(600)}b${"c*".repeat(600)}`;
  const parts = parse(text);
  assert(depthOf(parts) > 5 && depthOf(parts) < 20, `${depthOf(parts)}`);
  // The asterisks of the styles that are too deep stay, and so do all letters.
  assertEquals(textOf(parts).match(/\*/g)?.length, 2 * (600 - (depthOf(parts) - 1)));
  assertEquals(textOf(parts).replaceAll("*", ""), text.replaceAll("*", ""));
});
