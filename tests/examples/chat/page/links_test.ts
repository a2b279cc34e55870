import { assertEquals } from "@std/assert";
import { findLinks } from "../../../../examples/chat/page/links.js";

/** Returns the linked parts of a text. */
function linked(text: string): string[] {
  const links = findLinks(text) as { from: number; to: number }[];
  return links.map(({ from, to }) => text.slice(from, to));
}

Deno.test("findLinks() leaves the punctuation of the sentence outside", () => {
  for (
    const end of [".", ",", "!", "?", ":", ";", "'", "…", "。", "，", "」", "》", "”", "*", " x"]
  ) {
    assertEquals(linked(`see https://a.example/x${end}`), ["https://a.example/x"], end);
  }
  assertEquals(linked('"https://a.example/x"'), ["https://a.example/x"]);
  assertEquals(linked("看https://c.example/茶。"), ["https://c.example/茶"]);
});

Deno.test("findLinks() keeps brackets that are balanced within the address", () => {
  const planet = "https://a.example/wiki/Mercury_(planet)";
  assertEquals(linked(planet), [planet]);
  assertEquals(linked(`(see ${planet})`), [planet]);
  assertEquals(linked("[title](https://a.example/x)"), ["https://a.example/x"]);
  assertEquals(linked("https://a.example/q?a=(1)&b=[2]"), ["https://a.example/q?a=(1)&b=[2]"]);
  assertEquals(linked("https://[::1]:9080/x"), ["https://[::1]:9080/x"]);
  assertEquals(linked("https://a.example/{id}"), ["https://a.example/{id}"]);
});

Deno.test("findLinks() links web and mail addresses, and nothing else", () => {
  assertEquals(findLinks("www.a.example/x"), [{
    from: 0,
    to: 15,
    href: "https://www.a.example/x",
  }]);
  assertEquals(linked("mailto:ann@a.example."), ["mailto:ann@a.example"]);
  for (
    const text of [
      "javascript:alert(1)",
      "data:text/html,x",
      "https://",
      "http://[",
      "www.",
      "www.x",
      "xwww.a.example",
      "mailto:ann",
      "ftp://a.example/",
    ]
  ) {
    assertEquals(linked(text), [], text);
  }
});

Deno.test("findLinks() finds none among very many, which would slow the page down", () => {
  assertEquals(linked("https://a.example/ ".repeat(40)).length, 40);
  assertEquals(linked("https://a.example/ ".repeat(41)), []);
});
