/** Extensions that are a part of IMAP4rev2, so that a server need not list them (RFC 9051 Appendix E). */
const REV2: ReadonlySet<string> = new Set([
  "ENABLE",
  "ESEARCH",
  "IDLE",
  "LIST-EXTENDED",
  "LIST-STATUS",
  "MOVE",
  "NAMESPACE",
  "SASL-IR",
  "SPECIAL-USE",
  "STATUS=SIZE",
  "UIDPLUS",
  "UNSELECT",
]);

/** Returns whether a server supports an extension, from its capabilities in capitals. */
export function hasFeature(capabilities: ReadonlySet<string>, name: string): boolean {
  return capabilities.has(name) || (capabilities.has("IMAP4REV2") && REV2.has(name));
}
