/**
 * Sends the events of a room to its terminals.
 *
 * All events of one turn of the event loop are formatted, encoded and queued once for all terminals
 * that receive the same events. The cost of one more terminal is a comparison and an addition: it
 * needs no promise, no timer and no memory.
 *
 * @module
 */

import type { ChatMessage, RoomEvent } from "./events.ts";
import { byteLength } from "./safe_text.ts";
import { type Charset, encodeText } from "./telnet/charset.ts";
import { type TerminalStyle, terminalText } from "./terminal_text.ts";

/** The number of messages whose authors are in memory. Their texts would make the heap grow. */
const RECENT = 500;

/** The lines of one room in one turn of the event loop. */
class Batch {
  /** The terminals that receive some of the lines. */
  readonly listeners: Listener[] = [];
  /** The size of all lines in bytes. */
  size = 0;
  #text = "";
  /** The start of the first line, and the end of each line. */
  readonly #ends = [0];
  #cut: { from: number; to: number; bytes: Uint8Array<ArrayBuffer> } | undefined;
  readonly #charset: Charset;

  constructor(charset: Charset) {
    this.#charset = charset;
  }

  /** The number of lines. */
  get lines(): number {
    return this.#ends.length - 1;
  }

  /** Appends a line. */
  add(line: string): void {
    this.size += byteLength(line);
    this.#text += line;
    this.#ends.push(this.#text.length);
  }

  /** Returns encoded lines. The result is cached, because most listeners need the same lines. */
  bytes(from: number, to: number): Uint8Array<ArrayBuffer> {
    if (this.#cut?.from !== from || this.#cut.to !== to) {
      const text = this.#text.slice(this.#ends[from], this.#ends[to]);
      const bytes = encodeText(text, this.#charset);
      this.#cut = { from, to, bytes };
    }
    return this.#cut.bytes;
  }
}

/** Some lines of a batch. */
interface Part {
  readonly batch: Batch;
  readonly from: number;
  to: number;
}

/** One terminal that receives broadcasts. */
export class Listener {
  readonly #send: (bytes: Uint8Array) => void;
  #batch: Batch | undefined;
  #from = 0;
  #to = 0;

  /** @param send Queues bytes. It is called once per turn; other listeners share the bytes. */
  constructor(send: (bytes: Uint8Array) => void) {
    this.#send = send;
  }

  /** Adds the lines of a batch from one number to another. */
  hear({ batch, from, to }: Part): void {
    if (this.#batch === batch && this.#to === from) {
      this.#to = to;
      return;
    }
    // The listener skipped a line, usually its own, so the new line does not follow the last one.
    this.flush();
    this.#batch = batch;
    this.#from = from;
    this.#to = to;
    batch.listeners.push(this);
  }

  /** Queues the lines so far. Call it before a message to this listener alone, and at the end. */
  flush(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    this.#batch = undefined;
    this.#send(batch.bytes(this.#from, this.#to));
  }
}

/** The terminals of one style. */
export class Broadcast {
  readonly #style: TerminalStyle;
  readonly #portion: number;
  readonly #charset: Charset;
  readonly #batches = new Map<string, Batch>();
  readonly #authors = new Map<number, string>();
  /** The latest events, and where their lines are. */
  #events: readonly RoomEvent[] | undefined;
  #parts: Part[] = [];
  #spent = 0;
  #turn: PromiseWithResolvers<void> | undefined;
  #ending = false;

  /**
   * @param style The format of the lines.
   * @param portion The number of bytes that may be said before the sockets are written. A send queue
   * can receive twice as much at once.
   * @param charset The character encoding of the terminals.
   */
  constructor(style: TerminalStyle, portion: number, charset: Charset = "utf-8") {
    this.#style = style;
    this.#portion = portion;
    this.#charset = charset;
  }

  /**
   * Sends events to a listener. Call it for all listeners of the events before the next events of the
   * same room.
   *
   * @param listener The terminal that receives the events.
   * @param events The messages or notices of one room. All its listeners receive the same array.
   */
  tell(listener: Listener, events: readonly RoomEvent[]): void {
    if (events !== this.#events) this.#open(events);
    for (const part of this.#parts) listener.hear(part);
  }

  /**
   * Counts a line against the budget of this turn, which all users share. Without a budget, lines that
   * arrive together would fill the send queues before the event loop can write to the sockets, and
   * even fast readers would be disconnected.
   *
   * @param bytes The approximate size of the line.
   * @returns A promise to await before the next line if the budget is spent; undefined otherwise.
   */
  spend(bytes: number): Promise<void> | undefined {
    this.#spent += bytes;
    if (this.#spent < this.#portion) return undefined;
    this.#turn ??= Promise.withResolvers();
    this.#endTurn();
    return this.#turn.promise;
  }

  /** Appends events to the batch of their room. */
  #open(events: readonly RoomEvent[]): void {
    this.#events = events;
    this.#parts = [];
    let part: Part | undefined;
    for (const event of events) {
      const batch = this.#batchOf(event.room);
      const author = "target" in event ? this.#authors.get(event.target) : undefined;
      batch.add(terminalText(event, this.#style, author));
      if (event.type === "message") this.#remember(event);
      if (part?.batch !== batch) {
        part = { batch, from: batch.lines - 1, to: batch.lines };
        this.#parts.push(part);
      } else part.to++;
    }
  }

  /** Returns the batch of a room. One that is full goes to its listeners, and a new one begins. */
  #batchOf(room: string): Batch {
    let batch = this.#batches.get(room);
    if (batch === undefined || batch.size >= this.#portion) {
      if (batch !== undefined) flush(batch);
      batch = new Batch(this.#charset);
      this.#batches.set(room, batch);
      this.#endTurn();
    }
    return batch;
  }

  /** Keeps the author of a message, so that later reactions can name the author. */
  #remember({ seq, from }: ChatMessage): void {
    this.#authors.set(seq, from);
    if (this.#authors.size > RECENT) this.#authors.delete(this.#authors.keys().next().value!);
  }

  /** Queues all batches when this turn of the event loop ends. */
  #endTurn(): void {
    if (this.#ending) return;
    this.#ending = true;
    setImmediate(() => {
      this.#ending = false;
      this.#events = undefined;
      const batches = [...this.#batches.values()];
      this.#batches.clear();
      batches.forEach(flush);
      this.#spent = 0;
      this.#turn?.resolve();
      this.#turn = undefined;
    });
  }
}

function flush({ listeners }: Batch): void {
  // A listener that has moved to another batch has nothing left of this one; its flush does nothing.
  for (const listener of listeners) listener.flush();
}
