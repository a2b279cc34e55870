/**
 * Brings what is said in a room to its terminals, a hundred of them as cheaply as one.
 *
 * Whatever is said in one turn of the event loop is written, encoded and queued once for all who
 * have to hear the same. So handing an event to one more listener is a comparison and a sum: no
 * promise, no timer, no memory.
 *
 * @module
 */

import type { HistoryEvent } from "./events.ts";
import { byteLength } from "./text.ts";
import { type TerminalStyle, terminalText } from "./terminal_text.ts";

/** The lines of one room in one turn. */
class Batch {
  /** Who hears some of it. */
  readonly listeners: Listener[] = [];
  /** How many bytes there are. */
  size = 0;
  #text = "";
  /** Where each line ends, and where the first begins. */
  readonly #ends = [0];
  #cut: { from: number; to: number; bytes: Uint8Array<ArrayBuffer> } | undefined;

  /** How many lines there are. */
  get lines(): number {
    return this.#ends.length - 1;
  }

  /** Puts a line at the end. */
  add(line: string): void {
    this.size += byteLength(line);
    this.#text += line;
    this.#ends.push(this.#text.length);
  }

  /** Lines as UTF-8; most listeners want the same as the one before. */
  bytes(from: number, to: number): Uint8Array<ArrayBuffer> {
    if (this.#cut?.from !== from || this.#cut.to !== to) {
      const bytes = encoder.encode(this.#text.slice(this.#ends[from], this.#ends[to]));
      this.#cut = { from, to, bytes };
    }
    return this.#cut.bytes;
  }
}

const encoder = new TextEncoder();

/** One terminal, as the broadcast sees it. */
export class Listener {
  readonly #send: (bytes: Uint8Array) => void;
  #batch: Batch | undefined;
  #from = 0;
  #to = 0;

  /** @param send Queues bytes; called once a turn, with what may be shared with others. */
  constructor(send: (bytes: Uint8Array) => void) {
    this.#send = send;
  }

  /** Takes a line of a batch, by its number. */
  hear(batch: Batch, line: number): void {
    if (this.#batch === batch && this.#to === line) {
      this.#to++;
      return;
    }
    // He has missed a line, his own mostly, so what comes now is not next to what he has.
    this.flush();
    this.#batch = batch;
    this.#from = line;
    this.#to = line + 1;
    batch.listeners.push(this);
  }

  /** Queues what has been heard so far: before anything that is for him alone, and at the end. */
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
  readonly #batches = new Map<string, Batch>();
  #event: HistoryEvent | undefined;
  #batch = new Batch();
  #line = 0;
  #spent = 0;
  #turn: PromiseWithResolvers<void> | undefined;
  #ending = false;

  /**
   * @param style How lines are written.
   * @param portion How many bytes may be said before the sockets get their turn. Twice as much may
   * come together in a send queue.
   */
  constructor(style: TerminalStyle, portion: number) {
    this.#style = style;
    this.#portion = portion;
  }

  /**
   * Lets a listener hear an event. Events of a room come one after the other, each to everyone who
   * hears it before the next one.
   *
   * @param listener Who.
   * @param event What.
   */
  tell(listener: Listener, event: HistoryEvent): void {
    if (event !== this.#event) this.#open(event);
    listener.hear(this.#batch, this.#line);
  }

  /**
   * Counts a line that was said. Lines that arrived together could all be said before the event
   * loop comes round, and fill the queues of listeners that read as fast as anyone can; so those
   * who talk share a budget, and wait for the next turn when it is used up.
   *
   * @param bytes About how long it was.
   * @returns What to wait for before the next line, if anything.
   */
  spend(bytes: number): Promise<void> | undefined {
    this.#spent += bytes;
    if (this.#spent < this.#portion) return undefined;
    this.#turn ??= Promise.withResolvers();
    this.#endTurn();
    return this.#turn.promise;
  }

  /** Writes an event behind the others of its room. */
  #open(event: HistoryEvent): void {
    let batch = this.#batches.get(event.room);
    if (batch === undefined || batch.size >= this.#portion) {
      if (batch !== undefined) flush(batch);
      batch = new Batch();
      this.#batches.set(event.room, batch);
      this.#endTurn();
    }
    batch.add(terminalText(event, this.#style));
    this.#event = event;
    this.#batch = batch;
    this.#line = batch.lines - 1;
  }

  /** Has everything queued when this turn of the event loop ends. */
  #endTurn(): void {
    if (this.#ending) return;
    this.#ending = true;
    setImmediate(() => {
      this.#ending = false;
      this.#event = undefined;
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
  // Those who went on to another part of it or to another batch have nothing left of this one.
  for (const listener of listeners) listener.flush();
}
