/**
 * The body of a response that is a piece of a file.
 *
 * @module
 */

import type { Piece } from "./range.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Size of one read in bytes. Smaller bodies are read in one piece. */
export const FILE_CHUNK = 64 * 1024;

/**
 * Returns a piece of a file as the body of a response, and closes the file in any case.
 *
 * @param file The file, open for reading, at its start.
 * @param piece The piece to send.
 * @param name The name of the file, for errors.
 * @returns Bytes for a small piece; otherwise a stream that reads on demand.
 */
export async function fileBody(
  file: Deno.FsFile,
  piece: Piece,
  name: string,
): Promise<Bytes | ReadableStream<Bytes>> {
  let lent = false;
  try {
    const { start, end } = piece;
    if (start > 0) await file.seek(start, Deno.SeekMode.Start);
    if (end - start <= FILE_CHUNK) return await readWhole(file, end - start, name);
    lent = true;
    return streamFile(file, piece, name);
  } finally {
    if (!lent) file.close();
  }
}

async function readWhole(file: Deno.FsFile, size: number, name: string): Promise<Bytes> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size;) {
    const count = await file.read(bytes.subarray(at));
    if (count === null) throw shrunk(name);
    at += count;
  }
  return bytes;
}

/** Returns a stream that reads a piece of a file on demand, and closes the file in any case. */
function streamFile(file: Deno.FsFile, { start, end }: Piece, name: string): ReadableStream<Bytes> {
  let at = start;
  return new ReadableStream({
    async pull(controller) {
      try {
        const buffer = new Uint8Array(Math.min(FILE_CHUNK, end - at));
        const count = await file.read(buffer);
        if (count === null) throw shrunk(name);
        at += count;
        controller.enqueue(buffer.subarray(0, count));
        if (at < end) return;
      } catch (error) {
        file.close();
        throw error;
      }
      file.close();
      controller.close();
    },
    cancel: () => file.close(),
  }, { highWaterMark: 0 });
}

function shrunk(name: string): Error {
  return new Error(`${name} became shorter while it was sent`);
}
