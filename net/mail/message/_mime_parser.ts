/** postal-mime with the charsets of `net/mail`, and for senders that declare none. */

import PostalMime, { addressParser, type Email } from "npm:postal-mime@4.0.0";
import { joinedBytes } from "../../internal/joined_bytes.ts";
import { charsetDecoder, decodeCharset, decodeUnlabelled } from "../charset.ts";
import { decodeEncodedWords } from "../encoded_words.ts";
import type { MailAddress } from "./options.ts";

/** Most parts of a message that are within one another. */
const MAX_DEPTH = 100;

/** A part of a message, as postal-mime keeps it. */
interface Part {
  readonly contentType: { readonly parsed: { value: string; params: Record<string, string> } };
  readonly contentDisposition: { readonly parsed: { readonly value: string } };
  content: ArrayBuffer | null;
}

/** What is used of postal-mime besides its documentation. Its version is pinned. */
interface Parser {
  parse(bytes: Uint8Array): Promise<Email>;
  collectNode(part: Part, ...rest: readonly unknown[]): Promise<void>;
}

const BaseParser = PostalMime as unknown as new (options: object) => Parser;

/** Decodes texts whose charset `TextDecoder` does not have, or whose sender declares a wrong one. */
class CharsetParser extends BaseParser {
  override async collectNode(part: Part, ...rest: readonly unknown[]): Promise<void> {
    const { value, params } = part.contentType.parsed;
    const isText = /^text\/(?:plain|html)$/.test(value) &&
      part.contentDisposition.parsed.value !== "attachment";
    if (isText && part.content !== null && part.content.byteLength > 0) {
      const text = textOf(new Uint8Array(part.content), params.charset);
      if (text !== undefined) {
        part.content = new TextEncoder().encode(text).buffer;
        params.charset = "utf-8";
      }
    }
    await super.collectNode(part, ...rest);
  }
}

/** Parses a message. */
export async function parseMime(bytes: Uint8Array): Promise<Email> {
  return await new CharsetParser({ maxNestingDepth: MAX_DEPTH }).parse(withUtf8Header(bytes));
}

/** Parses the addresses of a field. The members of a group are listed one by one. */
export function parseAddresses(value: string): MailAddress[] {
  return addressParser(recodeWords(value), { flatten: true })
    .map(({ name, address = "" }) => name === "" ? { address } : { name, address });
}

/** Returns a text in a charset that postal-mime does not decode; undefined for the others. */
function textOf(bytes: Uint8Array, charset = ""): string | undefined {
  const guessed = decodeUnlabelled(bytes, charset);
  if (guessed !== undefined) return guessed;
  const decoder = charsetDecoder(charset);
  return decoder === undefined || decoder instanceof TextDecoder && decoder.encoding === charset
    ? undefined
    : decoder.decode(bytes);
}

/** `charset=NAME`, in a header. */
const CHARSET = /charset\s*=\s*"?([\w.:-]+)/i;

/** Returns a message whose header is valid UTF-8 (RFC 6532). Others are in the charset of their text. */
function withUtf8Header(bytes: Uint8Array): Uint8Array {
  const header = bytes.subarray(0, endOfHeader(bytes));
  const plain = decodeUnlabelled(header)!;
  if (plain === new TextDecoder().decode(header)) return bytes;
  const [, charset = ""] = CHARSET.exec(plain) ?? [];
  const isNamed = decodeUnlabelled(header, charset) === undefined && !/^utf-?8$/i.test(charset);
  const text = (isNamed ? decodeCharset(header, charset) : undefined) ?? plain;
  const repaired = new TextEncoder().encode(text);
  return joinedBytes<Uint8Array>([repaired, bytes.subarray(header.length)]);
}

const CR = 13, LF = 10;

/** Returns the position of the empty line after the header. */
function endOfHeader(bytes: Uint8Array): number {
  for (let at = 0; (at = bytes.indexOf(LF, at) + 1) > 0;) {
    if (bytes[at] === LF || (bytes[at] === CR && bytes[at + 1] === LF)) return at;
  }
  return bytes.length;
}

/** Encoded words, with blanks between them. */
const WORDS = /(?:=\?[^?\s]+\?[BQ]\?(?:(?!=\?(?!=))[^])*?\?=(?:[ \t]+(?==\?)|))+/gi;

/**
 * Encodes encoded words anew in UTF-8. They stay encoded while addresses are told apart, so that no comma
 * of a name separates addresses.
 */
function recodeWords(value: string): string {
  return value.replace(WORDS, (words) => {
    const text = decodeEncodedWords(words);
    if (text === words) return words;
    return `=?utf-8?B?${new TextEncoder().encode(text).toBase64()}?=`;
  });
}
