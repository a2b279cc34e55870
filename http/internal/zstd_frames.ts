/** The framing of Zstandard (RFC 8878), as far as it shows whether a body is complete. @module */

type Part = "magic" | "descriptor" | "block" | "checksum" | "skippable" | "other";

/** The number of bytes that each part needs. */
const NEEDS: Readonly<Record<Part, number>> = {
  magic: 4,
  descriptor: 1,
  block: 3,
  checksum: 4,
  skippable: 4,
  other: 1,
};
const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
/** The sizes of the dictionary and of the content size, by their flags (RFC 8878 §3.1.1.1). */
const DICTIONARY = [0, 1, 2, 4];
const CONTENT_SIZE = [0, 2, 4, 8];
const RLE = 1;

/**
 * Follows the frames of a body that is read in pieces. The decoder of Deno accepts half a frame, so its
 * end must be checked in another way.
 */
export class ZstdFrames {
  #part: Part = "magic";
  readonly #bytes: number[] = [];
  /** The number of bytes to skip before the next part. */
  #skip = 0;
  #checksum = false;
  #frames = 0;

  /** Whether the bytes so far end behind a whole frame. Bytes of something else may follow it. */
  get complete(): boolean {
    return this.#frames > 0 && (this.over || (this.#part === "magic" && this.#skip === 0));
  }

  /** Whether the next byte begins a frame, or something else. */
  get between(): boolean {
    return this.#part === "magic" && this.#skip === 0 && this.#bytes.length === 0;
  }

  /** Whether something else has begun. */
  get over(): boolean {
    return this.#part === "other";
  }

  /** Adds the next bytes, up to the end of a block or of a frame. Returns their number. */
  push(chunk: Uint8Array): number {
    let i = 0;
    while (i < chunk.length && !this.over) {
      if (this.#skip > 0) {
        const size = Math.min(this.#skip, chunk.length - i);
        this.#skip -= size;
        return i + size;
      }
      this.#bytes.push(chunk[i++]!);
      if (this.#bytes.length < NEEDS[this.#part]) continue;
      // The first byte is the lowest one.
      const value = this.#bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
      this.#bytes.length = 0;
      this.#read(value);
      if (this.between) break;
    }
    return i;
  }

  #read(value: number): void {
    switch (this.#part) {
      case "magic":
        if (value === MAGIC) this.#part = "descriptor";
        else if (value - value % 16 === SKIPPABLE) this.#part = "skippable";
        else this.#part = "other";
        break;
      case "descriptor": {
        const single = (value & 32) !== 0;
        const size = value >> 6;
        this.#checksum = (value & 4) !== 0;
        this.#skip = (single ? 0 : 1) + DICTIONARY[value & 3]! +
          (size === 0 && single ? 1 : CONTENT_SIZE[size]!);
        this.#part = "block";
        break;
      }
      case "block": {
        const isLast = (value & 1) !== 0;
        this.#skip = (value >> 1 & 3) === RLE ? 1 : value >> 3;
        if (!isLast) break;
        this.#frames++;
        this.#part = this.#checksum ? "checksum" : "magic";
        break;
      }
      case "checksum":
        this.#part = "magic";
        break;
      default:
        this.#skip = value;
        this.#frames++;
        this.#part = "magic";
    }
  }
}
