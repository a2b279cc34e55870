/**
 * Builds messages in MIME as streams, in constant memory. Nodemailer's composer encodes names, subjects,
 * texts and files (RFC 2045, RFC 2047, RFC 2231, RFC 5322) in a form that every server accepts.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import MailComposer from "npm:nodemailer@10.6.0/lib/mail-composer/index.js";
import { encodeWord } from "npm:nodemailer@10.6.0/lib/mime-funcs/index.js";
import { hasLongWord, MAIL_MESSAGE } from "./_message_rules.ts";
import type { MailAddress, MailAttachment, MailEnvelope, MailMessage } from "./options.ts";

/** Size of the pieces of a content in memory, so that no encoded copy of all of it exists. */
const PIECE = 64 * 1024;
/** Maximum length of an encoded word without its ends (RFC 2047 §2). */
const MAX_ENCODED = 52;

/**
 * Builds a message as a stream. Contents that are streams are read in their turn, so the memory does not
 * depend on the size of the files. Lines end with CRLF and have at most 998 bytes, except within a file of
 * type `message/…`, which must not be encoded (RFC 2046 §5.2.1). The dots of SMTP are left to the client.
 *
 * @param message The header, the bodies and the files.
 * @returns The bytes of the message. The stream fails if the stream of a file fails. If it is cancelled,
 * the streams of the files are cancelled, too.
 * @throws {TypeError | RangeError} If a part of the message is invalid: an address, a value that would
 * begin another field of the header, or a field that has an option of its own.
 */
export function buildMessage(message: MailMessage): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { attachments = [], ...rest } = MAIL_MESSAGE.check("buildMessage", message);
  const node = compile(rest, attachments);
  let parts: AsyncIterator<Uint8Array> | undefined;
  const release = (reason: unknown) =>
    Promise.allSettled(
      attachments.map(({ content }) =>
        content instanceof ReadableStream && !content.locked ? content.cancel(reason) : undefined
      ),
    );
  return new ReadableStream({
    async pull(controller) {
      try {
        parts ??= node.createReadStream()[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
        const { done, value } = await parts.next();
        if (done) controller.close();
        else controller.enqueue(new Uint8Array(value));
      } catch (error) {
        await release(error);
        throw error;
      }
    },
    async cancel(reason) {
      await parts?.return?.();
      await release(reason);
    },
  }, { highWaterMark: 0 });
}

/**
 * Returns the envelope of a message: the author, and all recipients with those of hidden copies. Domains
 * that are not ASCII are encoded in IDNA.
 *
 * @param message The message, as for {@linkcode buildMessage}.
 * @returns The addresses for SMTP, each recipient once.
 * @throws {TypeError | RangeError} If a part of the message is invalid.
 */
export function messageEnvelope(message: MailMessage): MailEnvelope {
  const { attachments: _, ...rest } = MAIL_MESSAGE.check("messageEnvelope", message);
  const { from, to } = compile(rest, []).getEnvelope();
  return { from: from || "", to };
}

/** Makes the tree of the message. The rules have turned the addresses into lists. */
function compile(message: MailMessage, attachments: readonly MailAttachment[]) {
  const { subject, headers = {}, references, ...rest } = message;
  const list = (value: unknown) => value === undefined ? undefined : [...value as MailAddress[]];
  const composer = new MailComposer({
    ...rest,
    text: rest.text?.replace(BARE_CR, "\n"),
    html: rest.html?.replace(BARE_CR, "\n"),
    from: list(rest.from),
    sender: list(rest.sender),
    to: list(rest.to),
    cc: list(rest.cc),
    bcc: list(rest.bcc),
    replyTo: list(rest.replyTo),
    subject: subject === undefined ? undefined : encodeSubject(subject),
    references: [references ?? []].flat().map(String),
    headers: Object.entries(headers).flatMap(([key, values]) =>
      [values].flat().map((value) => ({ key, value: String(value) }))
    ),
    attachments: attachments.map(({ content, filename, type, contentId, disposition }, i) => ({
      content: contentOf(content, type),
      filename: filename ?? `attachment-${i + 1}`,
      ...(type !== undefined && { contentType: type }),
      ...(contentId !== undefined && { cid: contentId }),
      ...(disposition !== undefined && { contentDisposition: disposition }),
    })),
    disableFileAccess: true,
    disableUrlAccess: true,
    newline: "win",
  });
  const node = composer.compile();
  const names = node as unknown as NameEncoder;
  const encode = names._encodeAddressName.bind(node);
  names._encodeAddressName = (name) =>
    isMisleading(name) ? encodeWord(name, "Q", MAX_ENCODED) : encode(name);
  return node;
}

/** What is used of the composer besides its documentation. Its version is pinned. */
interface NameEncoder {
  _encodeAddressName(name: string): string;
}

/** A CR that is no line ending. Servers do not accept it (RFC 5321 §2.3.8). */
const BARE_CR = /\r(?!\n)/g;

/** Returns whether a text would be taken for encoded words, or has a word that no fold can break. */
function isMisleading(text: string): boolean {
  return text.includes("=?") || hasLongWord(text);
}

/** Encodes a subject that would be taken for encoded words, or that no fold can break. */
function encodeSubject(subject: string): string {
  return isMisleading(subject) ? encodeWord(subject, "Q", MAX_ENCODED) : subject;
}

/** Returns a content for the composer: as a stream, so that it is encoded piece by piece. */
function contentOf(content: MailAttachment["content"], type = ""): Buffer | Readable {
  const bytes = typeof content === "string"
    ? Buffer.from(content)
    : content instanceof Uint8Array
    ? bufferOf(content)
    : undefined;
  // The composer looks into a message to choose its encoding.
  if (bytes !== undefined && (bytes.length <= PIECE || /^message\//i.test(type))) return bytes;
  const chunks = bytes !== undefined
    ? pieces(bytes)
    : buffers(content instanceof Blob ? content.stream() : content as AsyncIterable<Uint8Array>);
  return Readable.from(chunks, { objectMode: false, highWaterMark: PIECE });
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

async function* buffers(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array)) {
      throw new TypeError(
        `The stream of an attachment must consist of Uint8Array, got ${typeof chunk}`,
      );
    }
    // An empty chunk would end the stream.
    if (chunk.length > 0) yield* pieces(bufferOf(chunk));
  }
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}
