/** How many addresses of a host a sentence names. */
const SHOWN = 8;

/** The end of a sentence about a host with several addresses. */
export function tried(addresses: readonly string[] = []): string {
  if (addresses.length < 2) return "";
  const more = addresses.length > SHOWN ? `, and ${addresses.length - SHOWN} more` : "";
  return ` (tried ${addresses.slice(0, SHOWN).join(", ")}${more})`;
}
