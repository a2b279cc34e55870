/** Parts of messages with their transfer encoding and charset decoded. */

import { charsetDecoder } from "../mail/charset.ts";
import type { ImapBodyPart } from "./_body_structure.ts";
import { transferDecoder } from "../internal/transfer_decoder.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A part of a message that is being downloaded. */
export interface ImapDownload {
  /** The part as the structure of the message describes it: type, file name, size and so on. */
  readonly part: ImapBodyPart;
  /**
   * The charset of `content`: `utf-8` for a text that has been decoded, otherwise the one that the
   * sender gave. Undefined if the sender gave none.
   */
  readonly charset: string | undefined;
  /** The decoded bytes. Other calls wait until they are read or cancelled. */
  readonly content: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** Finds a part by its number. */
export function findPart(structure: ImapBodyPart, number: string): ImapBodyPart | undefined {
  if (structure.part === number && !structure.type.startsWith("multipart/")) return structure;
  for (const part of structure.parts) {
    const found = findPart(part, number);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Decodes the bytes of a part. */
export function decodedPart(part: ImapBodyPart, stream: ReadableStream<Bytes>): ImapDownload {
  const charset = part.parameters.get("charset");
  const isText = part.type.startsWith("text/");
  const decoder = isText && charset !== undefined ? charsetDecoder(charset) : undefined;
  const transfer = transferDecoder(part.encoding ?? "7bit");
  if (transfer === undefined && decoder === undefined) return { part, charset, content: stream };
  const utf8 = new TextEncoder();
  const decode = (bytes: Bytes, isEnd: boolean): Bytes =>
    decoder === undefined ? bytes : utf8.encode(decoder.decode(bytes, { stream: !isEnd }));
  const content = stream.pipeThrough(
    new TransformStream<Bytes, Bytes>({
      transform(chunk, controller) {
        const bytes = decode(transfer?.push(chunk) as Bytes ?? chunk, false);
        if (bytes.length > 0) controller.enqueue(bytes);
      },
      flush(controller) {
        const bytes = decode(transfer?.end() ?? new Uint8Array(0), true);
        if (bytes.length > 0) controller.enqueue(bytes);
      },
    }),
  );
  return { part, charset: decoder === undefined ? charset : "utf-8", content };
}
