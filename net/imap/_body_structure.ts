/** Structures of messages (RFC 9051 §7.5.2). Pure. */

import { decodeParameters } from "../mail/encoded_words.ts";
import { lowerAscii } from "../text.ts";
import { isList, type ItemReader } from "./_item_reader.ts";
import type { ImapValue } from "./_reader.ts";

/** A MIME part of a message. */
export interface ImapBodyPart {
  /** The section number for fetching it, such as `1` or `2.1`; empty for the outermost multipart. */
  readonly part: string;
  /** The media type in lower case, such as `text/plain`. */
  readonly type: string;
  /** The parameters: names in lower case, values decoded and joined (RFC 2231). */
  readonly parameters: ReadonlyMap<string, string>;
  /** The field `Content-ID`. */
  readonly id?: string;
  /** The field `Content-Description`, with encoded words decoded. */
  readonly description?: string;
  /** The transfer encoding in lower case. */
  readonly encoding?: string;
  /** The size of the encoded part in bytes. */
  readonly size?: number;
  /** The intended presentation: `inline` or `attachment`. */
  readonly disposition?: string;
  /** The decoded file name. The sender chooses it, so it may contain `../../`. */
  readonly filename?: string;
  /** The inner parts. Parts below a depth of 100 are left out. */
  readonly parts: readonly ImapBodyPart[];
}

/** Maximum depth of nested parts. */
const MAX_DEPTH = 100;
const NAME = "BODYSTRUCTURE";
/** Types that contain a message. */
const MESSAGE = /^message\/(?:rfc822|global)$/;

/** Reads the structure of a message; undefined if it is none. */
export function structureOf(value: ImapValue, reader: ItemReader): ImapBodyPart | undefined {
  if (isList(value) && value.length > 0) return partOf(value, "", 0, reader);
  reader.report(NAME, value, "a list");
  return undefined;
}

function partOf(
  fields: readonly ImapValue[],
  part: string,
  depth: number,
  reader: ItemReader,
): ImapBodyPart {
  if (isList(fields[0])) return multipartOf(fields, part, depth, reader);
  const [type, subtype, parameters, id, description, encoding, size, ...rest] = fields;
  const media = lowerAscii(
    `${reader.text(NAME, type) ?? "text"}/${reader.text(NAME, subtype) ?? "plain"}`,
  );
  const own = part === "" ? "1" : part;
  const [envelope, body] = rest;
  const whole = MESSAGE.test(media) && isList(envelope) && isList(body);
  // The parts of an inner message are numbered below it. If it is not a multipart, its number is 1.
  const inner = whole && depth < MAX_DEPTH
    ? [partOf(body, isList(body[0]) ? own : `${own}.1`, depth + 1, reader)]
    : [];
  const extra = rest.slice(extraAt(media, rest));
  const contentId = reader.text(NAME, id);
  const about = reader.words(NAME, description);
  const bytes = size === undefined || size === null ? undefined : reader.number(NAME, size);
  return {
    part: own,
    type: media,
    ...more(parametersOf(parameters, reader), extra[1], reader),
    ...(contentId !== undefined && { id: contentId }),
    ...(about !== undefined && { description: about }),
    encoding: lowerAscii(reader.text(NAME, encoding) ?? "7bit"),
    ...(bytes !== undefined && { size: bytes }),
    parts: inner,
  };
}

/** Returns the position of the MD5 behind the fields of a type. The disposition follows it. */
function extraAt(media: string, rest: readonly ImapValue[]): number {
  // The envelope, the body and the lines of a message. Some servers send NIL for the first two.
  if (MESSAGE.test(media) && (isList(rest[1]) || typeof rest[2] === "string")) return 3;
  // The lines of a text. Some servers leave them out.
  return media.startsWith("text/") && !isList(rest[1]) ? 1 : 0;
}

function multipartOf(
  fields: readonly ImapValue[],
  part: string,
  depth: number,
  reader: ItemReader,
): ImapBodyPart {
  const number = (index: number) => part === "" ? `${index}` : `${part}.${index}`;
  const end = fields.findIndex((field) => !isList(field));
  const inner = end === -1 ? fields : fields.slice(0, end);
  const [subtype, parameters, disposition] = end === -1 ? [] : fields.slice(end);
  return {
    part,
    type: `multipart/${lowerAscii(reader.text(NAME, subtype) ?? "mixed")}`,
    ...more(parametersOf(parameters, reader), disposition, reader),
    parts: depth < MAX_DEPTH
      ? inner.map((field, i) => partOf(reader.list(NAME, field), number(i + 1), depth + 1, reader))
      : [],
  };
}

function parametersOf(value: ImapValue | undefined, reader: ItemReader): Map<string, string> {
  const list = reader.list(NAME, value);
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < list.length; i += 2) {
    const [name, value] = [reader.text(NAME, list[i]), reader.text(NAME, list[i + 1])];
    if (name !== undefined && value !== undefined) pairs.push([lowerAscii(name), value]);
  }
  return decodeParameters(pairs);
}

function more(
  parameters: Map<string, string>,
  disposition: ImapValue | undefined,
  reader: ItemReader,
) {
  // Some servers send the disposition as a string.
  const [kind, values] = isList(disposition) ? disposition : [disposition];
  const shown = reader.text(NAME, kind);
  const filename = parametersOf(isList(values) ? values : null, reader).get("filename") ??
    parameters.get("name");
  return {
    parameters,
    ...(shown !== undefined && { disposition: lowerAscii(shown) }),
    ...(filename !== undefined && { filename: reader.decoded(NAME, filename) }),
  };
}
