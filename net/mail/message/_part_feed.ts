/** The events of a message, read from its source on demand. */

import { ignoreFailure } from "../../internal/ignore_failure.ts";
import { count, optionError, OptionRules } from "../../internal/options.ts";
import { NetError } from "../../errors/errors.ts";
import { type MimeEvent, type MimeLimits, MimeSplitter } from "./_mime_splitter.ts";
import type { MessageSource, ReadMessageOptions } from "./options.ts";

/** The rules for the limits of a message. */
export const MESSAGE_LIMITS: OptionRules<ReadMessageOptions> = new OptionRules<ReadMessageOptions>({
  maxSize: count,
  maxHeaderSize: count,
  maxDepth: count,
  maxParts: count,
});

/** Size of the pieces of a message in memory, so that no decoded copy of all of it exists. */
const PIECE = 64 * 1024;

/** Reads the source of a message as far as events are asked for. */
export class PartFeed {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #splitter: MimeSplitter;
  readonly #maxSize: number;
  #size = 0;
  #events: MimeEvent[] = [];
  #at = 0;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;
  /** The end of the events that were asked for so far. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(message: MessageSource, limits: MimeLimits & { readonly maxSize: number }) {
    this.#source = piecesOf(message);
    this.#splitter = new MimeSplitter(limits);
    this.#maxSize = limits.maxSize;
  }

  /** Returns the next event; undefined after the last one. A failure cancels the source. */
  next(): Promise<MimeEvent | undefined> {
    const event = this.#turn.then(() => this.#next());
    this.#turn = ignoreFailure(event);
    return event;
  }

  async #next(): Promise<MimeEvent | undefined> {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      while (this.#at === this.#events.length && !this.#isOver) await this.#read();
    } catch (error) {
      this.#failure = { error };
      await this.cancel();
      throw error;
    }
    return this.#events[this.#at++];
  }

  async #read(): Promise<void> {
    const { done, value } = await this.#source.next();
    this.#at = 0;
    if (done === true) {
      this.#isOver = true;
      this.#events = this.#splitter.end();
      return;
    }
    this.#size += value.length;
    if (this.#size > this.#maxSize) {
      throw new NetError(`Cannot read the message: it is larger than ${this.#maxSize} bytes`, {
        kind: "limit",
        phase: "read",
      });
    }
    this.#events = this.#splitter.push(value);
  }

  /** Ends the source. There are no more events. */
  async cancel(): Promise<void> {
    this.#isOver = true;
    this.#events = [];
    this.#at = 0;
    await ignoreFailure(this.#source.return?.());
  }
}

async function* piecesOf(message: MessageSource): AsyncGenerator<Uint8Array, void, void> {
  if (message instanceof Uint8Array) {
    yield* split(message);
    return;
  }
  if (typeof message !== "object" || message === null || !(Symbol.asyncIterator in message)) {
    throw optionError("the message", "a Uint8Array or a stream", message);
  }
  for await (const part of message) {
    if (!(part instanceof Uint8Array)) {
      throw optionError("a chunk of the message", "a Uint8Array", part);
    }
    yield* split(part);
  }
}

function* split(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}
