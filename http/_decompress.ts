import { Readable } from "node:stream";
import zlib from "node:zlib";

type Bytes = Uint8Array<ArrayBuffer>;

const STAGES: Readonly<Record<string, () => zlib.Gunzip>> = {
  "gzip": () => zlib.createGunzip(),
  "x-gzip": () => zlib.createGunzip(),
  // Some servers send it without the wrapper that the name stands for; this takes both.
  "deflate": () => zlib.createUnzip(),
  "br": () => zlib.createBrotliDecompress(),
};

/** More than any server has a reason for. */
const MAX_CODINGS = 4;

/** The codings that we can undo, the last one applied first; undefined if one is unknown. */
export function codingsOf(header: string | null): readonly string[] | undefined {
  if (header === null) return [];
  const codings = header.toLowerCase().split(",").map((name) => name.trim())
    .filter((name) => name !== "" && name !== "identity").reverse();
  const known = codings.every((name) => Object.hasOwn(STAGES, name));
  return known && codings.length <= MAX_CODINGS ? codings : undefined;
}

/**
 * Undoes codings as the bytes come; nothing is decompressed before somebody
 * reads. All members of a gzip count, which Deno's own `fetch` leaves off.
 */
export function decompress(
  body: ReadableStream<Bytes>,
  codings: readonly string[],
): ReadableStream<Bytes> {
  let stream: Readable = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
  for (const name of codings) {
    const before = stream;
    const after = STAGES[name]!();
    before.on("error", (error) => after.destroy(error));
    after.on("close", () => before.destroy());
    stream = before.pipe(after);
  }
  const chunks = stream[Symbol.asyncIterator]();
  return new ReadableStream<Bytes>({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
    async cancel() {
      await chunks.return?.();
      stream.destroy();
    },
  }, { highWaterMark: 0 });
}
