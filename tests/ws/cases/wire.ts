/** The tester's end of a connection: raw bytes out, checked frames in. @module */

import type { SentFrame } from "./case.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A frame of the subject. */
export interface ReadFrame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly payload: Bytes;
}

/** Returns the bytes of a frame, also of an invalid one. */
export function encodeCaseFrame(frame: SentFrame, masked: boolean): Bytes {
  const { fin = true, rsv = 0, opcode, payload = new Uint8Array(), cut } = frame;
  const length = frame.declared ?? BigInt(payload.length);
  const bits = frame.lengthBits ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64);
  const mask = frame.masked ?? masked;
  const extra = bits === 7 ? 0 : bits / 8;
  const bytes = new Uint8Array(2 + extra + (mask ? 4 : 0) + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = (fin ? 0x80 : 0) | rsv << 4 | opcode;
  bytes[1] = (mask ? 0x80 : 0) | (bits === 7 ? Number(length) : bits === 16 ? 126 : 127);
  if (bits === 16) view.setUint16(2, Number(length));
  if (bits === 64) view.setBigUint64(2, length);
  const at = bytes.length - payload.length;
  bytes.set(payload, at);
  if (mask) {
    const key = [0x37, 0xfa, 0x21, 0x3d];
    bytes.set(key, at - 4);
    for (let i = 0; i < payload.length; i++) bytes[at + i]! ^= key[i & 3]!;
  }
  return bytes.subarray(0, cut ?? bytes.length);
}

/** A connection of the tester. Writing never blocks reading. */
export class Wire implements Disposable {
  readonly #conn: Deno.TcpConn | Deno.TlsConn;
  /** Whether the tester is the client, which masks its frames. */
  readonly client: boolean;
  #chunks: Bytes[] = [];
  #size = 0;
  #ended = false;
  #closed = false;
  #writing: Promise<unknown> = Promise.resolve();
  /** Whether the connection has ended with a reset. */
  wasReset = false;

  /** Takes over a connection. */
  constructor(conn: Deno.TcpConn | Deno.TlsConn, client: boolean) {
    if ("setNoDelay" in conn) conn.setNoDelay(true);
    this.#conn = conn;
    this.client = client;
  }

  /** Writes in the order of the calls. A subject that has ended may refuse the rest. */
  write(bytes: Bytes, piece = bytes.length): Promise<unknown> {
    return this.#writing = this.#writing.then(() => this.#write(bytes, piece)).catch(() => {});
  }

  /** Resolves when everything has been written or refused. */
  get written(): Promise<unknown> {
    return this.#writing;
  }

  /** Ends the direction to the subject, after everything has been written. */
  async end(): Promise<void> {
    await this.#writing;
    await this.#conn.closeWrite().catch(() => {});
  }

  /** Returns the head of a request or response, with its empty line. */
  async readHead(): Promise<string> {
    let head = "";
    while (!head.endsWith("\r\n\r\n")) {
      const byte = await this.#take(1);
      if (byte === undefined) break;
      head += String.fromCharCode(byte[0]!);
    }
    return head;
  }

  /** Returns all bytes until the end, at most 64 KiB. */
  async readRest(): Promise<string> {
    while (this.#size < 65_536 && await this.#more());
    return new TextDecoder().decode(await this.#take(this.#size));
  }

  /**
   * Returns the next frame of the subject; undefined at the end of the stream.
   *
   * @throws {Error} If the frame breaks a rule that holds for every sender (RFC 6455 §5).
   */
  async readFrame(): Promise<ReadFrame | undefined> {
    const head = await this.#take(2);
    if (head === undefined) {
      if (this.#size > 0) throw new Error(`The subject ended inside a frame head`);
      return undefined;
    }
    const [first, second] = [head[0]!, head[1]!];
    const opcode = first & 0x0f;
    const fin = first >= 0x80;
    if (second >= 0x80 === this.client) {
      throw new Error(`The subject sent ${this.client ? "a masked" : "an unmasked"} frame`);
    }
    const extra = (second & 0x7f) === 126 ? 2 : (second & 0x7f) === 127 ? 8 : 0;
    const field = await this.#all(extra);
    const length = field.reduce((sum, byte) => sum * 256 + byte, extra === 0 ? second & 0x7f : 0);
    if (extra > 0 && length < (extra === 2 ? 126 : 65_536)) {
      throw new Error("The subject sent a length that is not in its shortest form");
    }
    if (opcode >= 8 && (!fin || length > 125)) {
      throw new Error("The subject sent a long or fragmented control frame");
    }
    const key = await this.#all(this.client ? 0 : 4);
    const payload = await this.#all(length);
    if (key.length > 0) { for (let i = 0; i < length; i++) payload[i]! ^= key[i & 3]!; }
    return { fin, rsv: first >> 4 & 7, opcode, payload };
  }

  /** Closes the socket. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.#conn.close();
    this.#closed = true;
  }

  async #write(bytes: Bytes, piece: number): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += await this.#conn.write(bytes.subarray(at, at + piece));
    }
  }

  async #all(size: number): Promise<Bytes> {
    const bytes = await this.#take(size);
    if (bytes === undefined) throw new Error("The subject ended inside a frame");
    return bytes;
  }

  async #take(size: number): Promise<Bytes | undefined> {
    while (this.#size < size) if (!await this.#more()) return undefined;
    const taken = new Uint8Array(size);
    for (let at = 0; at < size;) {
      const chunk = this.#chunks[0]!;
      const part = chunk.subarray(0, size - at);
      taken.set(part, at);
      at += part.length;
      if (part.length === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.length);
    }
    this.#size -= size;
    return taken;
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const chunk = new Uint8Array(65_536);
    try {
      const n = await this.#conn.read(chunk);
      if (n !== null) {
        this.#chunks.push(chunk.subarray(0, n));
        this.#size += n;
        return true;
      }
    } catch (error) {
      this.wasReset = error instanceof Deno.errors.ConnectionReset;
    }
    this.#ended = true;
    return false;
  }
}
