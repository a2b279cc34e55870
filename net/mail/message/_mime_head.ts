/** The header of a message or of one of its parts (RFC 5322 §2.2, RFC 2045 §5). Pure. */

import { lowerAscii, trimBlanks } from "../../text.ts";
import { decodeCharset, decodeUnlabelled } from "../charset.ts";
import { decodeEncodedWords, decodeParameters } from "../encoded_words.ts";
import type { MailHeader } from "./options.ts";

/** The fields of a header, and those that describe the part after it. */
export interface MimeHead {
  /** All fields in their order. Encoded words are not decoded. */
  readonly fields: readonly MailHeader[];
  /** The media type in lower case. */
  readonly type: string;
  /** The parameters of the media type. The names are in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The transfer encoding in lower case. */
  readonly encoding: string;
  /** The disposition in lower case. */
  readonly disposition: string | undefined;
  readonly filename: string | undefined;
  readonly contentId: string | undefined;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a header.
 *
 * @param bytes The header, without the empty line after it.
 * @param usual The media type of a part that names none.
 */
export function parseMimeHead(bytes: Uint8Array, usual: string): MimeHead {
  const fields = fieldsOf(textOf(bytes));
  const find = (name: string) => fields.find((field) => lowerAscii(field.name) === name)?.value;
  const given = parseValue(find("content-type") ?? "");
  const { value: disposition, parameters: more } = parseValue(find("content-disposition") ?? "");
  const filename = more.get("filename") || given.parameters.get("name");
  const [encoding = ""] = lowerAscii(withoutComments(find("content-transfer-encoding") ?? ""))
    .match(/[\w-]+/) ?? [];
  const invalid = filename === undefined ? "text/plain" : "application/octet-stream";
  const id = trimBlanks(find("content-id") ?? "").replace(/^<|>$/g, "");
  return {
    fields,
    type: given.value === "" ? usual : given.value.includes("/") ? given.value : invalid,
    parameters: given.parameters,
    encoding,
    disposition: disposition || undefined,
    filename: filename && decodeEncodedWords(filename),
    contentId: id || undefined,
  };
}

/** `charset=NAME`, in a header. */
const CHARSET = /charset\s*=\s*"?([\w.:-]+)/i;

/** Returns the text of a header: UTF-8 (RFC 6532), or else in the charset that it names. */
function textOf(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    const plain = decodeUnlabelled(bytes)!;
    const [, charset = ""] = CHARSET.exec(plain) ?? [];
    const isNamed = decodeUnlabelled(bytes, charset) === undefined && !/^utf-?8$/i.test(charset);
    return (isNamed ? decodeCharset(bytes, charset) : undefined) ?? plain;
  }
}

/** Returns the fields of a header, each unfolded (RFC 5322 §2.2.3). */
function fieldsOf(text: string): MailHeader[] {
  const lines: string[][] = [];
  for (const line of text.split("\n")) {
    if (/^[ \t]/.test(line) && lines.length > 0) lines.at(-1)!.push(withoutBreaks(line));
    else if (withoutBreaks(line) !== "") lines.push([withoutBreaks(line)]);
  }
  return lines.map((folded) => {
    const line = folded.join("");
    const colon = line.indexOf(":");
    const name = trimBlanks(colon === -1 ? line : line.slice(0, colon));
    // A CR alone would be a line break for whoever writes the value.
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/\r+/g, " ");
    return { name, value: trimBlanks(value) };
  });
}

function withoutBreaks(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === "\r") end--;
  return line.slice(0, end);
}

/** Reads a value with parameters. Of two parameters with the same name, the first one counts. */
function parseValue(text: string): { value: string; parameters: Map<string, string> } {
  const [first = "", ...rest] = pieces(withoutComments(text));
  const given = new Map<string, string>();
  for (const piece of rest) {
    const at = piece.indexOf("=");
    const name = lowerAscii(trimBlanks(at === -1 ? piece : piece.slice(0, at)));
    if (name === "" || given.has(name)) continue;
    given.set(name, at === -1 ? "" : unquoted(trimBlanks(piece.slice(at + 1))));
  }
  return { value: lowerAscii(unquoted(trimBlanks(first))), parameters: decodeParameters(given) };
}

/** Splits a text at the semicolons outside of quotes. */
function pieces(text: string): string[] {
  const found: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (isQuoted && character === "\\") i++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (character === ";" && !isQuoted) {
      found.push(text.slice(start, i));
      start = i + 1;
    }
  }
  found.push(text.slice(start));
  return found;
}

/** Returns a quoted string without its quotes. What follows the quotes is left out. */
function unquoted(text: string): string {
  if (!text.startsWith('"')) return text;
  let value = "";
  for (let i = 1; i < text.length && text[i] !== '"'; i++) {
    if (text[i] === "\\") i++;
    value += text[i] ?? "";
  }
  return value;
}

/**
 * Removes comments (RFC 5322 §3.2.2). Within a parameter, a comment begins after a blank only, because
 * `filename=a(1).pdf` has none. A parenthesis that is not closed is no comment.
 */
function withoutComments(text: string): string {
  if (!text.includes("(")) return text;
  let kept = "";
  let depth = 0;
  let isQuoted = false;
  let isValue = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    const before = i === 0 ? " " : text[i - 1]!;
    if (character === "\\") {
      if (depth === 0) kept += text.slice(i, i + 2);
      i++;
      continue;
    }
    if (character === '"' && depth === 0) isQuoted = !isQuoted;
    else if (!isQuoted && depth === 0 && (character === "=" || character === ";")) {
      isValue = character === "=";
    }
    const begins = character === "(" && !isQuoted &&
      (depth > 0 || !isValue || before === " " || before === "\t" || before === ")");
    if (begins) depth++;
    else if (character === ")" && depth > 0) depth--;
    else if (depth === 0) kept += character;
  }
  return depth === 0 ? kept : text;
}
