/** Maximum number of addresses in a message. */
const SHOWN = 8;

/** Returns the end of a message about a host with several addresses. */
export function tried(addresses: readonly string[] = []): string {
  if (addresses.length < 2) return "";
  const more = addresses.length > SHOWN ? `, and ${addresses.length - SHOWN} more` : "";
  return ` (tried ${addresses.slice(0, SHOWN).join(", ")}${more})`;
}
