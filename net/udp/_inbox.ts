import type { InboxPolicy } from "./options.ts";

/**
 * A bounded queue between what arrives whenever it likes and somebody who
 * reads in turn. It never makes the sender wait: what is too much is dropped
 * and counted.
 */
export class DatagramInbox<T> {
  /** Messages thrown away so far. */
  dropped = 0;

  readonly #limit: number;
  readonly #policy: InboxPolicy;
  #items: T[] = [];
  #head = 0;
  #reader: PromiseWithResolvers<T | null> | null = null;
  #end: { error: unknown } | null = null;

  constructor(limit: number, policy: InboxPolicy) {
    this.#limit = limit;
    this.#policy = policy;
  }

  /** Messages waiting. */
  get size(): number {
    return this.#items.length - this.#head;
  }

  /** Hands an item to the reader or queues it. */
  put(item: T): void {
    if (this.#end !== null) return;
    const reader = this.#reader;
    if (reader !== null) {
      this.#reader = null;
      return reader.resolve(item);
    }
    if (this.size >= this.#limit) {
      this.dropped++;
      if (this.#policy === "drop-newest") return;
      this.#head++;
    }
    this.#items.push(item);
    if (this.#head > 256 && this.#head * 2 > this.#items.length) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** Takes the next item; null once the inbox has ended without an error. One reader at a time. */
  take(): Promise<T | null> {
    if (this.size > 0) {
      const item = this.#items[this.#head++]!;
      if (this.#head === this.#items.length) {
        this.#items = [];
        this.#head = 0;
      }
      return Promise.resolve(item);
    }
    if (this.#end !== null) {
      return this.#end.error === undefined
        ? Promise.resolve(null)
        : Promise.reject(this.#end.error);
    }
    if (this.#reader !== null) {
      return Promise.reject(new TypeError("Cannot receive: another receive has not ended"));
    }
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  /** Gives up the reader that got `pending` from {@linkcode take}; an item that it just got stays. */
  interrupt(pending: Promise<T | null>, error: unknown): void {
    const reader = this.#reader;
    if (reader?.promise === pending) {
      this.#reader = null;
      return reader.reject(error);
    }
    pending.then((item) => {
      if (item !== null) this.#items.splice(this.#head, 0, item);
    }, () => {});
  }

  /** Ends the inbox: what is queued can still be taken, then null or the error. */
  end(error?: unknown): void {
    this.#end ??= { error };
    const reader = this.#reader;
    this.#reader = null;
    if (error === undefined) reader?.resolve(null);
    else reader?.reject(error);
  }
}
