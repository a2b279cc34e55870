type Bytes = Uint8Array<ArrayBuffer>;

/** A connection that bytes are written to. */
export interface Sink {
  /** Writes at least one byte, and returns the number of bytes. */
  write(bytes: Bytes): Promise<number>;
}

/** Writes all bytes. */
export async function writeAll(conn: Sink, bytes: Bytes): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}
