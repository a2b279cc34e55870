import type { ChunkOptions, FrameOptions, LineOptions, ReadOptions } from "./options.ts";
import { NetError, type NetErrorOptions } from "../errors/errors.ts";
import type { ReadListener } from "../internal/connection_hooks.ts";
import { decodeFrameLength } from "./frame_codec.ts";
import { decodeLine, scanLine } from "./line_codec.ts";
import { CHUNK, FRAME, LINE, MAX_FRAME, MAX_LINE, READ, size as sizeRule } from "./_read_limits.ts";
import { type Boundary, ByteReceiver, type Deadline } from "./_byte_receiver.ts";

/** Splits the received bytes into messages: chunks, counted bytes, lines and frames. */
export class MessageReceiver extends ByteReceiver {
  /** Whether the rest of a line that was too long is being skipped. */
  #skipping = false;

  readChunk(options?: ChunkOptions): Promise<Uint8Array<ArrayBuffer> | null> {
    const take = () => options?.lent ? this.lend() : this.consume(this.size);
    try {
      if (options !== undefined) CHUNK.checkBriefly("readChunk", options);
      if (this.size > 0) return Promise.resolve(take());
      const boundary = options?.inMessage ? "none" : "stream";
      const more = this.more(this.deadline(options), boundary);
      return more.then((n) => n === null ? null : take());
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async readExact(size: number, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>> {
    sizeRule("size", size);
    READ.checkBriefly("readExact", options);
    await this.#atLeast(size, this.deadline(options), `${size} bytes`);
    return this.consume(size);
  }

  async readLine(options?: LineOptions): Promise<string | null> {
    LINE.checkBriefly("readLine", options);
    const max = options?.max ?? MAX_LINE;
    const fatal = options?.fatal;
    return this.lineNow(max, fatal) ?? await this.lineLater(max, fatal, this.deadline(options));
  }

  /** Returns the next line if it is complete. */
  lineNow(max: number, fatal: boolean | undefined): string | undefined {
    if (this.#skipping) this.#skipLine();
    if (this.size === 0) return undefined;
    const bytes = this.buffered;
    const scan = scanLine(bytes, this.scanned, max);
    if (scan.type === "partial") {
      this.scanned = bytes.length;
      return undefined;
    }
    this.#skipping = scan.type === "overflow";
    this.skip(scan.type === "overflow" ? bytes.length : scan.next);
    if (scan.type === "line") return this.#decode(bytes.subarray(0, scan.end), fatal);
    throw this.#error(`Cannot read a line from ${this.peer}: it is longer than ${max} bytes`, {
      kind: "limit",
      phase: "read",
    });
  }

  /** Drops the bytes of a line that was too long, up to its end. */
  #skipLine(): void {
    const lf = this.buffered.indexOf(0x0a);
    this.skip(lf === -1 ? this.buffered.length : lf + 1);
    this.#skipping = lf === -1;
  }

  /** Waits for the next line, which is not complete yet. */
  async lineLater(
    max: number,
    fatal: boolean | undefined,
    deadline: Deadline,
  ): Promise<string | null> {
    while (await this.more(deadline, this.#lineBoundary) !== null) {
      const line = this.lineNow(max, fatal);
      if (line !== undefined) return line;
    }
    return this.lastLine(fatal);
  }

  /** Waits for more bytes of a line, as `report` does. */
  reportLine(listener: ReadListener, deadline: Deadline): boolean {
    return this.report(listener, deadline, this.#lineBoundary);
  }

  get #lineBoundary(): Boundary {
    return !this.#skipping && this.size === 0 ? "message" : "none";
  }

  /** Returns the bytes after the last end of a line, or null if there are none. */
  lastLine(fatal: boolean | undefined): string | null {
    this.#skipping = false;
    const rest = this.buffered;
    if (rest.length === 0) return null;
    const last = this.consume(rest.length);
    return this.#decode(last.at(-1) === 0x0d ? last.subarray(0, -1) : last, fatal);
  }

  async readFrame(options?: FrameOptions): Promise<Uint8Array<ArrayBuffer> | null> {
    FRAME.checkBriefly("readFrame", options);
    const { max = MAX_FRAME, lengthBytes: prefix = 4, littleEndian = false } = options ?? {};
    const deadline = this.deadline(options);
    if (
      this.buffered.length === 0 &&
      await this.more(deadline, "message") === null
    ) {
      return null;
    }
    await this.#atLeast(prefix, deadline, "the length of a frame");
    const length = decodeFrameLength(this.buffered, { lengthBytes: prefix, littleEndian })!;
    if (length > max) {
      const message = `Cannot read a frame from ${this.peer}: ` +
        `it has ${length} bytes, the maximum is ${max}`;
      throw this.#error(message, { kind: "limit", phase: "read" });
    }
    await this.#atLeast(prefix + length, deadline, `a frame of ${length} bytes`);
    this.skip(prefix);
    return length === 0 ? new Uint8Array(0) : this.consume(length);
  }

  lines(options?: LineOptions): AsyncIterableIterator<string, void, void> {
    return new Lines(this, options);
  }

  #decode(bytes: Uint8Array, fatal = false): string {
    try {
      return decodeLine(bytes, fatal);
    } catch (cause) {
      throw this.#error(`Cannot read a line from ${this.peer}: it is not UTF-8`, {
        kind: "protocol",
        phase: "read",
        cause,
      });
    }
  }

  /** Waits until `size` bytes are buffered. */
  async #atLeast(size: number, deadline: Deadline, what: string): Promise<void> {
    while (this.buffered.length < size) {
      const got = this.buffered.length;
      if (await this.more(deadline, got === 0 ? "message" : "none") !== null) continue;
      throw this.#error(
        `Cannot read ${what} from ${this.peer}: the peer ended after ${got} bytes`,
        {
          kind: "truncated",
          phase: "read",
        },
      );
    }
  }

  #error(message: string, options: Omit<NetErrorOptions, "address">): NetError {
    return new NetError(message, { ...options, address: this.peer });
  }
}

type LineResult = IteratorResult<string, void>;

/** Iterates over the lines of a connection. Each line costs one promise. */
class Lines implements AsyncIterableIterator<string, void, void>, ReadListener {
  readonly #receiver: MessageReceiver;
  readonly #options: LineOptions | undefined;
  readonly #max: number;
  #left = false;
  /** The deadline of the line that is awaited. */
  #deadline: Deadline | undefined;
  #resolve: ((result: LineResult | Promise<never>) => void) | undefined;

  constructor(receiver: MessageReceiver, options: LineOptions | undefined) {
    this.#receiver = receiver;
    this.#options = options && LINE.check("lines", options);
    this.#max = this.#options?.max ?? MAX_LINE;
  }

  get looks(): boolean {
    return true;
  }

  next(): Promise<LineResult> {
    if (this.#left) return this.return();
    try {
      const receiver = this.#receiver;
      const line = receiver.lineNow(this.#max, this.#options?.fatal);
      if (line !== undefined) return Promise.resolve({ done: false, value: line });
      const deadline = receiver.deadline(this.#options);
      if (!receiver.reportLine(this, deadline)) return Promise.resolve(this.#last());
      this.#deadline = deadline;
      return new Promise((resolve) => {
        this.#resolve = resolve;
      });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  arrived(bytes: Uint8Array | null): void {
    try {
      const line = bytes && this.#receiver.lineNow(this.#max, this.#options?.fatal);
      if (typeof line === "string") this.#give({ done: false, value: line });
      else if (line === null || !this.#receiver.reportLine(this, this.#deadline!)) {
        this.#give(this.#last());
      }
    } catch (error) {
      this.failed(error);
    }
  }

  failed(error: unknown): void {
    this.#give(Promise.reject(error));
  }

  return(): Promise<LineResult> {
    this.#left = true;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #give(result: LineResult | Promise<never>): void {
    const resolve = this.#resolve!;
    this.#resolve = this.#deadline = undefined;
    resolve(result);
  }

  /** Returns the result for the bytes after the last end of a line. */
  #last(): LineResult {
    const line = this.#receiver.lastLine(this.#options?.fatal);
    return line === null ? { done: true, value: undefined } : { done: false, value: line };
  }
}
