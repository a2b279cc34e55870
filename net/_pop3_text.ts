/** The texts of POP3, up to their dot: as a stream, or whole and many in a row. */

import type { Dialogue } from "./_dialogue.ts";
import { DotDecoder } from "./dot_codec.ts";

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

/** A text up to its dot, whole. */
export async function wholeText(
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
