/** Texts of POP3 up to the line of a dot: one as a stream, or many in memory. */

import type { Dialogue } from "../internal/dialogue.ts";
import { ignoreFailure } from "../internal/ignore_failure.ts";
import { joinedBytes } from "../internal/joined_bytes.ts";
import { DotDecoder } from "../mail/dot_codec.ts";
import { NetError } from "../errors/errors.ts";
import { ReplyError } from "../errors/reply_error.ts";
import { type Pop3Failure, retrieveError } from "./_retrieve_error.ts";
import type { Pop3Message } from "./options.ts";

/** Most bytes of a cancelled message that are read to keep the connection usable. */
const MAX_DRAIN = 1024 * 1024;
/** Most bytes of a message in a loop that are read and dropped because it is too large. */
const MAX_EXCESS = 256 * 1024 * 1024;

/** Returns a decoder for the text after a status line. A server ends all lines in the same way. */
function decoderFor(dialogue: Dialogue): DotDecoder {
  return new DotDecoder({ bareLf: dialogue.endsBare });
}

/** Returns a text as a stream. `done` settles when the text has been read or cancelled. */
export function textStream(
  dialogue: Dialogue,
): { stream: ReadableStream<Uint8Array<ArrayBuffer>>; done: Promise<void> } {
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  // The reader of the stream gets the error there.
  void ignoreFailure(done);
  const decoder = decoderFor(dialogue);
  const next = async () => {
    const part = decoder.push(await dialogue.readShared());
    if (part.done && part.rest.length > 0) {
      throw dialogue.broken("sent data that no command asked for");
    }
    return part;
  };
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: async (controller) => {
      try {
        let part;
        do part = await next(); while (part.data.length === 0 && !part.done);
        if (part.data.length > 0) controller.enqueue(part.data);
        if (!part.done) return;
        controller.close();
        resolve();
      } catch (error) {
        reject(error);
        throw error;
      }
    },
    cancel: async () => {
      try {
        dialogue.allow(dialogue.timeout);
        for (let left = MAX_DRAIN; left > 0;) {
          const part = await next();
          if (part.done) return resolve();
          left -= part.data.length;
        }
        dialogue.abort();
        resolve();
      } catch (error) {
        reject(error);
      }
    },
  }, { highWaterMark: 0 });
  return { stream, done };
}

/** The commands and limits of {@linkcode manyTexts}. */
interface ManyTexts {
  /** Returns the command for a message. */
  readonly command: (number: number) => string;
  /** The number of messages to ask for before the first of them has arrived. */
  readonly depth: number;
  /** The size limit of a message in bytes. */
  readonly maxSize: number;
  /** Reads the first line of a reply. */
  readonly begin: (number: number) => Promise<void>;
}

/**
 * Yields many messages. If another command is queued meanwhile, it runs as soon as the messages that
 * have been asked for are read. The error at the end has the messages that are missing.
 */
export async function* manyTexts(
  dialogue: Dialogue,
  numbers: readonly number[],
  { command, depth, maxSize, begin }: ManyTexts,
): AsyncGenerator<Pop3Message, void, void> {
  const { turns } = dialogue;
  let asked = 0;
  let read = 0;
  /** Gives the turn back; undefined if this side does not have it. */
  let release: (() => Promise<void>) | undefined;
  let parting: Promise<void> | undefined;
  /** Messages that have been asked for and not yielded. */
  const ready: Promise<Pop3Message | Pop3Failure>[] = [];
  const failures: Pop3Failure[] = [];
  const ask = async () => {
    if (asked > read && (depth === 1 || asked - read >= depth / 2)) return;
    const some = numbers.slice(asked, read + depth).map(command);
    asked += some.length;
    await dialogue.writeLines(some);
  };
  const next = async () => {
    const number = numbers[read++]!;
    try {
      await begin(number);
      return await wholeText(dialogue, number, maxSize);
    } catch (error) {
      if (error instanceof ReplyError) return { number, error };
      dialogue.abort(error);
      throw error;
    }
  };
  const part = async () => {
    while (dialogue.conn.open && read < asked) {
      const message = next();
      ready.push(message);
      await ignoreFailure(message);
    }
    await release!();
    release = undefined;
  };
  try {
    while (read < numbers.length || ready.length > 0) {
      if (ready.length === 0) {
        release ??= await dialogue.hold();
        await ask();
        ready.push(next());
      }
      const message = await ready.shift()!;
      const onQueued = () => void (parting ??= part());
      if (release !== undefined) turns.onQueued = onQueued;
      if (release !== undefined && turns.queued > 0) onQueued();
      if ("error" in message) failures.push(message);
      else yield message;
      turns.onQueued = undefined;
      await parting;
      parting = undefined;
    }
  } catch (error) {
    dialogue.abort(error);
    throw dialogue.causeOf(error);
  } finally {
    turns.onQueued = undefined;
    if (release !== undefined) await (parting ?? part());
  }
  const [first, ...others] = failures;
  if (first !== undefined) throw retrieveError([first, ...others]);
}

/** Reads a text into memory. The bytes of one that is too large are dropped. */
async function wholeText(
  dialogue: Dialogue,
  number: number,
  maxSize: number,
): Promise<Pop3Message | Pop3Failure> {
  const decoder = decoderFor(dialogue);
  let parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const { data, done, rest } = decoder.push(await dialogue.readShared());
    size += data.length;
    if (size > maxSize + MAX_EXCESS) {
      throw dialogue.broken(`sent a message of more than ${maxSize + MAX_EXCESS} bytes`, "limit");
    }
    if (size <= maxSize) parts.push(data);
    else parts = [];
    if (!done) continue;
    dialogue.unread(rest);
    if (size <= maxSize) return { number, data: joinedBytes(parts) };
    const message = `Cannot retrieve message ${number} from ${dialogue.peer}: ` +
      `it has ${size} bytes, and maxSize is ${maxSize}`;
    const options = { kind: "limit", phase: "read", address: dialogue.peer } as const;
    return { number, error: new NetError(message, options) };
  }
}
