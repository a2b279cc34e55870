/**
 * One room: its users and its history. Pure.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { ChatMessage } from "./events.ts";

/** The maximum number of characters in a history, which bounds the memory for long lines. */
const MAX_CHARACTERS = 256 * 1024;

/** A room with seats of type `S`. */
export class Room<S> {
  /** The name to display, without `#`. */
  readonly name: string;
  /** The key of the name for comparison. */
  readonly key: string;
  /** The users in order of arrival. */
  readonly seats: Set<S> = new Set();

  readonly #limit: number;
  readonly #events: ChatMessage[] = [];
  #characters = 0;
  /** The number of the last event that is no longer in the history. */
  #forgotten: number;

  /**
   * @param name The name to display, without `#`.
   * @param key The key of the name for comparison.
   * @param seq The number of the latest event of all rooms.
   * @param limit The maximum number of events in the history.
   */
  constructor(name: string, key: string, seq: number, limit: number) {
    this.name = name;
    this.key = key;
    this.#forgotten = seq;
    this.#limit = limit;
  }

  /** Adds an event to the history, and drops the oldest events above the limits. */
  remember(event: ChatMessage): void {
    this.#events.push(event);
    this.#characters += size(event);
    while (this.#events.length > this.#limit || this.#characters > MAX_CHARACTERS) {
      const oldest = this.#events.shift()!;
      this.#characters -= size(oldest);
      this.#forgotten = oldest.seq;
    }
  }

  /**
   * Returns the events after an event.
   *
   * @param seq The number of the last known event.
   * @returns The events, oldest first; `complete` tells whether none is missing.
   */
  after(seq: number): { events: readonly ChatMessage[]; complete: boolean } {
    return {
      events: this.#events.filter((event) => event.seq > seq),
      complete: seq >= this.#forgotten,
    };
  }
}

function size({ from, text }: ChatMessage): number {
  return from.length + text.length;
}
