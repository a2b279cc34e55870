/** The paths of the site, and its navigation. @module */

import { dirname, join, relative } from "node:path/posix";

/** The page of the whole package in the reference, which `deno doc` writes. */
export const REFERENCE = "api/index.html";

/** The page that lists the modules of the reference. */
export const MODULES = "docs/modules.md";

/** The pages of a language in their order, each a file of the repository. */
export type Navigation = readonly { readonly title: string; readonly path: string }[];

/** A link of a page to a file of the repository. */
export interface Link {
  /** The file, from the root of the repository. */
  readonly path: string;
  /** The id of a section, or nothing. */
  readonly section: string;
}

/** Returns the path in the site of a file of the repository. */
export function outputOf(source: string): string {
  if (/\.(png|svg)$/.test(source)) return source;
  if (!source.endsWith(".md")) return `${source}.html`;
  return source.replace(/(^|\/)README\.md$/, "$1index.md").replace(/\.md$/, ".html");
}

/** Returns the link from one file of the site to another. */
export function relativeTo(from: string, to: string): string {
  return relative(dirname(from), to);
}

/** Returns what a relative link in a file of the repository means. */
export function targetOf(source: string, href: string): Link {
  const [path = "", section = ""] = href.split("#").map(decodeURIComponent);
  return { path: path === "" ? source : join(dirname(source), path), section };
}

/** Returns the id of a section, as GitHub makes it from a heading. */
export function sectionId(heading: string): string {
  return heading.toLowerCase().replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "").replaceAll(" ", "-");
}

/** Reads the navigation from a page: the page itself, and the first link of each row of its table. */
export function readNavigation(source: string, markdown: string): Navigation {
  const [, heading = ""] = /^# (.+)$/m.exec(markdown) ?? [];
  const rows = Array.from(
    markdown.matchAll(/^\| \[([^\]]+)\]\(([^)]+)\)/gm),
    ([, title = "", href = ""]) => ({ title, path: targetOf(source, href).path }),
  );
  return [{ title: heading, path: source }, ...rows];
}
