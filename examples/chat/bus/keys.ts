/**
 * The names of the keys in Redis. Pure.
 *
 * All keys of a chat have the same hash tag, so a script of Redis Cluster can use them together.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** The keys that every script gets, in this order. */
const FIXED = [
  "seq",
  "pos",
  "epoch",
  "log",
  "nodes",
  "owners",
  "names",
  "namekeys",
  "users",
  "tokens",
  "lastuser",
  "rooms",
  "files",
  "floors",
] as const;

/** The keys of one chat. */
export class BusKeys {
  /** The keys that every script gets. */
  readonly fixed: readonly string[];
  readonly #prefix: string;

  /** @param name The name of the chat. */
  constructor(name: string) {
    this.#prefix = `{chat:${name}}`;
    this.fixed = FIXED.map((word) => this.of(word));
  }

  /** Returns a key that exists once. */
  of(word: typeof FIXED[number]): string {
    return `${this.#prefix}:${word}`;
  }

  /** Returns the stream of a room or a conversation. */
  room(key: string): string {
    return `${this.#prefix}:room:${key}`;
  }

  /** Returns the messages without text that stand for the deleted ones of a room, by number. */
  erased(key: string): string {
    return `${this.#prefix}:erased:${key}`;
  }

  /** Returns the set of the lines that a user has sent lately. */
  lines(user: number): string {
    return `${this.#prefix}:lines:${user}`;
  }

  /** The key that is written before the answers of replicas are counted. */
  get written(): string {
    return `${this.#prefix}:written`;
  }

  /** Returns the content of a file. */
  blob(id: string): string {
    return `${this.#prefix}:blob:${id}`;
  }
}
