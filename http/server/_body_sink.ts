import type { Connection } from "../../net/connection/connection.ts";
import { toLatin1, writeLatin1 } from "../internal/http1_bytes.ts";
import { LARGE_OUTPUT, returnOutput, takeOutput } from "../internal/output_buffers.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A buffer with so many bytes is written at once. */
const ENOUGH = 16 * 1024;
/**
 * A source that has another piece at hand gives it in so many turns of the microtask queue. They take
 * about a microsecond, and no I/O happens meanwhile.
 */
const TURNS = 16;

/**
 * Sends the pieces of a body. Small pieces that come at the same time, or while the client has not
 * taken the ones before, go out in one write. A body that is silent holds no buffer.
 */
export class BodySink {
  readonly #conn: Connection;
  /** What is written next. */
  #buffer: Bytes | undefined;
  #filled = 0;
  #writing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** How many turns have passed since the last piece; undefined while nobody counts. */
  #turns: number | undefined;

  constructor(conn: Connection) {
    this.#conn = conn;
  }

  /**
   * Adds text of one byte a character.
   *
   * @returns Resolves when there is room for it; undefined if there is room now.
   */
  addText(text: string): Promise<void> | undefined {
    if (text.length > LARGE_OUTPUT) return this.#addLarge(toLatin1(text), "", "");
    if (this.#fits(text.length)) return this.#putText(text);
    return this.#room(text.length).then(() => this.#putText(text));
  }

  /**
   * Adds a piece of the body.
   *
   * @param data The piece, lent until there is room for it.
   * @param before What stands in front of it, one byte a character.
   * @param after What stands behind it.
   * @returns Resolves when there is room for it; undefined if there is room now.
   */
  add(data: Uint8Array, before: string, after: string): Promise<void> | undefined {
    const size = before.length + data.length + after.length;
    if (this.#fits(size)) return this.#put(data, before, after);
    return size > LARGE_OUTPUT
      ? this.#addLarge(data, before, after)
      : this.#room(size).then(() => this.#put(data, before, after));
  }

  /**
   * Waits until all of it is with the operating system.
   *
   * @throws What the connection throws.
   */
  async flush(): Promise<void> {
    while (this.#filled > 0 || this.#writing !== undefined) {
      this.#pump();
      await this.#writing;
      this.#check();
    }
    this.#check();
  }

  /** Writes a large piece from where it is. */
  async #addLarge(data: Uint8Array, before: string, after: string): Promise<void> {
    await this.addText(before);
    await this.flush();
    await this.#conn.write(data);
    await this.addText(after);
  }

  #fits(size: number): boolean {
    this.#check();
    if (size > LARGE_OUTPUT) return false;
    this.#buffer ??= takeOutput(size);
    return this.#filled + size <= this.#buffer.length;
  }

  /** Waits for a buffer with so much room. */
  async #room(size: number): Promise<void> {
    while (!this.#fits(size)) {
      // One of the smaller size that nothing is in.
      if (this.#filled === 0) {
        returnOutput(this.#buffer!);
        this.#buffer = takeOutput(size);
        return;
      }
      this.#pump();
      await this.#writing;
    }
  }

  #putText(text: string): undefined {
    writeLatin1(text, this.#buffer!, this.#filled);
    this.#filled += text.length;
    this.#added();
  }

  #put(data: Uint8Array, before: string, after: string): undefined {
    const buffer = this.#buffer!;
    const at = this.#filled + before.length;
    putAscii(before, buffer, this.#filled);
    buffer.set(data, at);
    putAscii(after, buffer, at + data.length);
    this.#filled = at + data.length + after.length;
    this.#added();
  }

  #added(): void {
    const counting = this.#turns !== undefined;
    this.#turns = 0;
    if (this.#filled >= ENOUGH) this.#pump();
    else if (!counting) void this.#pumpSoon();
  }

  /** Writes once no further piece comes at once. */
  async #pumpSoon(): Promise<void> {
    while (this.#turns! < TURNS) {
      this.#turns!++;
      await null;
    }
    this.#turns = undefined;
    this.#pump();
  }

  /** Begins to write what there is, unless a write is under way. That one goes on with it. */
  #pump(): void {
    const buffer = this.#buffer;
    if (this.#writing !== undefined || buffer === undefined || this.#filled === 0) return;
    const bytes = buffer.subarray(0, this.#filled);
    this.#buffer = undefined;
    this.#filled = 0;
    this.#writing = this.#conn.write(bytes).then(() => {
      returnOutput(buffer);
      this.#writing = undefined;
      this.#pump();
    }, (error) => {
      this.#failure = { error };
      this.#writing = undefined;
    });
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** Writes a few characters. For so few a loop is faster than an encoder. */
function putAscii(text: string, into: Bytes, at: number): void {
  for (let i = 0; i < text.length; i++) into[at + i] = text.charCodeAt(i);
}
