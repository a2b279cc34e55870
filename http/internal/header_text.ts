/**
 * Returns the value of a header as UTF-8 if it is UTF-8. `Headers` decode each byte as one character, but
 * servers that do not encode a value usually send UTF-8.
 */
export function utf8OfHeader(text: string): string {
  if (/^\p{ASCII}*$/u.test(text)) return text;
  try {
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return text;
  }
}
