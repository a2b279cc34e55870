/** Saves the attachments of a message of any size. @module */

import { writeFully } from "../../net/internal/local_files.ts";
import { type MessagePart, openMessage } from "../../net/mail/message/open_message.ts";
import type { MessageSource } from "../../net/mail/message/options.ts";
import { plainNamer } from "./plain.ts";

/** Maximum size of a message in bytes. A server may send one that does not end. */
const MAX_SIZE = 4 * 2 ** 30;
/** Most messages that are within one another. A deeper one is saved as a file. */
const MAX_MESSAGES = 10;

/** A file that was saved. */
export interface SavedFile {
  readonly path: string;
  /** The size in bytes. */
  readonly bytes: number;
}

/**
 * Saves attachments while the message arrives. A file that cannot be completed is removed.
 *
 * @param message The message, as it arrives or in memory.
 * @param folder The folder for the files. It is made if there are any.
 * @returns The files, each when it is complete. A file that exists already is an error.
 */
export async function* saveFiles(
  message: MessageSource,
  folder: string,
): AsyncGenerator<SavedFile, void, void> {
  const nameOf = plainNamer();
  for await (const part of filesOf(message, MAX_MESSAGES)) {
    const path = `${folder}/${nameOf(part.filename)}`;
    await Deno.mkdir(folder, { recursive: true });
    yield { path, bytes: await save(path, part) };
  }
}

/** Yields the files of a message, and those of the messages in it that belong to its text. */
async function* filesOf(
  message: MessageSource,
  depth: number,
): AsyncGenerator<MessagePart, void, void> {
  const { parts } = await openMessage(message, { maxSize: MAX_SIZE });
  for await (const part of parts) {
    if (part.kind === "message" && depth > 0) yield* filesOf(part.content, depth - 1);
    else if (part.kind !== "text") yield part;
  }
}

/** Saves a part as a new file. Returns its size. */
async function save(path: string, part: MessagePart): Promise<number> {
  // Never overwrite a file.
  const file = await Deno.open(path, { write: true, createNew: true });
  let bytes = 0;
  try {
    using _ = file;
    const isText = part.type.startsWith("text/") && part.encoding !== "base64";
    for await (const chunk of isText ? withLf(part.content) : part.content) {
      await writeFully(file, chunk);
      bytes += chunk.length;
    }
  } catch (error) {
    await Deno.remove(path);
    throw error;
  }
  return bytes;
}

const CR = 13, LF = 10;

/** Yields a text with LF line endings. */
async function* withLf(
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  let hasCr = false;
  for await (const chunk of content) {
    if (chunk.length === 0) continue;
    if (hasCr && chunk[0] !== LF) yield Uint8Array.of(CR);
    hasCr = chunk.at(-1) === CR;
    yield chunk.filter((byte, i) => byte !== CR || (i < chunk.length - 1 && chunk[i + 1] !== LF));
  }
  if (hasCr) yield Uint8Array.of(CR);
}
