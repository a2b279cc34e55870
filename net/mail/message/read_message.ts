/**
 * Reads messages into memory: the header with its addresses, the text, the HTML and the files. It accepts
 * what senders write a little wrong. `openMessage` reads large messages part by part.
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

import { Bodies } from "./_bodies.ts";
import { present } from "./_message_fields.ts";
import { type MessagePart, openMessage } from "./open_message.ts";
import { MESSAGE_LIMITS } from "./_part_feed.ts";
import type { MessageSource, ReadAttachment, ReadMessage, ReadMessageOptions } from "./options.ts";

const MAX_SIZE = 64 * 1024 * 1024;
/** Most messages that are within one another. A deeper one stays a file. */
const MAX_MESSAGES = 10;

/**
 * Reads a message. A message in it that is no attachment belongs to its text, except in reports
 * (RFC 6522).
 *
 * @param message The message in memory, or as a stream. A stream is read to its end, or cancelled at an
 * error.
 * @param options The limits of the message.
 * @returns The parts of the message. Text and names may contain control characters, except for those
 * that were in encoded words.
 * @throws {NetError} "limit" if the message exceeds a limit.
 * @throws {TypeError | RangeError} If an argument is invalid.
 */
export async function readMessage(
  message: MessageSource,
  options: ReadMessageOptions = {},
): Promise<ReadMessage> {
  return await read(message, MESSAGE_LIMITS.check("readMessage", options), MAX_MESSAGES);
}

async function read(
  message: MessageSource,
  { maxSize = MAX_SIZE, ...limits }: ReadMessageOptions,
  depth: number,
): Promise<ReadMessage> {
  const { parts, [Symbol.asyncDispose]: _, ...header } = await openMessage(message, {
    maxSize,
    ...limits,
  });
  const bodies = new Bodies();
  const attachments: ReadAttachment[] = [];
  for await (const part of parts) {
    if (part.kind === "message" && depth > 0) {
      const { attachments: more, ...inner } = await read(part.content, limits, depth - 1);
      bodies.addMessage(part.number, { ...inner, attachments: [] });
      for (const one of more) attachments.push(one);
    } else if (part.kind === "text") {
      const kind = part.type === "text/html" ? "html" : "text";
      bodies.add(alternativeOf(part), kind, await part.text({ maxSize: Infinity }));
    } else attachments.push(await attachmentOf(part));
  }
  return {
    ...header,
    ...present("text", bodies.text),
    ...present("html", bodies.html),
    attachments,
  };
}

/** Returns the number of the innermost alternative around a part, or that of the part itself. */
function alternativeOf({ number, parents }: MessagePart): string {
  const at = parents.lastIndexOf("multipart/alternative");
  return at === -1 ? number : `in ${number.split(".").slice(0, at).join(".")}`;
}

async function attachmentOf(part: MessagePart): Promise<ReadAttachment> {
  const { filename, type, disposition, contentId } = part;
  return {
    ...present("filename", filename),
    type,
    ...present("disposition", disposition),
    ...present("contentId", contentId),
    content: await contentOf(part),
  };
}

async function contentOf(part: MessagePart): Promise<Uint8Array<ArrayBuffer>> {
  const { type, encoding } = part;
  const all = { maxSize: Infinity };
  if (type === "text/calendar") return new TextEncoder().encode(await part.text(all));
  const bytes = await part.bytes(all);
  return type.startsWith("text/") && encoding !== "base64" ? withLf(bytes) : bytes;
}

const CR = 13, LF = 10;

/** Returns a text with LF line endings. */
function withLf(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return bytes.filter((byte, i) => byte !== CR || bytes[i + 1] !== LF);
}
