/** The texts of POP3, up to their dot: as a stream, or whole and many in a row. */

import type { Dialogue } from "../internal/dialogue.ts";
import { DotDecoder } from "../mail/dot_codec.ts";
import { ReplyError } from "../errors/reply_error.ts";

/** Bytes of a message that is not wanted which are read all the same, to keep the connection. */
const MAX_DRAIN = 1024 * 1024;

/** A text up to its dot, as it comes; `done` when it has been read, or is cancelled. */
export function textStream(
  dialogue: Dialogue,
): { stream: ReadableStream<Uint8Array<ArrayBuffer>>; done: Promise<void> } {
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  // Whoever reads the stream hears of it there.
  done.catch(() => {});
  const decoder = new DotDecoder();
  const next = async () => {
    const part = decoder.push(await dialogue.readChunk());
    if (part.done && part.rest.length > 0) {
      throw dialogue.broken("sent more than it was asked for");
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

/** How many texts are asked for. */
interface ManyTexts {
  /** How many before the first of them has come. */
  readonly depth: number;
  readonly maxSize: number;
  /** Hears the first line of an answer. */
  readonly begin: (number: number) => Promise<void>;
}

/** A message by its number. */
interface Message {
  readonly number: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Many messages in a row. Whoever has a command meanwhile waits for what has been asked for alone. */
export async function* manyTexts(
  dialogue: Dialogue,
  numbers: readonly number[],
  { depth, maxSize, begin }: ManyTexts,
): AsyncGenerator<Message, void, void> {
  let asked = 0;
  let read = 0;
  /** Gives the turn back; it may have been given back already. */
  let release: (() => Promise<void>) | undefined;
  let parting: Promise<void> | undefined;
  /** What has been asked for, as it came. */
  const ready: Promise<Message>[] = [];
  const ask = async () => {
    if (asked > read && (depth === 1 || asked - read >= depth / 2)) return;
    const some = numbers.slice(asked, read + depth).map((number) => `RETR ${number}`);
    asked += some.length;
    for (const line of some) dialogue.tell("client", line);
    if (some.length > 0) await dialogue.conn.write(`${some.join("\r\n")}\r\n`);
  };
  const next = async () => {
    const number = numbers[read++]!;
    try {
      await begin(number);
      return { number, data: await wholeText(dialogue, maxSize) };
    } catch (error) {
      if (!(error instanceof ReplyError)) dialogue.abort(error);
      throw error;
    }
  };
  const part = async () => {
    while (dialogue.conn.open && read < asked) {
      const message = next();
      ready.push(message);
      await message.catch(() => {});
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
      if (release !== undefined) dialogue.onQueued = onQueued;
      if (release !== undefined && dialogue.queued > 0) onQueued();
      yield message;
      dialogue.onQueued = undefined;
      await parting;
      parting = undefined;
    }
  } catch (error) {
    if (!(error instanceof ReplyError)) dialogue.abort(error);
    throw error;
  } finally {
    dialogue.onQueued = undefined;
    if (release !== undefined) await (parting ?? part());
  }
}

/** A text up to its dot, whole. */
async function wholeText(
  dialogue: Dialogue,
  maxSize: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const decoder = new DotDecoder();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const chunk = await dialogue.readChunk();
    const { data, done, rest } = decoder.push(chunk);
    size += data.length;
    if (size > maxSize) throw dialogue.broken("sends a larger message", "limit");
    parts.push(data);
    if (!done) continue;
    dialogue.unread(chunk.subarray(chunk.length - rest.length));
    if (parts.length === 1) return data;
    const whole = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}
