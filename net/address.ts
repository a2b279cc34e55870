/** Provisional. @module */
export function formatAddress(
  a: Deno.Addr | { hostname: string; port: number } | { transport: "memory"; name: string },
): string {
  if ("name" in a) return `memory:${a.name}`;
  if ("path" in a) return `unix:${a.path}`;
  if (!("hostname" in a)) return JSON.stringify(a);
  return a.hostname.includes(":") ? `[${a.hostname}]:${a.port}` : `${a.hostname}:${a.port}`;
}
export function normalizeHostname(h: string): string {
  return h.replace(/^::ffff:(?=\d+\.)/i, "");
}
