import { lowerAscii } from "../../net/text.ts";
import { ProblemError } from "../problem.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Bytes that arrive in pieces, in one buffer that grows. A list of pieces would cost a hundred bytes
 * for each, and a client decides how small they are.
 */
export class Collector {
  #buffer: Bytes = new Uint8Array(0);
  #size = 0;

  /** How many bytes there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds bytes. They are copied, unless they are the first. */
  add(bytes: Bytes): void {
    const size = this.#size + bytes.length;
    if (size > this.#buffer.length) {
      if (this.#size === 0) {
        // Most bodies come in one piece.
        this.#buffer = bytes;
        this.#size = size;
        return;
      }
      const buffer = new Uint8Array(Math.max(size, this.#buffer.length * 2));
      buffer.set(this.#buffer.subarray(0, this.#size));
      this.#buffer = buffer;
    }
    this.#buffer.set(bytes, this.#size);
    this.#size = size;
  }

  /** Returns all bytes. */
  bytes(): Bytes {
    return this.#buffer.subarray(0, this.#size);
  }
}

/**
 * Checks that the body of a request is not compressed.
 *
 * @throws {ProblemError} Status 415 if it is.
 */
export function checkNotCompressed(request: Request): void {
  const coding = request.headers.get("content-encoding") ?? "identity";
  if (lowerAscii(coding) === "identity") return;
  throw new ProblemError(415, {
    detail: "The body must not be compressed",
    headers: { "accept-encoding": "identity" },
  });
}
