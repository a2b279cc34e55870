import type { SocksSource } from "./socks.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const FIRST = 16 * 1024;

/** Returns a source that reads exact numbers of bytes, and never more. */
export function socksSource(conn: Deno.Conn): SocksSource {
  return {
    async readExact(size) {
      const bytes = new Uint8Array(size);
      for (let at = 0; at < size;) {
        const read = await conn.read(bytes.subarray(at));
        if (read === null) throw new Error("The client of the dialer has gone");
        at += read;
      }
      return bytes;
    },
    write: (bytes) => writeAll(conn, bytes),
  };
}

/** Returns the first bytes of a connection. If it ends, aborts `gone` and returns null. */
export async function firstBytes(conn: Deno.Conn, gone: AbortController): Promise<Bytes | null> {
  const buffer = new Uint8Array(FIRST);
  const size = await conn.read(buffer).catch(() => null);
  if (size !== null) return buffer.subarray(0, size);
  gone.abort(new Error("The client of the dialer has gone"));
  return null;
}

/** A target of bytes. */
interface Sink {
  write(bytes: Bytes): Promise<number>;
}

/** Copies bytes until the end, with backpressure. */
export async function pump(from: Deno.Conn, to: Sink, size: number): Promise<void> {
  const buffer = new Uint8Array(size);
  for (;;) {
    const read = await from.read(buffer);
    if (read === null) return;
    await writeAll(to, buffer.subarray(0, read));
  }
}

/** Writes all bytes. */
export async function writeAll(conn: Sink, bytes: Bytes): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}
