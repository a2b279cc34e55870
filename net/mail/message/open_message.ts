/**
 * Reads messages of any size in constant memory: the header first, then one part after the other as a
 * stream.
 *
 * @example Save the files of a message
 * ```ts
 * import { openMessage } from "@portside/kit/net/mail-message";
 * import { assertEquals } from "@std/assert";
 *
 * const source = ReadableStream.from([new TextEncoder().encode(
 *   "Subject: hi\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n" +
 *     "Content-Type: text/csv; name=a.csv\r\nContent-Transfer-Encoding: base64\r\n\r\nMSwyCg==\r\n--b--\r\n",
 * )]);
 * await using message = await openMessage(source);
 * const sizes = new Map<string, number>();
 * for await (const part of message.parts) {
 *   if (part.filename === undefined) assertEquals(await part.text(), "hello\n");
 *   else for await (const { length } of part.content) sizes.set(part.filename, length);
 * }
 * assertEquals([message.subject, ...sizes], ["hi", ["a.csv", 4]]);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { NetError } from "../../errors/errors.ts";
import { joinedBytes } from "../../internal/joined_bytes.ts";
import { transferDecoder } from "../../internal/transfer_decoder.ts";
import type { MimePart } from "./_mime_splitter.ts";
import { messageHeader } from "./_message_fields.ts";
import { MESSAGE_LIMITS, PartFeed } from "./_part_feed.ts";
import { decodeText } from "./_text_of_part.ts";
import type { MailHeader, MessageHeader, MessageSource, ReadMessageOptions } from "./options.ts";

/** Maximum size of a part that {@linkcode MessagePart.text} and `bytes` keep in memory. */
const MAX_SIZE = 64 * 1024 * 1024;

/** A message whose header has been read. Disposing of it cancels the source. */
export interface OpenMessage extends MessageHeader, AsyncDisposable {
  /**
   * The texts and files in their order. A part must be read before the next one is asked for; what is
   * left of it is skipped. The parts can be listed once. A message in another one (`message/rfc822`) is
   * one part: `openMessage(part.content)` reads it.
   */
  readonly parts: AsyncIterable<MessagePart>;
}

/**
 * Reads the header of a message.
 *
 * @param message The message in memory, or as a stream. The stream is read as far as parts are asked for.
 * @param options The limits. Here `maxSize` is Infinity by default.
 * @returns The header, and the parts to come.
 * @throws {NetError} "limit" if the header is too large. The parts reject in the same way.
 * @throws {TypeError | RangeError} If an argument is invalid.
 */
export async function openMessage(
  message: MessageSource,
  options: ReadMessageOptions = {},
): Promise<OpenMessage> {
  const { maxSize = Infinity, maxHeaderSize = 2 * 1024 * 1024, maxDepth = 100, maxParts = 10_000 } =
    MESSAGE_LIMITS.check("openMessage", options);
  const feed = new PartFeed(message, { maxSize, maxHeaderSize, maxDepth, maxParts });
  const first = await feed.next();
  const fields = first?.type === "header" ? first.head.fields : [];
  return {
    ...messageHeader(fields),
    parts: partsOf(feed),
    [Symbol.asyncDispose]: () => feed.cancel(),
  };
}

async function* partsOf(feed: PartFeed): AsyncGenerator<MessagePart, void, void> {
  try {
    for (let event; (event = await feed.next()) !== undefined;) {
      if (event.type !== "part") continue;
      const part = new MessagePart(event.part, feed);
      yield part;
      await part.skip();
    }
  } finally {
    await feed.cancel();
  }
}

/** A text or a file of a message, made by {@linkcode openMessage}. The sender has chosen all of it. */
export class MessagePart {
  /** The number of the part, as in IMAP: "1" for the first one, "2.1" for the first one within the second. */
  readonly number: string;
  /** The types of the multiparts around it, the outermost first, such as `multipart/alternative`. */
  readonly parents: readonly string[];
  /** The fields of its header. Encoded words are not decoded. */
  readonly headers: readonly MailHeader[];
  /** The media type in lower case, such as `image/png`. */
  readonly type: string;
  /** The parameters of the media type, such as `charset`. The names are in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The transfer encoding in lower case, such as `base64`; an empty string if there is none. */
  readonly encoding: string;
  /** The disposition in lower case, usually "attachment" or "inline". */
  readonly disposition: string | undefined;
  /** The name that the sender has chosen: it may be a path, or contain anything. */
  readonly filename: string | undefined;
  /** The id by which HTML refers to the file, without `<>`. */
  readonly contentId: string | undefined;
  /** The content without its transfer encoding, byte for byte. */
  readonly content: ReadableStream<Uint8Array<ArrayBuffer>>;

  readonly #chunks: AsyncGenerator<Uint8Array<ArrayBuffer>, void, void>;
  readonly #feed: PartFeed;
  /** Whether a line break has followed, which belongs to the boundary. */
  #endsLine = false;
  #isOver = false;
  /** Whether the whole content was taken. */
  #isComplete = false;

  /**
   * Makes a part. For use by `openMessage`.
   *
   * @ignore
   */
  constructor(part: MimePart, feed: PartFeed) {
    this.number = part.number;
    this.parents = part.parents;
    this.headers = part.fields;
    this.type = part.type;
    this.parameters = part.parameters;
    this.disposition = part.disposition;
    this.filename = part.filename;
    this.contentId = part.contentId;
    this.encoding = part.encoding;
    this.#feed = feed;
    this.#chunks = this.#decoded();
    this.content = new ReadableStream({
      pull: async (controller) => {
        const { done, value } = await this.#chunks.next();
        if (done !== true) return controller.enqueue(value);
        if (this.#isComplete) return controller.close();
        throw new TypeError("The part is over: read its content before you ask for the next part");
      },
      cancel: async () => void await this.#chunks.return(),
    }, { highWaterMark: 0 });
  }

  /**
   * The role of the part: "text" of the message, which may be HTML; "message" for a message within this
   * one whose text belongs to it; "file" for all others, also for the messages in reports (RFC 6522).
   */
  get kind(): "text" | "message" | "file" {
    const { type, disposition, parents } = this;
    if (type === "text/plain" || type === "text/html") {
      return disposition === "attachment" ? "file" : "text";
    }
    const isShown = disposition === undefined || disposition === "inline";
    const isMessage = type === "message/rfc822" && isShown && !parents.includes("multipart/report");
    return isMessage ? "message" : "file";
  }

  /**
   * Reads the whole content as a text, in the charset that the part names, with LF line endings. Flowed
   * lines are joined (RFC 3676). The last line ending may be that of the message's structure.
   *
   * @param options The size limit of the content in bytes, 67108864 by default.
   * @returns The text, without a byte order mark.
   * @throws {NetError} "limit" if the content is larger than `maxSize`.
   */
  async text(options: { maxSize?: number } = {}): Promise<string> {
    const text = decodeText(await this.bytes(options), this.parameters);
    const isExact = this.encoding === "base64" || text === "";
    return isExact || (!this.#endsLine && text.endsWith("\n")) ? text : `${text}\n`;
  }

  /**
   * Reads the whole content into memory.
   *
   * @param options The size limit in bytes, 67108864 by default.
   * @returns The content without its transfer encoding, byte for byte.
   * @throws {NetError} "limit" if the content is larger than `maxSize`.
   */
  async bytes({ maxSize = MAX_SIZE }: { maxSize?: number } = {}): Promise<Uint8Array<ArrayBuffer>> {
    const all: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    for await (const chunk of this.content) {
      all.push(chunk);
      size += chunk.length;
      if (size <= maxSize) continue;
      throw new NetError(`Cannot read part ${this.number}: it is larger than ${maxSize} bytes`, {
        kind: "limit",
        phase: "read",
      });
    }
    return joinedBytes(all);
  }

  /**
   * Skips the rest of the content. For use by `openMessage`.
   *
   * @ignore
   */
  async skip(): Promise<void> {
    await this.#chunks.return();
    while (!this.#isOver) await this.#next();
  }

  async *#decoded(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    const decoder = transferDecoder(this.encoding);
    for (let bytes; (bytes = await this.#next()) !== undefined;) {
      const chunk = decoder === undefined ? bytes.slice() : decoder.push(bytes);
      if (chunk.length > 0) yield chunk;
    }
    const last = decoder?.end();
    if (last !== undefined && last.length > 0) yield last;
    this.#isComplete = true;
  }

  /** Returns the next bytes as they are encoded; undefined after the last ones. */
  async #next(): Promise<Uint8Array | undefined> {
    if (this.#isOver) return undefined;
    let event;
    try {
      event = await this.#feed.next();
    } catch (error) {
      this.#isOver = true;
      throw error;
    }
    if (event?.type === "data") return event.bytes;
    this.#isOver = true;
    this.#endsLine = event?.type === "end" && event.isLine;
    return undefined;
  }
}
