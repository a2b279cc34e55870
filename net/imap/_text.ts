/** Text of servers that may not say its charset. Pure. */

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const western = new TextDecoder("windows-1252");

/** Decodes bytes: as UTF-8, otherwise as Windows-1252, which old senders use without saying so. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return western.decode(bytes);
  }
}
