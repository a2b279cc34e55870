/**
 * Reads the lines of one terminal: Telnet, ends of lines, encoding, editing keys.
 *
 * @module
 */

import type { Connection } from "../../../net/connection/connection.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { byteLength } from "../safe_text.ts";
import { type Charset, decodeText, guessCharset } from "./charset.ts";
import { TelnetDecoder } from "./codec.ts";
import { editLine } from "./line_editor.ts";
import { LineSplitter } from "./line_splitter.ts";

/** A line of a terminal, or the reason for which it cannot be used. */
export type TerminalLine =
  | { readonly type: "line"; readonly text: string }
  | { readonly type: "too-long" }
  /** The line is not in the expected encoding, but probably in another one. */
  | { readonly type: "not-decodable"; readonly guess: Charset }
  /** Many bytes without the end of a line have come. The rate limit counts them as a line. */
  | { readonly type: "noise" }
  /** The user asked "Are you there?" by Telnet. */
  | { readonly type: "are-you-there" }
  | { readonly type: "end" };

/** The settings of {@linkcode TerminalInput}. */
export interface TerminalInputOptions {
  /** The encoding of the terminal at first. */
  readonly charset: Charset;
  /** The maximum size of a line in bytes of UTF-8. */
  readonly maxLine: number;
}

/** The bytes without the end of a line that count as one. Telnet commands and endless lines cost time, too. */
const NOISE = 16 * 1024;

/** The input of one terminal. */
export class TerminalInput {
  /** The encoding of the next line. */
  charset: Charset;
  readonly #conn: Connection;
  readonly #maxLine: number;
  readonly #telnet = new TelnetDecoder();
  readonly #lines: LineSplitter;
  #asked = false;
  /** The bytes since the last line. */
  #silent = 0;

  /**
   * @param conn The connection of the terminal. Nothing else may read from it.
   * @param options The encoding and the maximum of a line.
   */
  constructor(conn: Connection, options: TerminalInputOptions) {
    this.#conn = conn;
    this.charset = options.charset;
    this.#maxLine = options.maxLine;
    // Erased characters count here, and do not count in the line that remains.
    this.#lines = new LineSplitter(options.maxLine * 2);
  }

  /**
   * Waits for the next line.
   *
   * @param due The time of `performance.now()` at which the wait ends with a `NetError` of kind "timeout".
   * @returns The line, or why there is none.
   */
  async next(due: number): Promise<TerminalLine> {
    while (true) {
      const ready = this.ready();
      if (ready !== undefined) return ready;
      if (!await this.#read(due)) {
        const last = this.#lines.end();
        return last === undefined ? { type: "end" } : this.#decode(last);
      }
    }
  }

  /** Returns the next line if it has arrived already. */
  ready(): TerminalLine | undefined {
    const line = this.#lines.next();
    if (line !== undefined) this.#silent = 0;
    if (line === "too-long") return { type: "too-long" };
    if (line !== undefined) return this.#decode(line);
    if (this.#silent > Math.max(NOISE, this.#maxLine * 2)) {
      this.#silent = 0;
      return { type: "noise" };
    }
    if (!this.#asked) return undefined;
    this.#asked = false;
    return { type: "are-you-there" };
  }

  /** Reads some bytes. Returns false at the end. */
  async #read(due: number): Promise<boolean> {
    const left = due - performance.now();
    // A flooding terminal always has bytes to read, so the read itself would never reach its limit.
    if (left <= 0) {
      throw new NetError("The terminal has sent no line in time", {
        kind: "timeout",
        phase: "read",
      });
    }
    const timeout = due === Infinity ? 0 : Math.max(1, left);
    const inMessage = this.#lines.partial;
    const chunk = await this.#conn.readChunk({ timeout, inMessage, lent: true });
    if (chunk === null) return false;
    this.#silent += chunk.length;
    const { data, answer, areYouThere } = this.#telnet.decode(chunk);
    if (answer.length > 0) this.#conn.trySend(answer);
    this.#asked ||= areYouThere;
    this.#lines.push(data);
    return true;
  }

  #decode(bytes: Uint8Array): TerminalLine {
    const charset = this.charset;
    const typed = decodeText(bytes, charset);
    if (typed === undefined) return { type: "not-decodable", guess: guessCharset(bytes) };
    const text = editLine(typed);
    const checked = bytes.length > this.#maxLine || charset !== "utf-8";
    const long = checked && byteLength(text) > this.#maxLine;
    return long ? { type: "too-long" } : { type: "line", text };
  }
}
