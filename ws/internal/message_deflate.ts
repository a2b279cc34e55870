/**
 * Compresses and decompresses single messages (RFC 7692 §7.2) by raw DEFLATE of `node:zlib`.
 *
 * It uses the calls behind its streams, which return at once. The public functions without a wait,
 * such as `deflateRawSync`, cannot keep a window between messages: Deno ignores their `dictionary`.
 * The streams would make each message wait for several turns of the event loop.
 *
 * @module
 */

import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";
import { joinedBytes } from "../../net/internal/joined_bytes.ts";
import { Alarm } from "../../net/internal/timer.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The parameters of one direction. */
export interface DeflateContext {
  /** Window bits, from 8 to 15. */
  readonly windowBits: number;
  /** Whether a message may refer to earlier ones. */
  readonly takeover: boolean;
}

/** Time without a message after which a compressor is released, in milliseconds. */
const IDLE = 10_000;

/** The end of a flush, which is not sent (RFC 7692 §7.2.1). */
const TAIL: Bytes = Uint8Array.of(0, 0, 0xff, 0xff);
/** The compressed form of an empty message (§7.2.3.6). A second flush in succession has no output. */
const EMPTY: Bytes = Uint8Array.of(0);

/**
 * Most blocks of one message that are marked as the last one, besides one for each KiB. Two bytes can be
 * such a block, and each one costs as much as many bytes of others.
 */
const MOST_ENDS = 100;

/** The output of each step. All streams share it, because a step does not wait. */
const OUTPUT: Bytes = new Uint8Array(64 * 1024);

/** The internals of a zlib stream that work without waiting, the same in Deno and Node. */
interface NativeStream {
  readonly _handle: {
    onerror: (message: string) => void;
    writeSync(
      flush: number,
      input: Uint8Array,
      inputAt: number,
      inputLength: number,
      output: Uint8Array,
      outputAt: number,
      outputLength: number,
    ): void;
  };
  /** Bytes left in the output and in the input after a step. */
  readonly _writeState: Uint32Array;
  reset(): void;
  close(): void;
}

/** A compressor or a decompressor. */
class RawStream {
  /** Bytes of the input that the last step has not used. */
  left = 0;
  readonly #stream: NativeStream;
  #fault: string | undefined;

  constructor(stream: unknown) {
    this.#stream = stream as NativeStream;
    if (typeof this.#stream._handle?.writeSync !== "function") {
      throw new TypeError("Cannot compress: node:zlib of this version of Deno has no writeSync");
    }
    this.#stream._handle.onerror = (message) => this.#fault = message;
  }

  /** Continues with the input from `at`. Returns the output, which is valid until the next step. */
  step(input: Bytes, at: number): Bytes {
    const { _handle: handle, _writeState: state } = this.#stream;
    handle.writeSync(
      constants.Z_SYNC_FLUSH,
      input,
      at,
      input.length - at,
      OUTPUT,
      0,
      OUTPUT.length,
    );
    const fault = this.#fault;
    if (fault !== undefined) {
      this.#fault = undefined;
      throw new TypeError(`Cannot decompress: ${fault}`);
    }
    this.left = state[1]!;
    return OUTPUT.subarray(0, OUTPUT.length - state[0]!);
  }

  reset(): void {
    this.#stream.reset();
  }

  close(): void {
    this.#stream.close();
  }
}

/** Streams without a window of their own, by their parameters. All connections share them. */
const shared = new Map<string, RawStream>();

function sharedStream(name: string, open: () => RawStream): RawStream {
  let stream = shared.get(name);
  if (stream === undefined) shared.set(name, stream = open());
  else stream.reset();
  return stream;
}

/** Compresses the messages of one direction. */
export class MessageDeflater {
  readonly #context: DeflateContext;
  readonly #level: number;
  #stream: RawStream | undefined;
  #alarm: Alarm | undefined;
  #usedAt = 0;

  constructor(context: DeflateContext, level: number) {
    this.#context = context;
    this.#level = level;
  }

  /** A name that is the same for all compressors that make the same of a message without a window. */
  get name(): string {
    return `${this.#context.windowBits}/${this.#level}`;
  }

  /** Returns the compressed payload of a message. */
  deflate(message: Bytes): Bytes {
    return compress(this.#context.takeover ? this.#own() : this.#fresh(), message);
  }

  /**
   * Returns a payload that refers to no earlier message, so that several connections may send it. The
   * window of the peer then has this message and that of this side does not, so it is released.
   */
  deflateAlone(message: Bytes): Bytes {
    return compress(this.#fresh(), message);
  }

  /** Releases the window. The next message refers to none before it, which is always allowed. */
  release(): void {
    this.#alarm?.stop();
    this.#stream?.close();
    this.#stream = undefined;
  }

  #own(): RawStream {
    this.#usedAt = performance.now();
    if (this.#stream === undefined) {
      this.#stream = openDeflate(this.#context.windowBits, this.#level);
      this.#alarm ??= new Alarm(() => this.#look(), false);
      this.#alarm.start(IDLE);
    }
    return this.#stream;
  }

  #fresh(): RawStream {
    const { windowBits } = this.#context;
    return sharedStream(`deflate ${this.name}`, () => openDeflate(windowBits, this.#level));
  }

  #look(): void {
    const rest = this.#usedAt + IDLE - performance.now();
    if (rest > 0) this.#alarm!.start(rest);
    else this.release();
  }
}

/** Decompresses the messages of one direction. */
export class MessageInflater {
  readonly #context: DeflateContext;
  #stream: RawStream | undefined;

  constructor(context: DeflateContext) {
    this.#context = context;
  }

  /**
   * Returns the message of a compressed payload; undefined if it has more than `most` bytes. At most
   * 64 KiB more are decompressed before that is known.
   *
   * @throws {TypeError} If the payload is malformed.
   */
  inflate(payload: Bytes, most: number): Bytes | undefined {
    const { windowBits, takeover } = this.#context;
    const open = () => new RawStream(createInflateRaw({ windowBits, chunkSize: CHUNK }));
    const stream = takeover ? this.#stream ??= open() : sharedStream(`inflate ${windowBits}`, open);
    const parts: Bytes[] = [];
    let size = 0;
    let endsLeft = MOST_ENDS + payload.length / 1024;
    for (const input of [payload, TAIL]) {
      for (let at = 0, again = false;;) {
        const output = stream.step(input, at);
        size += output.length;
        if (size > most) return undefined;
        if (output.length > 0) parts.push(output.slice());
        const used = input.length - stream.left - at;
        at += used;
        if (output.length === OUTPUT.length) continue;
        if (stream.left === 0) break;
        // The block before was marked as the last one (§7.2.3.4).
        if (again && used === 0) throw new TypeError("Cannot decompress: no block follows");
        if (--endsLeft < 0) throw new TypeError("Cannot decompress: too many last blocks");
        stream.reset();
        again = true;
        if (used === 0 && input === TAIL) break;
      }
    }
    return joinedBytes(parts);
  }

  /** Releases the window. No message may follow. */
  release(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }
}

/** Size of the buffer that a stream of `node:zlib` makes and nobody uses, the smallest possible. */
const CHUNK = 64;

function openDeflate(windowBits: number, level: number): RawStream {
  return new RawStream(createDeflateRaw({
    // zlib has no window of 8 bits. With 9, it refers back by at most 250 bytes, which is less than 256.
    windowBits: Math.max(windowBits, 9),
    // The tables shrink with the window, from 128 KiB.
    memLevel: Math.max(1, Math.min(8, windowBits - 7)),
    level,
    chunkSize: CHUNK,
  }));
}

function compress(stream: RawStream, message: Bytes): Bytes {
  if (message.length === 0) return EMPTY;
  const parts: Bytes[] = [];
  for (let at = 0;;) {
    const output = stream.step(message, at);
    parts.push(output.slice());
    at = message.length - stream.left;
    if (output.length < OUTPUT.length) break;
  }
  return joinedBytes(parts).subarray(0, -TAIL.length);
}
