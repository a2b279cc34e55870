/**
 * Erases the text of deleted messages from the streams of Redis.
 *
 * An entry of a stream cannot be changed. It is removed, and a message without text stands for it, which readers get
 * in its place. So a new copy has the same history as the others.
 *
 * **Permissions**: those of the connection.
 *
 * @module
 */

import type { DeleteEntry, MessageEntry } from "../archive/archive.ts";
import type { BusKeys } from "./keys.ts";
import type { LogReader } from "./log_reader.ts";
import { encodeEntry } from "./records.ts";
import type { Redis } from "./redis.ts";
import { ERASE } from "./scripts.ts";

/** The parts that the erasing uses. */
export interface ErasingParts {
  /** The connection. */
  readonly redis: Redis;
  /** Reads the streams. */
  readonly log: LogReader;
  /** The keys of the chat. */
  readonly keys: BusKeys;
}

/** The epoch and the node that a script checks. */
type Guard = readonly [epoch: string, node: string];

/**
 * Erases messages one after the other. If that fails, the text of a message stays in its stream until the stream is
 * trimmed.
 */
export class Eraser {
  readonly #parts: ErasingParts;
  #running: Promise<void> = Promise.resolve();
  #isClosing = false;
  #isGivenUp = false;

  /** Makes an eraser that has nothing to do yet. */
  constructor(parts: ErasingParts) {
    this.#parts = parts;
  }

  /**
   * Erases the message of a deletion that was carried out, with the texts of its edits.
   *
   * @param isEdited Whether there can be edits. All lines behind the message are then read.
   */
  add(deletion: DeleteEntry, guard: Guard, isEdited: boolean): void {
    this.#running = this.#running
      .then(() => this.#isGivenUp ? undefined : this.#erase(deletion, guard, isEdited))
      .catch(() => void (this.#isGivenUp = this.#isClosing));
  }

  /** Waits for the messages so far, unless one fails. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#running;
  }

  async #erase(
    { room, target, seq }: DeleteEntry,
    guard: Guard,
    isEdited: boolean,
  ): Promise<void> {
    const { redis, log, keys } = this.#parts;
    for await (const lines of log.lines(room, target, isEdited ? seq - 1 : target)) {
      const edits: number[] = [];
      let message: MessageEntry | undefined;
      for (const line of lines) {
        if (line.kind === "message" && line.seq === target) message = line;
        else if (line.kind === "edit" && line.target === target) edits.push(line.seq);
      }
      if (edits.length === 0 && message === undefined) continue;
      const { reply: _reply, files: _files, ...rest } = message ?? { text: "" };
      const stub = message === undefined ? "" : encodeEntry({ ...rest, text: "" } as MessageEntry);
      const stream = [keys.room(room), keys.erased(room)];
      const ids = edits.map((edit) => `${edit}-0`);
      await redis.run(ERASE, [...keys.fixed, ...stream], [...guard, `${target}`, stub, ...ids]);
    }
  }
}
