/** The reference of the exports, as `deno doc` writes it, with links to the pages of the site. @module */

import { dirname } from "node:path/posix";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { MODULES, outputOf, REFERENCE, relativeTo } from "./links.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const EXPORTS: Readonly<Record<string, string>> = config.exports;

/** The link to the start of the reference, at the top of each of its pages. */
const START = /<li>\s*<a href="([^"]*)" class="contextLink">@portside&#x2F;kit<\/a>/;

/** An import in the usage of a symbol, which names the subpath alone. */
const USAGE = /(?<=import [^;&]* from &quot;)(\.|[a-z][a-z0-9/-]*)(?=&quot;;)/g;

/** The head of a page on a phone: the way back stands above the search. */
const NARROW = `
@media (max-width: 48rem) {
  #topnav { height: auto; position: static }
  #topnav > div { flex-wrap: wrap; gap: 0.5rem }
}
`;

/** A link to a folder above, which a web server answers with its index, and a disk does not. */
const FOLDER = /href="((?:\.\.&#x2F;)+)"/g;

/** The link from a symbol to its source, which is a path of this machine. */
const SOURCE = /href="(file:[^"]*)"/g;

/**
 * Writes the reference to the folder `api` of a site.
 *
 * @param site The folder of the site.
 * @param subpaths The exports, as in `deno.json`.
 * @returns The files of the repository that the reference links to.
 */
export async function writeReference(
  site: string,
  subpaths: readonly string[],
): Promise<Set<string>> {
  const folder = dirname(REFERENCE);
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "doc",
      "-q",
      "--lock=deno.lock",
      "--html",
      `--name=${config.name}`,
      `--output=${site}/${folder}`,
      ...subpaths.map((subpath) => EXPORTS[subpath]!),
    ],
    stdout: "null",
  }).output();
  if (code !== 0) throw new Error(`deno doc failed: ${new TextDecoder().decode(stderr)}`);
  const sources = new Set<string>();
  for (const page of await pagesBelow(site, folder)) {
    const html = await Deno.readTextFile(`${site}/${page}`);
    await Deno.writeTextFile(`${site}/${page}`, linkToSite(page, html, sources));
  }
  await Deno.writeTextFile(`${site}/${folder}/page.css`, NARROW, { append: true });
  return sources;
}

async function pagesBelow(site: string, folder: string): Promise<string[]> {
  const pages: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${site}/${folder}`)) {
    if (isDirectory) pages.push(...await pagesBelow(site, `${folder}/${name}`));
    else if (name.endsWith(".html")) pages.push(`${folder}/${name}`);
  }
  return pages;
}

/**
 * Adds links to the site to a page, and corrects what only this machine and `deno doc` understand.
 *
 * @param page The path of the page in the site.
 * @param html The text that `deno doc` has written.
 * @param sources Gets the files of the repository that the page links to.
 */
export function linkToSite(page: string, html: string, sources: Set<string>): string {
  const modules = outputOf(MODULES);
  return html.replace(
    START,
    () =>
      `<li><a href="${relativeTo(page, "index.html")}" class="contextLink">Portside</a> ·
<a href="${relativeTo(page, modules)}" class="contextLink">Modules</a>`,
  )
    .replace(FOLDER, 'href="$1index.html"')
    .replace(USAGE, (subpath) => {
      if (subpath === ".") return config.name;
      return `./${subpath}` in EXPORTS ? `${config.name}/${subpath}` : subpath;
    })
    .replace(SOURCE, (_, link) => {
      const url = new URL(link.replaceAll("&#x2F;", "/"));
      const source = relative(ROOT, fileURLToPath(url)).replaceAll("\\", "/");
      sources.add(source);
      return `href="${relativeTo(page, outputOf(source))}"`;
    });
}
