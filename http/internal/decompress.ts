import zlib from "node:zlib";
import { lowerAscii } from "../../net/text.ts";
import { parseList } from "../header_list.ts";
import { cut, damaged, isWrapped } from "./decompress_whole.ts";
import { gunzip } from "./gunzip.ts";
import { PieceReader } from "./piece_reader.ts";
import { STEP, SteppedDecoder, type ZlibDecoder } from "./stepped_decoder.ts";
import { ZstdFrames } from "./zstd_frames.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The codings that a client offers in `Accept-Encoding`. */
export const OFFERED_CODINGS = "gzip, deflate, br, zstd";

const KNOWN: ReadonlySet<string> = new Set(["gzip", "x-gzip", "deflate", "br", "zstd"]);

/** Maximum number of codings of a body. No server has a reason for more. */
const MAX_CODINGS = 4;

/** Returns the codings of a body in the order of decoding; undefined if one is unknown. */
export function codingsOf(header: string | null): readonly string[] | undefined {
  if (header === null) return [];
  const codings = parseList(lowerAscii(header)).filter((name) => name !== "identity").reverse();
  const known = codings.every((name) => KNOWN.has(name));
  return known && codings.length <= MAX_CODINGS ? codings : undefined;
}

/**
 * Decodes a body while it is read. It decodes all members of a gzip, unlike `fetch` of Deno. To cancel
 * the result, cancel `body` first, because a read may be pending. A body without any bytes is empty in
 * every coding, if it is `framed`, which means that its end is known.
 */
export function decode(
  body: AsyncIterable<Bytes>,
  codings: readonly string[],
  framed: boolean,
): ReadableStream<Bytes> {
  let source: AsyncIterable<Bytes> = body;
  for (const name of codings) source = stage(source, name, framed);
  const chunks = source[Symbol.asyncIterator]();
  return new ReadableStream<Bytes>({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await chunks.return?.();
    },
  }, { highWaterMark: 0 });
}

/** Bytes that never continue a Brotli stream. A decoder ignores them after a complete stream. */
const PAD = new Uint8Array(16).fill(0xff);

/** The output buffer for Zstandard in bytes: more than its largest block (RFC 8878 §3.1.1.2). */
const ZSTD_BUFFER = 256 * 1024;

/** The largest rest behind a complete stream that is read and ignored, in bytes. */
const MAX_REST = 64 * 1024;

async function* stage(
  source: AsyncIterable<Bytes>,
  name: string,
  framed: boolean,
): AsyncGenerator<Bytes> {
  const input = new PieceReader(source);
  try {
    if (await input.more()) yield* decoded(input, name);
    else if (!framed) throw cut();
    // The end of the body may still be missing.
    for (let size = input.rest.length; size <= MAX_REST && await input.more();) {
      size += input.take(input.rest.length).length;
    }
  } finally {
    await input.close();
  }
}

function decoded(input: PieceReader, name: string): AsyncGenerator<Bytes> {
  switch (name) {
    case "br":
      return brotli(input);
    case "zstd":
      return zstd(input);
    case "deflate":
      return zlibStream(
        input,
        isWrapped(input.rest) ? zlib.createInflate() : zlib.createInflateRaw(),
      );
    default:
      return gunzip(input);
  }
}

async function* zlibStream(input: PieceReader, made: ZlibDecoder): AsyncGenerator<Bytes> {
  const decoder = new SteppedDecoder(made);
  try {
    while (!decoder.over && await input.more()) yield* await decoder.step(input.take(STEP));
    yield* await decoder.finish();
  } finally {
    decoder.close();
  }
}

/** The decoder of Deno accepts half a stream, unlike that of Node. */
async function* brotli(input: PieceReader): AsyncGenerator<Bytes> {
  const decoder = new SteppedDecoder(zlib.createBrotliDecompress());
  try {
    while (!decoder.over && await input.more()) yield* await decoder.step(input.take(STEP));
    if (!decoder.over) {
      const size = decoder.given;
      yield* await decoder.step(PAD).catch(() => {
        throw cut();
      });
      if (decoder.used > size) throw cut();
    }
    yield* await decoder.finish();
  } finally {
    decoder.close();
  }
}

/** A step never contains more than the end of one block, so that its output fits one buffer. */
async function* zstd(input: PieceReader): AsyncGenerator<Bytes> {
  const decoder = new SteppedDecoder(zlib.createZstdDecompress({ chunkSize: ZSTD_BUFFER }));
  const frames = new ZstdFrames();
  try {
    // The magic number of a frame shows whether it is one, so it must be there as a whole.
    while (await input.more(frames.between ? 4 : 1)) {
      const size = frames.push(input.rest.subarray(0, STEP));
      if (frames.over) break;
      yield* await decoder.step(input.take(size));
    }
    if (!frames.complete) throw frames.over ? damaged() : cut();
    yield* await decoder.finish();
  } finally {
    decoder.close();
  }
}
