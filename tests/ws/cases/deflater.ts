/** The compression of the tester (RFC 7692 §7.2), by the streams of `node:zlib`. @module */

import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";
import { CONTINUATION, send, type Step } from "./case.ts";
import { type Agreement, contentOf, isText, type Traffic } from "./compression.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const TAIL = new Uint8Array([0, 0, 0xff, 0xff]);

/** One direction of one side: whether each message stands alone, and the window in bits. */
interface Direction {
  readonly alone: boolean;
  readonly windowBits: number;
}

/** Returns the direction from the client or from the server. */
export function directionFrom(side: "client" | "server", agreement: Agreement): Direction {
  return side === "client"
    ? {
      alone: agreement.clientNoContextTakeover === true,
      windowBits: agreement.clientMaxWindowBits ?? 15,
    }
    : {
      alone: agreement.serverNoContextTakeover === true,
      windowBits: agreement.serverMaxWindowBits ?? 15,
    };
}

type Stream = ReturnType<typeof createDeflateRaw> | ReturnType<typeof createInflateRaw>;

/** A stream that processes whole messages, with or without a window between them. */
class MessageStream implements Disposable {
  readonly #open: () => Stream;
  readonly #alone: boolean;
  #stream: Stream | undefined;

  constructor(alone: boolean, open: () => Stream) {
    this.#alone = alone;
    this.#open = open;
  }

  /** Returns the output for a message. */
  async pass(input: Bytes): Promise<Bytes> {
    const stream = this.#stream ??= this.#open();
    const parts: Bytes[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const collect = (part: Uint8Array) => void parts.push(new Uint8Array(part));
    stream.on("data", collect);
    stream.once("error", reject);
    stream.write(input);
    stream.flush(constants.Z_SYNC_FLUSH, () => resolve());
    await promise;
    stream.off("data", collect);
    stream.off("error", reject);
    if (this.#alone) this[Symbol.dispose]();
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  }

  /** Releases the window. */
  [Symbol.dispose](): void {
    this.#stream?.close();
    this.#stream = undefined;
  }
}

/** Decompresses the messages of the subject. */
export class Inflater implements Disposable {
  readonly #stream: MessageStream;

  /** Creates a decompressor with the agreed window and no larger one. */
  constructor({ alone, windowBits }: Direction) {
    this.#stream = new MessageStream(alone, () => createInflateRaw({ windowBits }));
  }

  /** Returns the message of a payload. */
  inflate(payload: Bytes): Promise<Bytes> {
    return this.#stream.pass(new Uint8Array([...payload, ...TAIL]));
  }

  /** Releases the window. */
  [Symbol.dispose](): void {
    this.#stream[Symbol.dispose]();
  }
}

/** Returns the steps of a traffic: all messages to the subject, compressed, and all of them back. */
export async function stepsOf(
  traffic: Traffic,
  agreement: Agreement,
  tester: "client" | "server",
): Promise<Step[]> {
  const { alone, windowBits } = directionFrom(tester, agreement);
  // zlib makes no window of 8 bits; with 9 it never refers back by more than 250 bytes.
  const bits = Math.max(9, windowBits);
  using stream = new MessageStream(alone, () => createDeflateRaw({ windowBits: bits }));
  const opcode = isText(traffic) ? 1 : 2;
  const sends: Step[] = [];
  const expects: Step[] = [];
  for (let i = 0; i < traffic.count; i++) {
    const payload = contentOf(traffic, i);
    const packed = (await stream.pass(payload)).subarray(0, -TAIL.length);
    // An empty message after a flush has no output (§7.2.3.6).
    const bytes = payload.length === 0 ? new Uint8Array(1) : packed;
    sends.push(...framesOf(opcode, bytes, traffic.frame ?? bytes.length));
    expects.push({ expect: { opcode, payload } });
  }
  return [...sends, ...expects];
}

function framesOf(opcode: number, bytes: Bytes, size: number): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const fin = at + size >= bytes.length;
    const first = at === 0;
    const rest = { fin, rsv: first ? 4 : 0 };
    steps.push(send(first ? opcode : CONTINUATION, bytes.slice(at, at + size), rest));
  }
  return steps;
}
