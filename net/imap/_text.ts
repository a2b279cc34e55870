/** Text of servers that may not say its charset. Pure. */

const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const western = new TextDecoder("windows-1252");

/** Decodes bytes: as UTF-8, otherwise as Windows-1252, which old senders use without saying so. */
export function decodeText(bytes: Uint8Array): string {
  // This decoder is faster than the strict one. U+FFFD stands for bytes that are not UTF-8, or for itself.
  const text = lenient.decode(bytes);
  if (!text.includes("\uFFFD")) return text;
  try {
    return strict.decode(bytes);
  } catch {
    return western.decode(bytes);
  }
}
