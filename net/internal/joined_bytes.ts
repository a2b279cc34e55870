/** Returns the bytes of all parts together, in new memory unless there is only one part. */
export function joinedBytes<B extends Uint8Array>(
  parts: readonly B[],
): B | Uint8Array<ArrayBuffer> {
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
