/** Copying between two connections of a test. @module */

/** Copies both ways until both have ended, or one breaks off. */
export async function pipe(one: Deno.Conn, other: Deno.Conn): Promise<void> {
  const copy = async (from: Deno.Conn, to: Deno.Conn) => {
    const buffer = new Uint8Array(64 * 1024);
    for (let size; (size = await from.read(buffer)) !== null;) {
      for (let at = 0; at < size;) at += await to.write(buffer.subarray(at, size));
    }
    await to.closeWrite();
  };
  await Promise.all([copy(one, other), copy(other, one)]);
}
