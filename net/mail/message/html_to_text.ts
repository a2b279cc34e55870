/**
 * The text of an HTML body, for messages that have no other text.
 *
 * @example Entities and comments
 * ```ts
 * import { htmlToText } from "@portside/kit/net/mail-message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(htmlToText("<p>5&nbsp;&euro;<!-- a > b --></p><ul><li>tea</ul>"), "5 €\n\n * tea");
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { compile } from "npm:html-to-text@10.0.1";
import { Parser } from "npm:htmlparser2@10.1.0";
import { count, OptionRules } from "../../internal/options.ts";

/** Options of {@linkcode htmlToText}. */
export interface HtmlToTextOptions {
  /**
   * Maximum length of the HTML and of the text in characters. Infinity lifts it.
   *
   * @default 1048576
   */
  maxLength?: number;
}

/** An element, as the formatters of html-to-text see it. */
interface Element {
  readonly attribs?: Readonly<Record<string, string>>;
  readonly children: readonly unknown[];
}

/** The text under construction, as the formatters of html-to-text see it. */
interface Builder {
  addInline(text: string): void;
}

type Walk = (children: readonly unknown[], builder: Builder) => void;

const RULES = new OptionRules<HtmlToTextOptions>({ maxLength: count });

const MAX_LENGTH = 1024 * 1024;
/** Most elements that are within one another. The cost of the libraries is quadratic in this number. */
const MAX_DEPTH = 100;
/** Most elements. A large newsletter has 5000. */
const MAX_ELEMENTS = 20_000;

const convert: (html: string) => string = compile({
  wordwrap: false,
  limits: { maxInputLength: Infinity },
  formatters: {
    cell(element: Element, walk: Walk, builder: Builder) {
      walk(element.children, builder);
      builder.addInline(" ");
    },
    replacement: (element: Element, _walk: Walk, builder: Builder) =>
      builder.addInline(element.attribs?.alt ?? ""),
  },
  selectors: [
    { selector: "a", options: { hideLinkHrefIfSameAsText: true, linkBrackets: ["<", ">"] } },
    { selector: "img", format: "replacement" },
    { selector: "title", format: "skip" },
    { selector: "tr", format: "block", options: { leadingLineBreaks: 1, trailingLineBreaks: 1 } },
    ...["td", "th"].map((selector) => ({ selector, format: "cell" })),
    ...["h1", "h2", "h3", "h4", "h5", "h6"].map((selector) => ({
      selector,
      options: { uppercase: false },
    })),
  ],
});

/**
 * Returns the text of HTML: paragraphs, lists, quotes, the targets of links, and the alternative texts of
 * images. Scripts, styles and comments are left out. The cost is bounded: an ellipsis replaces the text
 * after `maxLength`, after 20,000 elements, and where more than 100 elements are within one another.
 *
 * @param html The HTML, which may be invalid.
 * @param options The size limit of the HTML and the text.
 * @returns The text, with LF line endings. It may contain control characters.
 * @throws {TypeError | RangeError} If an option is unknown or invalid.
 */
export function htmlToText(html: string, options: HtmlToTextOptions = {}): string {
  const { maxLength = MAX_LENGTH } = RULES.check("htmlToText", options);
  const end = endOfUsable(html, maxLength);
  const lines = convert(html.slice(0, end)).replaceAll("\u00a0", " ").split("\n");
  const text = lines.map((line) => line.trimEnd()).join("\n").replace(/^\n+|\n+$/g, "");
  const isWhole = end === html.length && text.length <= maxLength;
  return isWhole ? text : `${text.slice(0, maxLength)}\n…`;
}

/** Returns the position up to which HTML is within the limits. */
function endOfUsable(html: string, maxLength: number): number {
  let end = Math.min(html.length, maxLength);
  let depth = 0;
  let elements = 0;
  const parser = new Parser({
    onopentag() {
      if (++depth <= MAX_DEPTH && ++elements <= MAX_ELEMENTS) return;
      end = Math.min(end, parser.startIndex);
      parser.reset();
    },
    onclosetag() {
      depth--;
    },
  }, { decodeEntities: false });
  parser.end(html.slice(0, end));
  return end;
}
