type Bytes = Uint8Array<ArrayBuffer>;

/** Masks or unmasks bytes in place, in words; `at` is the position of the first byte in the key. */
export function xorKey(bytes: Bytes, key: Uint8Array, at: number): void {
  const { length } = bytes;
  let i = 0;
  if (length >= 128) {
    const bare = -bytes.byteOffset & 7;
    for (; i < bare; i++) bytes[i]! ^= key[(at + i) & 3]!;
    const words = new BigUint64Array(bytes.buffer, bytes.byteOffset + i, (length - i) >> 6 << 3);
    const word = keyWord(key, at + i);
    // Eight words per iteration take half the time of one.
    for (let w = 0; w < words.length; w += 8) {
      words[w]! ^= word;
      words[w + 1]! ^= word;
      words[w + 2]! ^= word;
      words[w + 3]! ^= word;
      words[w + 4]! ^= word;
      words[w + 5]! ^= word;
      words[w + 6]! ^= word;
      words[w + 7]! ^= word;
    }
    i += words.byteLength;
  }
  for (; i < length; i++) bytes[i]! ^= key[(at + i) & 3]!;
}

/** Returns eight bytes of the key from `at`, in the byte order of the machine. */
function keyWord(key: Uint8Array, at: number): bigint {
  for (let i = 0; i < 8; i++) WORD_BYTES[i] = key[(at + i) & 3]!;
  return WORD[0]!;
}

const WORD = new BigUint64Array(1);
const WORD_BYTES = new Uint8Array(WORD.buffer);
