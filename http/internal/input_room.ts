/**
 * Returns memory with the unread bytes of a parser at its start, and with room for more behind them.
 *
 * The memory doubles, and bytes are moved within it only if at most half of it is in use. So each byte is
 * copied a constant number of times, also if the pieces are small.
 *
 * @param bytes The memory that contains the unread bytes.
 * @param at The index of the first unread byte.
 * @param end The index behind the last unread byte.
 * @param more The number of bytes that must fit behind them.
 * @param owned Whether the parser may change this memory.
 * @returns The memory, which the parser may change.
 */
export function withRoom(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
  end: number,
  more: number,
  owned: boolean,
): Uint8Array<ArrayBuffer> {
  const kept = end - at;
  const size = Math.max(kept * 2, kept + more);
  const target = owned && size <= bytes.length ? bytes : new Uint8Array(size);
  target.set(bytes.subarray(at, end));
  return target;
}
