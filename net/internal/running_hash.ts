/** Hashes that are computed while the bytes pass. */

import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { lowerAscii } from "../text.ts";

/** The name of an algorithm. */
export type HashName = "SHA-512" | "SHA-256" | "SHA-1" | "MD5" | "CRC32";

/** Computes the hash of bytes as they pass. */
export interface RunningHash {
  /** The algorithm. */
  readonly algorithm: HashName;
  /** Takes the next bytes. */
  update(bytes: Uint8Array): void;
  /** Returns the hash in lower-case hexadecimal digits. */
  end(): string;
}

/** Begins a hash. */
export function runningHash(algorithm: HashName): RunningHash {
  if (algorithm !== "CRC32") {
    const hash = createHash(lowerAscii(algorithm.replace("-", "")));
    return {
      algorithm,
      update: (bytes) => void hash.update(bytes),
      end: () => hash.digest("hex"),
    };
  }
  let value = 0;
  return {
    algorithm,
    update: (bytes) => void (value = crc32(bytes, value)),
    end: () => value.toString(16).padStart(8, "0"),
  };
}
