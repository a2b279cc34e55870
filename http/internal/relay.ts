import type { SocksSource } from "./socks.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const FIRST = 16 * 1024;

/** Reads exactly what is asked for, so that nothing of what follows is taken away. */
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

/** What comes first on a connection; null, and `gone` aborted, if it ends. */
export async function firstBytes(conn: Deno.Conn, gone: AbortController): Promise<Bytes | null> {
  const buffer = new Uint8Array(FIRST);
  const size = await conn.read(buffer).catch(() => null);
  if (size !== null) return buffer.subarray(0, size);
  gone.abort(new Error("The client of the dialer has gone"));
  return null;
}

/** What bytes are written to. */
interface Sink {
  write(bytes: Bytes): Promise<number>;
}

/** Copies until the end; writing waits for the reader. */
export async function pump(from: Deno.Conn, to: Sink, size: number): Promise<void> {
  const buffer = new Uint8Array(size);
  for (;;) {
    const read = await from.read(buffer);
    if (read === null) return;
    await writeAll(to, buffer.subarray(0, read));
  }
}

/** Writes all of it. */
export async function writeAll(conn: Sink, bytes: Bytes): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}
