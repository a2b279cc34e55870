/** The pages of the site as HTML. Pure. @module */

import { dirname, join } from "node:path/posix";
import MarkdownIt, { type Token } from "markdown-it";
import {
  type Link,
  MODULES,
  type Navigation,
  outputOf,
  REFERENCE,
  relativeTo,
  sectionId,
  targetOf,
} from "./links.ts";

/** A page of Markdown as HTML. */
export interface Page {
  readonly html: string;
  /** The ids of its headings. */
  readonly sections: ReadonlySet<string>;
  /** Its links to files of the repository. */
  readonly links: readonly Link[];
}

/** A heading of the second level, for the navigation. */
interface Section {
  readonly id: string;
  readonly title: string;
}

// The pages are files of this repository, so the HTML in them is our own.
const parser = new MarkdownIt({ html: true });
const { escapeHtml } = parser.utils;

/** Code that may be the name of a module, and is no link already. */
const MODULE = /(?<!<a [^>]*>)<code>(?:@portside\/kit\/?)?([a-z0-9/-]*)<\/code>/g;

/**
 * Renders a page of Markdown.
 *
 * @param source The path of the page in the repository.
 * @param markdown The text of the page.
 * @param navigation The pages that it shows beside its text.
 * @param modules The modules in the reference. Their names become links to it.
 */
export function renderPage(
  source: string,
  markdown: string,
  navigation: Navigation,
  modules: ReadonlySet<string> = new Set(),
): Page {
  const tokens = parser.parse(markdown, {});
  const links = rewriteLinks(source, tokens);
  const { title, ids, sections } = nameSections(tokens);
  const body = parser.renderer.render(tokens, parser.options, {})
    .replace(MODULE, (code, name) => modules.has(name) ? linkToModule(source, name, code) : code)
    // A wide table scrolls by itself, so that the page does not.
    .replaceAll("<table>", '<div class="table" tabindex="0"><table>')
    .replaceAll("</table>", "</table></div>");
  const html = frame(source, title, body, pageList(source, navigation, sections));
  return { html, sections: ids, links };
}

/** Renders a file of source text. */
export function renderSource(source: string, text: string, navigation: Navigation): string {
  const body = `<h1>${escapeHtml(source)}</h1>\n<pre><code>${escapeHtml(text)}</code></pre>`;
  return frame(source, source, body, pageList(source, navigation, []));
}

function linkToModule(source: string, name: string, code: string): string {
  const path = join(dirname(REFERENCE), name, "index.html");
  return `<a href="${relativeTo(outputOf(source), path)}">${code}</a>`;
}

/** Points the links to the files of the site, and returns what they meant. */
function rewriteLinks(source: string, tokens: readonly Token[]): Link[] {
  const links: Link[] = [];
  for (const token of tokens.flatMap((token) => [token, ...token.children ?? []])) {
    const href = token.type === "link_open" ? token.attrGet("href") : token.attrGet("src");
    if (typeof href === "string" && !/^[a-z]+:/.test(href)) {
      const link = targetOf(source, href);
      links.push(link);
      if (token.type !== "link_open") continue;
      const path = relativeTo(outputOf(source), outputOf(link.path));
      token.attrSet("href", encodeURI(path) + (link.section && `#${encodeURI(link.section)}`));
    } else if (token.type.startsWith("html_")) {
      const images = token.content.matchAll(/ src="([^"]+)"/g);
      links.push(...Array.from(images, ([, src]) => targetOf(source, src!)));
    }
  }
  return links;
}

/** Gives each heading an id. */
function nameSections(tokens: readonly Token[]) {
  const ids = new Set<string>();
  const sections: Section[] = [];
  let heading = "";
  tokens.forEach((token, i) => {
    if (token.type !== "heading_open") return;
    const title = tokens[i + 1]?.children?.map(({ content }) => content).join("") ?? "";
    const wanted = sectionId(title);
    let id = wanted;
    for (let n = 1; ids.has(id); n++) id = `${wanted}-${n}`;
    ids.add(id);
    token.attrSet("id", id);
    if (token.tag === "h1") heading ||= title;
    if (token.tag === "h2") sections.push({ id, title });
  });
  return { title: heading, ids, sections };
}

/** The navigation; below the page itself, its sections. */
function pageList(source: string, navigation: Navigation, sections: readonly Section[]): string {
  const inner = sections.map(({ id, title }) =>
    `<li><a href="#${encodeURI(id)}">${escapeHtml(title)}</a></li>`
  );
  const items = navigation.map(({ title, path }) => {
    const href = relativeTo(outputOf(source), outputOf(path));
    if (path !== source) return `<li><a href="${href}">${escapeHtml(title)}</a></li>`;
    const here = `<a href="${href}" aria-current="page">${escapeHtml(title)}</a>`;
    return `<li>${here}${inner.length > 0 ? `<ul>${inner.join("")}</ul>` : ""}</li>`;
  });
  return `<ul>${items.join("\n")}</ul>`;
}

/** The frame around every page. */
function frame(source: string, title: string, body: string, pages: string): string {
  const chinese = source.endsWith(".zh-CN.md");
  const to = (path: string) => relativeTo(outputOf(source), path);
  const home = outputOf(chinese ? "README.zh-CN.md" : "README.md");
  const modules = outputOf(chinese ? MODULES.replace(/md$/, "zh-CN.md") : MODULES);
  const [contents, reference] = chinese ? ["目录", "API 参考"] : ["Contents", "Reference"];
  return `<!DOCTYPE html>
<html lang="${chinese ? "zh-CN" : "en"}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title === "Portside" ? title : `${title} – Portside`)}</title>
<link rel="stylesheet" href="${to("style.css")}">
</head>
<body>
<header>
<a class="home" href="${to(home)}">Portside</a>
<a class="contents" href="#contents">${contents}</a>
<a href="${to(modules)}">${reference}</a>
</header>
<main>
${body}
</main>
<nav id="contents" aria-label="${contents}">
${pages}
</nav>
</body>
</html>
`;
}
