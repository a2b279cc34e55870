/** The texts of POP3, up to their dot: as a stream, or whole and many in a row. */

import { type Dialogue, MAX_LINE } from "./_dialogue.ts";
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

/** Replies that may come several in a chunk. */
export class Replies {
  readonly #dialogue: Dialogue;
  readonly #maxSize: number;
  #rest: Uint8Array = new Uint8Array();

  constructor(dialogue: Dialogue, maxSize: number) {
    this.#dialogue = dialogue;
    this.#maxSize = maxSize;
  }

  /** A line, without its end. */
  async line(): Promise<string> {
    let line = "";
    for (;;) {
      if (this.#rest.length === 0) this.#rest = await this.#dialogue.readChunk();
      const end = this.#rest.indexOf(10);
      const part = end === -1 ? this.#rest : this.#rest.subarray(0, end);
      line += new TextDecoder().decode(part);
      this.#rest = end === -1 ? new Uint8Array() : this.#rest.subarray(end + 1);
      if (line.length > MAX_LINE) throw this.#dialogue.broken("sends an endless line", "limit");
      if (end === -1) continue;
      this.#dialogue.tell("server", line);
      return line.replace(/\r$/, "");
    }
  }

  /** A text to its dot. */
  async text(): Promise<Uint8Array<ArrayBuffer>> {
    const decoder = new DotDecoder();
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    for (;;) {
      if (this.#rest.length === 0) this.#rest = await this.#dialogue.readChunk();
      const { data, done, rest } = decoder.push(this.#rest);
      this.#rest = rest;
      size += data.length;
      if (size > this.#maxSize) throw this.#dialogue.broken("sends a larger message", "limit");
      parts.push(data);
      if (!done) continue;
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
}
