import zlib from "node:zlib";
import { cut, damaged, headerEnd, inflateMember, TRAILER } from "./decompress_whole.ts";
import type { PieceReader } from "./piece_reader.ts";
import { STEP, SteppedDecoder } from "./stepped_decoder.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The largest header of a member in bytes. Its comment may have any length. */
const MAX_HEADER = 64 * 1024;
/** The largest member, compressed and not, that is decoded at once, in bytes. A decoder costs much more. */
const SMALL = 1024;
const SMALL_OUTPUT = 64 * 1024;
/** Members that any body may have, and the output in bytes for which it may have another one. */
const FREE_MEMBERS = 10_000;
const PER_MEMBER = 256;

/**
 * Decodes all members of a gzip (RFC 1952 §2.2). It leaves bytes that are no member behind the last one
 * in `input`.
 *
 * @throws {Error} With the code `Z_BUF_ERROR` if the body ends early, `Z_DATA_ERROR` if it is damaged or
 * has very many members that are empty.
 */
export async function* gunzip(input: PieceReader): AsyncGenerator<Bytes> {
  let size = 0;
  for (let members = 0;; members++) {
    const more = await input.more();
    if (members > 0 && (!more || !await atMember(input))) return;
    if (members > FREE_MEMBERS + size / PER_MEMBER) throw damaged();
    await skipHeader(input);
    let crc = 0;
    let length = 0;
    for await (const bytes of inflate(input)) {
      crc = zlib.crc32(bytes, crc);
      length += bytes.length;
      yield bytes;
    }
    size += length;
    await checkTrailer(input, crc, length);
  }
}

/** Returns whether the next bytes begin a member. */
async function atMember(input: PieceReader): Promise<boolean> {
  await input.more(3);
  return headerEnd(input.rest, 0) !== undefined;
}

async function skipHeader(input: PieceReader): Promise<void> {
  for (;;) {
    const end = headerEnd(input.rest, 0);
    if (end === undefined) throw damaged();
    if (end <= input.rest.length) return void input.take(end);
    const before = input.rest.length;
    if (before > MAX_HEADER) throw damaged();
    await input.more(before + 1);
    if (input.rest.length === before) throw cut();
  }
}

/** Decodes a member at once; undefined if it is large or incomplete. */
function smallMember(input: PieceReader): Bytes | undefined {
  try {
    const { bytes, used } = inflateMember(input.rest.subarray(0, SMALL), SMALL_OUTPUT);
    input.take(used);
    return bytes;
  } catch {
    return undefined;
  }
}

async function* inflate(input: PieceReader): AsyncGenerator<Bytes> {
  const small = smallMember(input);
  if (small !== undefined) {
    yield small;
    return;
  }
  const decoder = new SteppedDecoder(zlib.createInflateRaw());
  try {
    let piece: Bytes | undefined;
    while (!decoder.over && await input.more()) {
      piece = input.take(STEP);
      yield* await decoder.step(piece);
    }
    yield* await decoder.finish();
    if (decoder.over) input.putBack(piece!.subarray(piece!.length + decoder.used - decoder.given));
  } finally {
    decoder.close();
  }
}

async function checkTrailer(input: PieceReader, crc: number, length: number): Promise<void> {
  await input.more(TRAILER);
  if (input.rest.length < TRAILER) throw cut();
  const { buffer, byteOffset } = input.take(TRAILER);
  const trailer = new DataView(buffer, byteOffset, TRAILER);
  const exact = trailer.getUint32(0, true) === crc &&
    trailer.getUint32(4, true) === length % 2 ** 32;
  if (!exact) throw damaged();
}
