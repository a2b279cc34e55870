import { type Rule, rule } from "../../net/internal/options.ts";
import { lowerAscii } from "../../net/text.ts";
import { ProblemError } from "../problem.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A request. Frameworks may have classes of their own for it. */
export const aRequest: Rule = rule(
  "a Request",
  (value) => typeof (value as Partial<Request> | null | undefined)?.headers?.get === "function",
);

/**
 * Collects pieces in one buffer that grows. A list of pieces would need a hundred bytes for each, and a
 * client decides how small they are.
 */
export class Collector {
  #buffer: Bytes = new Uint8Array(0);
  #size = 0;

  /** Number of collected bytes. */
  get size(): number {
    return this.#size;
  }

  /** Adds bytes. The first ones are not copied. */
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

  /** Returns all collected bytes. */
  bytes(): Bytes {
    return this.#buffer.subarray(0, this.#size);
  }
}

/**
 * Rejects a request whose body is compressed.
 *
 * @throws {ProblemError} Of status 415.
 */
export function checkNotCompressed(request: Request): void {
  const coding = request.headers.get("content-encoding") ?? "identity";
  if (lowerAscii(coding) === "identity") return;
  throw new ProblemError(415, {
    detail: "The body must not be compressed",
    headers: { "accept-encoding": "identity" },
  });
}
