/** The text of a part: its charset (RFC 2046 §4.1.2) and its flowed lines (RFC 3676). Pure. */

import { decodeCharset, decodeUnlabelled } from "../charset.ts";

/**
 * Decodes the content of a text.
 *
 * @param bytes The content without its transfer encoding.
 * @param parameters The parameters of its media type.
 * @returns The text, with LF line endings.
 */
export function decodeText(bytes: Uint8Array, parameters: ReadonlyMap<string, string>): string {
  const charset = parameters.get("charset") ?? "";
  const text = decodeUnlabelled(bytes, charset) ?? decodeCharset(bytes, charset) ??
    decodeUnlabelled(bytes)!;
  const lines = text.replaceAll("\r\n", "\n");
  if (!/^flowed$/i.test(parameters.get("format") ?? "")) return lines;
  return unflowed(lines, /^yes$/i.test(parameters.get("delsp") ?? ""));
}

/** Joins the lines of each paragraph (RFC 3676 §4). */
function unflowed(text: string, deletesSpace: boolean): string {
  const paragraphs: string[] = [];
  let depth = -1;
  for (const line of text.split("\n")) {
    const content = line.replace(/^>+/, "");
    const quotes = line.length - content.length;
    const plain = content.startsWith(" ") ? content.slice(1) : content;
    const isFlowed = plain.endsWith(" ") && plain !== "-- ";
    const kept = isFlowed && deletesSpace ? plain.slice(0, -1) : plain;
    // The line before a signature separator ends its paragraph, and so does other quoting.
    if (quotes === depth && plain !== "-- ") paragraphs.push(paragraphs.pop()! + kept);
    else paragraphs.push(`${">".repeat(quotes)}${quotes > 0 ? " " : ""}${kept}`);
    depth = isFlowed ? quotes : -1;
  }
  return paragraphs.join("\n");
}
