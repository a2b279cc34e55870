/** Closes a resource that may be closed already. */
export function closeQuietly(conn: { close(): void }): void {
  try {
    conn.close();
  } catch { /* It was closed already. */ }
}
