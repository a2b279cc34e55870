type Bytes = Uint8Array<ArrayBuffer>;

/** Returns the bytes of all parts together, in new memory unless there is only one part. */
export function joinedBytes(parts: readonly Bytes[]): Bytes {
  if (parts.length === 1) return parts[0]!;
  let size = 0;
  for (const part of parts) size += part.length;
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
