import type { Connection } from "../../net/connection/connection.ts";
import { toLatin1, writeLatin1 } from "../internal/http1_bytes.ts";
import { LARGE_OUTPUT, returnOutput, takeOutput } from "../internal/output_buffers.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Number of bytes from which on a buffer is written without waiting for more. */
const ENOUGH = 16 * 1024;
/**
 * Turns of the microtask queue in which a source provides a piece that it already has. They take about
 * a microsecond, without any I/O.
 */
const TURNS = 16;

/**
 * Sends the pieces of a body. Small pieces go out in one write if they arrive at the same time, or
 * before the client has accepted the previous ones. A silent body holds no buffer.
 */
export class BodySink {
  readonly #conn: Connection;
  /** The bytes of the next write. */
  #buffer: Bytes | undefined;
  #filled = 0;
  #writing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** Turns since the last piece; undefined while no turns are counted. */
  #turns: number | undefined;

  constructor(conn: Connection) {
    this.#conn = conn;
  }

  /**
   * Adds text with one byte per character.
   *
   * @returns A promise that resolves when the text has been added; undefined if there is room now.
   */
  addText(text: string): Promise<void> | undefined {
    if (text.length > LARGE_OUTPUT) return this.#addLarge(toLatin1(text), "", "");
    if (this.#fits(text.length)) return this.#putText(text);
    return this.#room(text.length).then(() => this.#putText(text));
  }

  /**
   * Adds a piece of the body.
   *
   * @param data The piece. It must not change until it has been added.
   * @param before Text in front of the piece, one byte per character.
   * @param after Text after the piece, one byte per character.
   * @returns A promise that resolves when the piece has been added; undefined if there is room now.
   */
  add(data: Uint8Array, before: string, after: string): Promise<void> | undefined {
    const size = before.length + data.length + after.length;
    if (this.#fits(size)) return this.#put(data, before, after);
    return size > LARGE_OUTPUT
      ? this.#addLarge(data, before, after)
      : this.#room(size).then(() => this.#put(data, before, after));
  }

  /**
   * Waits until the operating system has accepted all bytes.
   *
   * @throws The error of the connection, if a write fails.
   */
  async flush(): Promise<void> {
    while (this.#filled > 0 || this.#writing !== undefined) {
      this.#pump();
      await this.#writing;
      this.#check();
    }
    this.#check();
  }

  /** Writes a large piece without copying it. */
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

  /** Waits for a buffer with `size` free bytes. */
  async #room(size: number): Promise<void> {
    while (!this.#fits(size)) {
      // The buffer is empty but too small.
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

  /** Writes as soon as the source has no further piece at hand. */
  async #pumpSoon(): Promise<void> {
    while (this.#turns! < TURNS) {
      this.#turns!++;
      await null;
    }
    this.#turns = undefined;
    this.#pump();
  }

  /** Starts a write, unless one is running. A running write continues with the new bytes. */
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

/** Writes a few characters. For these, a loop is faster than an encoder. */
function putAscii(text: string, into: Bytes, at: number): void {
  for (let i = 0; i < text.length; i++) into[at + i] = text.charCodeAt(i);
}
