/** The form of mail addresses (RFC 5321 §4.1.2), for envelopes and headers. Pure. */

/** `user@host`, with a quoted user or a literal host. Nothing in it can end a path. */
const ADDRESS =
  /^(?:"(?:[^"\\<>\p{Cc}]|\\[\x20-\x3b\x3d\x3f-\x7e])*"|[^\s"<>()[\]\\,:;@\p{Cc}]+)@(?:\[[0-9A-Fa-f:.IPv]+\]|[^\s"<>()[\]\\,:;@\p{Cc}]+)$/u;
/** Longest address, in characters. */
const MAX_ADDRESS = 320;

/** Returns whether a text is a mail address. Characters that are not ASCII are allowed. */
export function isMailAddress(text: string): boolean {
  return text.length <= MAX_ADDRESS && ADDRESS.test(text);
}
