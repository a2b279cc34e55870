/**
 * Charsets of mail, by the names that senders use. `TextDecoder` has those of the web. This module adds
 * UTF-7, ISO-2022-KR, HZ and the code pages of DOS, and the names that only mail programs use, such as
 * cp932, iso-2022-jp-ms and windows-31j.
 *
 * @example A name that the web does not know
 * ```ts
 * import { charsetDecoder, decodeCharset } from "@portside/kit/net/mail";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(decodeCharset(new Uint8Array([0x82, 0x61]), "cp437"), "éa");
 * assertEquals(charsetDecoder("x-nowhere"), undefined);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { StreamDecoder } from "../internal/stream_decoder.ts";
import { lowerAscii, trimBlanks } from "../text.ts";
import { CODE_PAGES } from "./_code_pages.ts";
import {
  type CharsetDecoder,
  HzDecoder,
  Iso2022KrDecoder,
  Utf7Decoder,
} from "./_stateful_charsets.ts";

export type { CharsetDecoder } from "./_stateful_charsets.ts";

/** Names that neither `TextDecoder` nor a rule of {@linkcode charsetDecoder} knows: no separators. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ...[
    "iso2022jp",
    "iso2022jp1",
    "iso2022jp2",
    "iso2022jp3",
    "iso2022jpms",
    "iso2022jp2004",
    "jis",
    "jis7",
  ]
    .map((name) => [name, "iso-2022-jp"] as const),
  ...["sjiswin", "sjis2004", "shiftjis", "windows31j", "mskanji"]
    .map((name) => [name, "shift_jis"] as const),
  ...["ujis", "eucjp", "eucjpms", "eucjpwin"].map((name) => [name, "euc-jp"] as const),
  ...["uhc", "euckr", "ksc5601", "ksc56011987", "ksx1001"].map((name) => [name, "euc-kr"] as const),
  ...["gb2312", "gb231280", "euccn", "gbk"].map((name) => [name, "gbk"] as const),
  ...["big5hkscs", "big5", "euctw"].map((name) => [name, "big5"] as const),
  ...["tis620", "thai", "iso885911"].map((name) => [name, "windows-874"] as const),
  ...["utf8mb4", "utf8mb3", "utf8"].map((name) => [name, "utf-8"] as const),
  ...["ansi", "ascii7", "iso646us", "usascii7"].map((name) => [name, "windows-1252"] as const),
  ["latin0", "iso-8859-15"],
  ["latin9", "iso-8859-15"],
  ["utf7", "utf-7"],
  ["unicode11utf7", "utf-7"],
  ["iso2022kr", "iso-2022-kr"],
  ["hz", "hz-gb-2312"],
  ["hzgb2312", "hz-gb-2312"],
  ["pc8codepage437", "437"],
  ["pc850multilingual", "850"],
]);

/** Charsets by the number that Windows and IBM give them. */
const NUMBERS: ReadonlyMap<string, string> = new Map([
  ...["932", "942", "943", "31j"].map((page) => [page, "shift_jis"] as const),
  ...["936", "1386", "51936"].map((page) => [page, "gbk"] as const),
  ...["949", "970", "51949"].map((page) => [page, "euc-kr"] as const),
  ...["50220", "50221", "50222"].map((page) => [page, "iso-2022-jp"] as const),
  ["950", "big5"],
  ["874", "windows-874"],
  ["866", "ibm866"],
  ["819", "windows-1252"],
  ["1200", "utf-16le"],
  ["1201", "utf-16be"],
  ["10000", "macintosh"],
  ["20127", "windows-1252"],
  ["20866", "koi8-r"],
  ["21866", "koi8-u"],
  ["50225", "iso-2022-kr"],
  ["51932", "euc-jp"],
  ["52936", "hz-gb-2312"],
  ["54936", "gb18030"],
  ["65000", "utf-7"],
  ["65001", "utf-8"],
]);

/** Code pages whose table this module has, or that `TextDecoder` has by the name of Windows. */
const NUMBERED = /^(?:cp|ibm|windows|win|ms|dos|oem|ansi|codepage|ccsid)?0*(\d{3,5}|31j)$/;

/**
 * Returns a decoder for a charset, by the name in a header.
 *
 * @param name The name, in any case. Prefixes such as `x-` and other separators are accepted.
 * @returns A decoder for one text; undefined if the charset is unknown.
 */
export function charsetDecoder(name: string): CharsetDecoder | undefined {
  const label = trimBlanks(lowerAscii(name.slice(0, MAX_NAME)));
  return own(label) ?? native(label) ?? byAlias(label);
}

/**
 * Decodes a text in memory.
 *
 * @param bytes The bytes of the text.
 * @param name The name of the charset, as for {@linkcode charsetDecoder}.
 * @returns The text; undefined if the charset is unknown.
 */
export function decodeCharset(bytes: Uint8Array, name: string): string | undefined {
  return charsetDecoder(name)?.decode(bytes);
}

/** Names that say nothing about the charset (RFC 1428 §3). ASCII is one: nobody needs a name for it. */
const SAYS_NOTHING =
  /^(?:|us-ascii|ascii|unknown|unknown-8bit|x-unknown|default|none|binary|8bit)$/;

/**
 * Decodes a text whose charset is unknown: as UTF-8 if it is valid, otherwise as windows-1252.
 *
 * @param bytes The bytes of the text.
 * @param name The name of the charset, if the sender gives one.
 * @returns The text; undefined if the name is that of a charset.
 */
export function decodeUnlabelled(bytes: Uint8Array, name = ""): string | undefined {
  if (!SAYS_NOTHING.test(trimBlanks(lowerAscii(name.slice(0, MAX_NAME))))) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return decodeCharset(bytes, "windows-1252");
  }
}

/** Longest name of a charset that is looked up. */
const MAX_NAME = 60;

/** Finds the decoder for a name that is close to a known one. */
function byAlias(label: string): CharsetDecoder | undefined {
  const plain = label.replace(/[^a-z0-9]/g, "").replace(/^(?:xms|x(?=[^m])|cs)/, "");
  const [, page] = NUMBERED.exec(plain) ?? [];
  if (page !== undefined) {
    const known = NUMBERS.get(page) ?? page;
    return own(known) ?? native(known) ?? native(`windows-${known}`);
  }
  const known = ALIASES.get(plain);
  if (known !== undefined) return own(known) ?? native(known);
  const [, part] = /^iso8859(\d{1,2})[ei]?$/.exec(plain) ?? [];
  return native(part === undefined ? plain : `iso-8859-${part}`);
}

/** Returns a decoder of this module. */
function own(name: string): CharsetDecoder | undefined {
  if (name === "utf-7") return new Utf7Decoder();
  if (name === "iso-2022-kr") return new Iso2022KrDecoder();
  if (name === "hz-gb-2312") return new HzDecoder();
  const page = CODE_PAGES.get(name);
  return page === undefined ? undefined : new CodePageDecoder(name, page);
}

/** Returns a decoder of the platform. */
function native(label: string): CharsetDecoder | undefined {
  try {
    return new StreamDecoder(label);
  } catch {
    return undefined;
  }
}

/** A charset of single bytes whose lower half is ASCII. */
class CodePageDecoder implements CharsetDecoder {
  readonly encoding: string;
  readonly #upper: string;

  constructor(page: string, upper: string) {
    this.encoding = `cp${page}`;
    this.#upper = upper;
  }

  decode(input: Uint8Array = new Uint8Array()): string {
    let text = "";
    for (const byte of input) {
      text += byte < 128 ? String.fromCharCode(byte) : this.#upper[byte - 128];
    }
    return text;
  }
}
