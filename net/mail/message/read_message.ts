/**
 * Reads messages: the header with its addresses, the text, the HTML and the files. postal-mime parses the
 * MIME. It accepts what senders write a little wrong.
 *
 * @example The parts of a message
 * ```ts
 * import { readMessage } from "@portside/kit/net/mail-message";
 * import { assertEquals } from "@std/assert";
 *
 * const { from, subject, text } = await readMessage(new TextEncoder().encode(
 *   "From: =?utf-8?Q?J=C3=B6rg?= <joerg@a.test>\r\nSubject: hi\r\n\r\nhello\r\n",
 * ));
 * assertEquals([from, subject, text], [[{ name: "Jörg", address: "joerg@a.test" }], "hi", "hello\n"]);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Email } from "npm:postal-mime@4.0.0";
import { NetError } from "../../errors/errors.ts";
import { joinedBytes } from "../../internal/joined_bytes.ts";
import { count, optionError, OptionRules } from "../../internal/options.ts";
import { decodeEncodedWords } from "../encoded_words.ts";
import type {
  MailAddress,
  MailHeader,
  ReadAttachment,
  ReadMessage,
  ReadMessageOptions,
} from "./options.ts";
import { parseAddresses, parseMime } from "./_mime_parser.ts";

const RULES = new OptionRules<ReadMessageOptions>({ maxSize: count });
const MAX_SIZE = 64 * 1024 * 1024;

/**
 * Reads a message.
 *
 * @param message The message in memory, or as a stream. A stream is read to its end, or cancelled at an
 * error.
 * @param options The size limit of the message.
 * @returns The parts of the message. Text and names may contain control characters, except for those
 * that were in encoded words.
 * @throws {NetError} "limit" if the message is larger than `maxSize`, if its header is larger than 2 MiB,
 * or if more than 100 parts are within one another.
 * @throws {TypeError | RangeError} If an argument is invalid.
 */
export async function readMessage(
  message: Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
  options: ReadMessageOptions = {},
): Promise<ReadMessage> {
  const { maxSize = MAX_SIZE } = RULES.check("readMessage", options);
  const email = await parse(await bytesOf(message, maxSize));
  const headers = email.headers.map(({ originalKey, value }) => ({
    name: originalKey,
    value: decodeEncodedWords(value),
  }));
  const [sender] = addressesOf(email, "sender");
  return {
    headers,
    from: addressesOf(email, "from"),
    ...(sender !== undefined && { sender }),
    replyTo: addressesOf(email, "reply-to"),
    to: addressesOf(email, "to"),
    cc: addressesOf(email, "cc"),
    bcc: addressesOf(email, "bcc"),
    ...present("subject", valueOf(headers, "subject")),
    ...present("date", dateOf(valueOf(headers, "date"))),
    ...present("messageId", idsOf(valueOf(headers, "message-id"))[0]),
    ...present("inReplyTo", idsOf(valueOf(headers, "in-reply-to"))[0]),
    references: idsOf(valueOf(headers, "references")),
    ...present("text", email.text),
    ...present("html", email.html),
    attachments: email.attachments.map(attachmentOf),
  };
}

async function parse(bytes: Uint8Array): Promise<Email> {
  try {
    return await parseMime(bytes);
  } catch (error) {
    const cause = error as Error;
    throw new NetError(`Cannot read the message: ${cause.message}`, {
      kind: "limit",
      phase: "read",
      cause,
    });
  }
}

/** Returns a message in memory. */
async function bytesOf(
  message: Uint8Array | AsyncIterable<Uint8Array>,
  maxSize: number,
): Promise<Uint8Array> {
  if (message instanceof Uint8Array) {
    if (message.length > maxSize) throw tooLarge(maxSize);
    return message;
  }
  if (typeof message !== "object" || message === null || !(Symbol.asyncIterator in message)) {
    throw optionError("message", "a Uint8Array or a stream", message);
  }
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of message) {
    size += part.length;
    if (size > maxSize) throw tooLarge(maxSize);
    parts.push(part);
  }
  return joinedBytes(parts);
}

function tooLarge(maxSize: number): NetError {
  const message = `Cannot read the message: it is larger than ${maxSize} bytes`;
  return new NetError(message, { kind: "limit", phase: "read" });
}

/** Returns a property unless its value is missing. */
function present<N extends string, V>(name: N, value: V | undefined): { [K in N]?: V } {
  return value === undefined ? {} : { [name]: value } as { [K in N]: V };
}

/** Returns the addresses of all fields with a name. */
function addressesOf({ headers }: Email, name: string): MailAddress[] {
  return headers.filter(({ key }) => key === name).flatMap(({ value }) => parseAddresses(value));
}

/** Returns the value of the first field with a name. */
function valueOf(headers: readonly MailHeader[], name: string): string | undefined {
  return headers.find((field) => field.name.toLowerCase() === name)?.value;
}

function dateOf(value: string | undefined): Date | undefined {
  // The name of the time zone in a comment is optional (RFC 5322 §3.3).
  const date = new Date((value ?? "").replace(/\([^()]*\)/g, " "));
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function idsOf(value = ""): string[] {
  return value.match(/<[^<>\s]+>/g) ?? [];
}

function attachmentOf(
  { filename, mimeType, disposition, contentId, content }: Email["attachments"][number],
): ReadAttachment {
  return {
    ...(filename && { filename: decodeEncodedWords(filename) }),
    type: mimeType,
    ...(disposition && { disposition }),
    ...(contentId && { contentId: contentId.replace(/^<|>$/g, "") }),
    content: new Uint8Array(content as ArrayBuffer),
  };
}
