import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { dirname, join } from "node:path/posix";
import { renderSite, writeSite } from "../.tasks/docs_site.ts";
import { readNavigation, sectionId } from "../.tasks/docs_site/links.ts";
import { linkToSite } from "../.tasks/docs_site/reference.ts";
import { renderPage } from "../.tasks/docs_site/page.ts";
import { namesIn, temporaryFolder } from "./_support/repository.ts";

/** The paths of all files below a folder. */
function filesBelow(folder: string, path = ""): string[] {
  return Array.from(Deno.readDirSync(`${folder}/${path}`)).flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(folder, `${path}${name}/`) : [`${path}${name}`]
  );
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Decodes the references to characters that the pages use. */
function unescape(text: string): string {
  return text.replace(/&#x([0-9A-F]+);/gi, (_, code) => String.fromCodePoint(parseInt(code, 16)))
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code))).replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&");
}

/** The links of a page of HTML, without those to other sites. */
function linksOf(html: string): string[] {
  return Array.from(
    html.matchAll(/\s(?:href|src)="([^"]*)"/g),
    ([, link]) => link!,
  ).filter((link) => !/^(https?|mailto|data|javascript):|^#?$/.test(link));
}

Deno.test("the site has every page, and each of its links leads to a file and a section of it", async (t) => {
  await using folder = await temporaryFolder();
  const site = `${folder.path}/site`;
  // Two small modules stand for the reference, which takes the most time.
  await writeSite(site, ["./net/address", "./net/text"]);
  const files = new Set(filesBelow(site));
  const read = (path: string) => unescape(Deno.readTextFileSync(`${site}/${path}`));

  await t.step("every page of the documentation", () => {
    const pages = ["docs", "docs/guides"].flatMap((folder) =>
      namesIn(folder).filter((name) => name.endsWith(".md")).map((name) => `${folder}/${name}`)
    ).filter((page) => page !== "docs/README.md");
    for (const page of pages) assert(files.has(page.replace(/\.md$/, ".html")), page);
    for (const page of ["index.html", "docs/index.html", "README.zh-CN.html", "docs/chat.png"]) {
      assert(files.has(page), page);
    }
  });

  await t.step("every link", () => {
    const texts = new Map<string, string>();
    const textOf = (path: string) => {
      const text = texts.get(path) ?? read(path);
      texts.set(path, text);
      return text;
    };
    let checked = 0;
    for (const page of [...files].filter((file) => file.endsWith(".html"))) {
      for (const link of linksOf(textOf(page))) {
        const [path = "", section = ""] = link.split("#").map(decodeURIComponent);
        const target = path === "" ? page : join(dirname(page), path);
        assert(files.has(target), `${page} links to ${target}, which does not exist`);
        const found = section === "" || textOf(target).includes(`id="${section}"`);
        assert(found, `${page} links to ${link}`);
        checked++;
      }
    }
    assert(checked > 500, `only ${checked} links were found`);
  });

  await t.step("links between the pages and the reference", () => {
    assert(linksOf(read("docs/modules.html")).includes("../api/net/text/index.html"));
    assert(linksOf(read("api/net/text/index.html")).includes("../../../index.html"));
    const symbol = read("api/net/text/~/parseDigits.html");
    assert(linksOf(symbol).includes("../../../../net/text.ts.html"));
    assert(!symbol.includes("file:"), "a page names a path of this machine");
    assertStringIncludes(symbol, 'import { parseDigits } from "@portside/kit/net/text";');
  });
});

Deno.test("a link to a file or a section that does not exist is an error that names both ends", async () => {
  const site = (readme: string) =>
    renderSite((path) => {
      if (path.startsWith("docs/")) return Promise.resolve(encode("# Pages\n"));
      return path === "README.md" ? Promise.resolve(encode(readme)) : Promise.reject(new Error());
    });
  assertEquals([...(await site("# A\n\n[a](#a) [b](docs/b.md)")).keys()].toSorted(), [
    "docs/b.html",
    "index.html",
    "style.css",
  ]);
  for (
    const [text, message] of [
      ["[a](b.md)", "README.md links to a file that does not exist: b.md"],
      ['<img src="b.png">', "README.md links to a file that does not exist: b.png"],
      ["[a](#b)", "README.md links to a section that does not exist: README.md#b"],
      ["[a](docs/b.md#c)", "README.md links to a section that does not exist: docs/b.md#c"],
    ] as const
  ) await assertRejects(() => site(`# A\n\n${text}\n`), TypeError, message);
});

Deno.test("a page of the reference has links that work from a disk, and imports that work in a program", () => {
  const sources = new Set<string>();
  const html = linkToSite(
    "api/~/Connection.html",
    `<li>\n <a href="..&#x2F;" class="contextLink">@portside&#x2F;kit</a> <a href="..&#x2F;">default</a>
import { Connection } from &quot;.&quot;; import { a } from &quot;net/tcp&quot;; from &quot;other&quot;;
<a href="${new URL("../net/text.ts", import.meta.url).href.replaceAll("/", "&#x2F;")}">`,
    sources,
  );
  assertEquals(linksOf(html), [
    "../../index.html",
    "../../docs/modules.html",
    "..&#x2F;index.html",
    "../../net/text.ts.html",
  ]);
  assertEquals([...sources], ["net/text.ts"]);
  assertStringIncludes(html, "{ Connection } from &quot;@portside/kit&quot;;");
  assertStringIncludes(
    html,
    "{ a } from &quot;@portside/kit/net/tcp&quot;; from &quot;other&quot;;",
  );
});

Deno.test("a section has the id that GitHub gives it", () => {
  assertEquals(sectionId("What `it` is, and why?"), "what-it-is-and-why");
  assertEquals(sectionId("为什么连不上？"), "为什么连不上");
  assertEquals(sectionId("POP3 & IMAP"), "pop3--imap");
});

Deno.test("a page points its links to the pages of the site and keeps the others", () => {
  const source = "docs/guides/a.md";
  const navigation = readNavigation("docs/README.md", "# Pages\n\n| [A](guides/a.md) | why |\n");
  const { html, links, sections } = renderPage(
    source,
    "# A & B\n\n## One\n\n## One\n\n[x](../../README.md#run-it) [y](https://a.test/z.md) [z](#one)\n\n" +
      '<img src="../chat.png" alt="">\n\n| a |\n| - |\n| b |\n',
    navigation,
  );
  assertEquals(links, [
    { path: "README.md", section: "run-it" },
    { path: source, section: "one" },
    { path: "docs/chat.png", section: "" },
  ]);
  assertEquals([...sections], ["a--b", "one", "one-1"]);
  for (
    const part of [
      "<title>A &amp; B – Portside</title>",
      '<a href="../../index.html#run-it">x</a>',
      '<a href="https://a.test/z.md">y</a>',
      '<a href="a.html#one">z</a>',
      '<a href="a.html" aria-current="page">A</a><ul>',
      '<link rel="stylesheet" href="../../style.css">',
      '<div class="table" tabindex="0"><table>',
    ]
  ) assertStringIncludes(html, part);
});
