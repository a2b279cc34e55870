/** The longest line that says how long a chunk is, with extensions, in bytes. */
const MAX_SIZE_LINE = 256;
/** The most bytes of fields behind the last chunk. */
const MAX_TRAILERS = 8192;

const SIZE_LINE = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

const CR = 0x0d;
const LF = 0x0a;

/** Takes the chunks of a body apart (RFC 9112 §7.1), strictly; what stands behind it is left. */
export class ChunkDecoder {
  /** Whether the body has ended. */
  done = false;
  /** What came behind its end. */
  rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  #state: "size" | "data" | "end" | "trailers" = "size";
  #line = "";
  #left = 0;
  #trailers = 0;

  /**
   * Takes the next bytes.
   *
   * @param bytes What has come.
   * @param out Gets pieces of the body, views of `bytes`.
   * @throws {SyntaxError} If these are no chunks.
   */
  push(bytes: Uint8Array<ArrayBuffer>, out: Uint8Array<ArrayBuffer>[]): void {
    let at = 0;
    while (at < bytes.length && !this.done) {
      if (this.#state === "data") {
        const piece = bytes.subarray(at, at + this.#left);
        out.push(piece);
        at += piece.length;
        this.#left -= piece.length;
        if (this.#left === 0) this.#state = "end";
        continue;
      }
      const code = bytes[at++]!;
      if (this.#line.endsWith("\r")) {
        if (code !== LF) throw new SyntaxError("A line between chunks has a bare CR");
        this.#take(this.#line.slice(0, -1));
        this.#line = "";
      } else if (code === LF) {
        throw new SyntaxError("A line between chunks ends in a bare LF");
      } else {
        this.#line += String.fromCharCode(code);
        if (this.#state === "end" && code !== CR) {
          throw new SyntaxError("A chunk is longer than it says");
        }
        const max = this.#state === "trailers" ? MAX_TRAILERS : MAX_SIZE_LINE;
        if (this.#line.length > max) throw new SyntaxError("A line between chunks is too long");
      }
    }
    if (this.done) this.rest = bytes.subarray(at);
  }

  #take(line: string): void {
    switch (this.#state) {
      case "size": {
        const size = SIZE_LINE.exec(line)?.[1];
        if (size === undefined) throw new SyntaxError("The length of a chunk is malformed");
        this.#left = parseInt(size, 16);
        this.#state = this.#left === 0 ? "trailers" : "data";
        break;
      }
      case "end":
        this.#state = "size";
        break;
      case "trailers":
        this.#trailers += line.length + 2;
        if (this.#trailers > MAX_TRAILERS) throw new SyntaxError("The trailers are too long");
        if (line === "") this.done = true;
    }
  }
}
