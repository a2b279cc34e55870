/** The reference of the exports, as `deno doc` writes it, with links to the pages of the site. @module */

import { dirname } from "node:path/posix";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { outputOf, REFERENCE, relativeTo } from "./links.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const EXPORTS: Readonly<Record<string, string>> = config.exports;

/** The link to the start of the reference, at the top of each of its pages. */
const START = /<li>\s*<a href="([^"]*)" class="contextLink">@portside&#x2F;kit<\/a>/;

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

/** Adds a link to the site to a page, and points the links to sources to pages of the site. */
function linkToSite(page: string, html: string, sources: Set<string>): string {
  return html.replace(
    START,
    () =>
      `<li><a href="${relativeTo(page, "index.html")}" class="contextLink">Portside</a> ·
<a href="${relativeTo(page, REFERENCE)}" class="contextLink">Reference</a>`,
  )
    .replace(SOURCE, (_, link) => {
      const url = new URL(link.replaceAll("&#x2F;", "/"));
      const source = relative(ROOT, fileURLToPath(url)).replaceAll("\\", "/");
      sources.add(source);
      return `href="${relativeTo(page, outputOf(source))}"`;
    });
}
