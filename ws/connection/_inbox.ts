import type { WsInboxPolicy, WsMessage } from "./options.ts";

/** A queue of messages with a limit in messages and in bytes. */
export class MessageInbox {
  /** Messages discarded because the queue was full. */
  dropped = 0;

  readonly #limit: number;
  readonly #maxBytes: number;
  readonly #policy: WsInboxPolicy;
  #queue: WsMessage[] = [];
  #head = 0;
  #bytes = 0;

  constructor(limit: number, maxBytes: number, policy: WsInboxPolicy) {
    this.#limit = limit;
    this.#maxBytes = maxBytes;
    this.#policy = policy;
  }

  /** Number of messages in the queue. */
  get size(): number {
    return this.#queue.length - this.#head;
  }

  /** Whether the queue has no room for one more message. */
  get full(): boolean {
    return this.#isFull(1);
  }

  /** Adds a message; returns false if the policy requires a disconnect. */
  push(message: WsMessage): boolean {
    while (this.#policy !== "wait" && this.#isFull(message.length)) {
      if (this.#policy === "disconnect") return false;
      this.dropped++;
      if (this.#policy === "drop-newest") return true;
      this.shift();
    }
    this.#queue.push(message);
    this.#bytes += message.length;
    return true;
  }

  /** Removes and returns the oldest message. */
  shift(): WsMessage | undefined {
    if (this.size === 0) return undefined;
    const message = this.#queue[this.#head]!;
    this.#queue[this.#head++] = "";
    this.#bytes -= message.length;
    if (this.size === 0) {
      this.#queue = [];
      this.#head = 0;
    } else if (this.#head > 1024) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
    return message;
  }

  #isFull(length: number): boolean {
    return this.size >= this.#limit || (this.size > 0 && this.#bytes + length > this.#maxBytes);
  }
}
