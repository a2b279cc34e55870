// deno-lint-ignore no-control-regex -- ASCII contains the control characters
const ASCII = /^[\x00-\x7f]*$/;

/** Returns whether a text consists of ASCII, so that each character is one byte in most encodings. */
export function isAscii(text: string): boolean {
  return ASCII.test(text);
}
