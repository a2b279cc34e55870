/**
 * Writes a static site of the documentation to `site/`: the pages of Markdown, the files that they link
 * to, and the reference of everything that is exported, in `site/api/`.
 *
 * ```sh
 * deno task docs:site
 * ```
 *
 * The site begins with README.md. A page is part of it if another page links to it. All links are relative,
 * so that the site works in any folder of a web server, and from a disk.
 *
 * @module
 */

import { dirname } from "node:path/posix";
import config from "../deno.json" with { type: "json" };
import { type Link, type Navigation, outputOf, readNavigation } from "./docs_site/links.ts";
import { renderPage, renderSource } from "./docs_site/page.ts";
import { writeReference } from "./docs_site/reference.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const STYLE = new URL("docs_site/style.css", import.meta.url);

/**
 * Writes the site.
 *
 * @param folder The folder of the site. It is created, and files in it are replaced.
 * @param subpaths The exports in the reference, as in `deno.json`.
 * @throws {TypeError} If a page links to a file or a section that does not exist.
 */
export async function writeSite(folder: string, subpaths: readonly string[]): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const sources = await writeReference(folder, subpaths);
  // The package itself is "", a subpath such as "net/tcp".
  const modules = new Set(subpaths.map((subpath) => subpath.slice(2)));
  for (const [path, content] of await renderSite(Deno.readFile, { modules, sources })) {
    await Deno.mkdir(`${folder}/${dirname(path)}`, { recursive: true });
    await Deno.writeFile(`${folder}/${path}`, content);
  }
}

/**
 * Renders README.md and everything that it leads to, without the reference.
 *
 * @param read Reads a file of the repository.
 * @param reference The modules in the reference, such as "net/tcp", whose names become links to it, and the
 * files that it links to.
 * @returns The files of the site: path to bytes.
 * @throws {TypeError} If a page links to a file or a section that does not exist.
 */
export async function renderSite(
  read: (path: string) => Promise<Bytes>,
  reference: { modules?: ReadonlySet<string>; sources?: ReadonlySet<string> } = {},
): Promise<Map<string, Bytes>> {
  const encoder = new TextEncoder();
  const files = new Map([["style.css", await Deno.readFile(STYLE)]]);
  const navigation = await readNavigations(read);
  const sections = new Map<string, ReadonlySet<string>>();
  const links: (Link & { readonly from: string })[] = [];
  const waiting = ["README.md", ...reference.sources ?? []].map((path) => ({
    path,
    from: "the site",
  }));
  for (let next; (next = waiting.pop()) !== undefined;) {
    const { path, from } = next;
    if (files.has(outputOf(path))) continue;
    const content = await read(path).catch((cause) => {
      throw new TypeError(`${from} links to a file that does not exist: ${path}`, { cause });
    });
    const text = () => decode(content);
    if (/\.(png|svg)$/.test(path)) {
      files.set(outputOf(path), content);
    } else if (path.endsWith(".md")) {
      const page = renderPage(path, text(), navigation.get(languageOf(path))!, reference.modules);
      files.set(outputOf(path), encoder.encode(page.html));
      sections.set(path, page.sections);
      for (const link of page.links) {
        waiting.push({ path: link.path, from: path });
        if (link.section !== "") links.push({ ...link, from: path });
      }
    } else {
      const html = renderSource(path, text(), navigation.get("en")!);
      files.set(outputOf(path), encoder.encode(html));
    }
  }
  for (const { from, path, section } of links) {
    if (sections.get(path)?.has(section)) continue;
    throw new TypeError(`${from} links to a section that does not exist: ${path}#${section}`);
  }
  return files;
}

function languageOf(path: string): "en" | "zh-CN" {
  return path.endsWith(".zh-CN.md") ? "zh-CN" : "en";
}

/** Reads the navigation of both languages. */
async function readNavigations(
  read: (path: string) => Promise<Bytes>,
): Promise<Map<string, Navigation>> {
  const navigations = new Map<string, Navigation>();
  for (const page of ["docs/README.md", "docs/README.zh-CN.md"]) {
    navigations.set(languageOf(page), readNavigation(page, decode(await read(page))));
  }
  return navigations;
}

function decode(bytes: Bytes): string {
  return new TextDecoder().decode(bytes);
}

if (import.meta.main) {
  await writeSite("site", Object.keys(config.exports));
  console.log("The site begins with site/index.html");
}
