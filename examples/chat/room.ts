/**
 * One room: who is in it and what it remembers. Pure.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { HistoryEvent } from "./events.ts";

/** The most characters that a room remembers, so that long lines do not cost more than many. */
const MAX_CHARACTERS = 256 * 1024;

/** A room with seats of type `S`. */
export class Room<S> {
  /** As it is shown, without `#`. */
  readonly name: string;
  /** What it is found by. */
  readonly key: string;
  /** Who is in, in order of arrival. */
  readonly seats: Set<S> = new Set();

  readonly #limit: number;
  readonly #events: HistoryEvent[] = [];
  #characters = 0;
  /** The number of the last event that is not remembered. */
  #forgotten: number;

  /** @param seq The number of the last event of any room. @param limit How many events to remember. */
  constructor(name: string, key: string, seq: number, limit: number) {
    this.name = name;
    this.key = key;
    this.#forgotten = seq;
    this.#limit = limit;
  }

  /** Remembers an event, and forgets the oldest that are too many. */
  remember(event: HistoryEvent): void {
    this.#events.push(event);
    this.#characters += size(event);
    while (this.#events.length > this.#limit || this.#characters > MAX_CHARACTERS) {
      const oldest = this.#events.shift()!;
      this.#characters -= size(oldest);
      this.#forgotten = oldest.seq;
    }
  }

  /**
   * Gives what came after an event.
   *
   * @param seq The number of that event.
   * @returns The events, oldest first, and whether they are all.
   */
  after(seq: number): { events: readonly HistoryEvent[]; complete: boolean } {
    return {
      events: this.#events.filter((event) => event.seq > seq),
      complete: seq >= this.#forgotten,
    };
  }
}

function size(event: HistoryEvent): number {
  return event.type === "message" ? event.from.length + event.text.length : 16;
}
