/** The two sides of a connection as streams. */

/** The receiving side of a connection. */
interface ChunkSource {
  readChunk(): Promise<Uint8Array<ArrayBuffer> | null>;
}

/** The sending side of a connection. */
interface ByteSink {
  write(data: Uint8Array | string): Promise<void>;
  closeWrite(): Promise<void>;
  abort(reason: unknown): void;
}

/** Returns the receiving side as a stream. It reads only when it is asked for a chunk. */
export function readableOf(source: ChunkSource): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const chunk = await source.readChunk();
      if (chunk === null) controller.close();
      else controller.enqueue(chunk);
    },
  }, { highWaterMark: 0 });
}

/** Returns the sending side as a stream. Its end is a half-close. */
export function writableOf(sink: ByteSink): WritableStream<Uint8Array | string> {
  return new WritableStream({
    write: (chunk) => sink.write(chunk),
    close: () => sink.closeWrite(),
    abort: (reason) => sink.abort(reason),
  });
}
