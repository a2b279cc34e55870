import { Readable } from "node:stream";
import zlib from "node:zlib";
import { lowerAscii } from "../../net/text.ts";
import { parseList } from "../header_list.ts";
import { ZstdFrames } from "./zstd_frames.ts";
import { cut, damaged, isWrapped } from "./decompress_whole.ts";

type Bytes = Uint8Array<ArrayBuffer>;

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

async function* stage(
  source: AsyncIterable<Bytes>,
  name: string,
  framed: boolean,
): AsyncGenerator<Bytes> {
  const input = new Input(source, name === "zstd" ? new ZstdFrames() : undefined);
  const first = await input.peek();
  if (first === undefined && framed) return;
  const decoder = name === "br"
    ? zlib.createBrotliDecompress()
    : name === "zstd"
    ? zlib.createZstdDecompress()
    : name !== "deflate"
    ? zlib.createGunzip()
    : isWrapped(first)
    ? zlib.createInflate()
    : zlib.createInflateRaw();
  // The decoder of Deno accepts half a stream, unlike that of Node.
  const pads = name === "br";
  const readable = Readable.from(pads ? input.padded() : input.chunks());
  readable.on("error", (error) => decoder.destroy(error));
  readable.pipe(decoder);
  try {
    for await (const chunk of decoder) yield new Uint8Array(chunk);
    if (pads && decoder.bytesWritten > input.size) throw cut();
    if (input.frames?.complete === false) throw cut();
  } catch (error) {
    if (pads && input.ended) throw cut();
    // Errors of Zstandard have no code.
    throw (error as { code?: unknown }).code === undefined ? damaged() : error;
  } finally {
    readable.destroy();
    decoder.destroy();
  }
}

/** The input of a stage, with a count of its bytes. */
class Input {
  size = 0;
  ended = false;
  readonly #chunks: AsyncIterator<Bytes>;
  #first: Bytes | undefined;

  constructor(source: AsyncIterable<Bytes>, readonly frames: ZstdFrames | undefined) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Returns the first bytes, without removing them; undefined at the end. */
  async peek(): Promise<Bytes | undefined> {
    const { done, value } = await this.#chunks.next();
    return this.#first = done ? undefined : value;
  }

  async *chunks(): AsyncGenerator<Bytes> {
    for (let value = this.#first; value !== undefined;) {
      this.size += value.length;
      this.frames?.push(value);
      yield value;
      const next = await this.#chunks.next();
      value = next.done ? undefined : next.value;
    }
    this.ended = true;
  }

  async *padded(): AsyncGenerator<Bytes> {
    yield* this.chunks();
    yield PAD;
  }
}
