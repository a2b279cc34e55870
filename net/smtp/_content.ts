/** The text of a message, in the form in which it is sent. */

import type { Connection } from "../connection/connection.ts";
import { ignoreFailure } from "../internal/ignore_failure.ts";
import { joinedBytes } from "../internal/joined_bytes.ts";
import { whileOpen } from "../internal/while_open.ts";
import { DotEncoder } from "../mail/dot_codec.ts";
import { HeaderScan } from "./_header_scan.ts";
import type { SendMailOptions, SmtpMessage } from "./options.ts";

const NOTHING = new Uint8Array(0);

const utf8 = new TextEncoder();

/** The places of a text that change on the way: a line that begins with a dot, CR or LF alone. */
const CHANGING = /(?:^|\n)\.|\r(?!\n)|(?<!\r)\n/;

/** Changes the bytes of a message into those to send. */
interface Encoder {
  /** The size so far, as the extension SIZE counts it (RFC 1870 §3). */
  readonly size: number;
  push(part: Uint8Array): Uint8Array;
  end(): Uint8Array;
}

/** Leaves all bytes as they are (RFC 3030 §3). */
class Unchanged implements Encoder {
  size = 0;

  push(part: Uint8Array): Uint8Array {
    this.size += part.length;
    return part;
  }

  end(): Uint8Array {
    return NOTHING;
  }
}

/** A message that is being sent. */
export class Content {
  /** The size of the message in bytes, if it is known. */
  readonly size: number | undefined;
  /** The encoded message, if it is in memory. It can be sent more than once. */
  readonly ready: Uint8Array | undefined;
  /** Whether the message is known to be ASCII. */
  readonly isAscii: boolean = false;
  /** The parts of a stream that were read for its header, or the whole message. */
  #head: Uint8Array[] = [];
  readonly #rest: AsyncGenerator<Uint8Array, void, void> | undefined;
  readonly #encoder: Encoder;

  /**
   * Takes a message.
   *
   * @param conn The connection. Its end is the end of a stream, too.
   * @param message The message, header and body.
   * @param options The size of a stream, and the way of sending.
   */
  constructor(conn: Connection, message: SmtpMessage, { size, transfer }: SendMailOptions) {
    const encoder = transfer === "binary"
      ? new Unchanged()
      : new DotEncoder({ dots: transfer !== "chunks" });
    this.#encoder = encoder;
    if (typeof message === "string" && (transfer ?? "data") === "data" && !CHANGING.test(message)) {
      const isLine = message === "" || message.endsWith("\r\n");
      this.ready = utf8.encode(`${message}${isLine ? "" : "\r\n"}.\r\n`);
      this.size = this.ready.length - (isLine ? 3 : 5);
      this.isAscii = this.size === message.length;
      this.#head = [this.ready.subarray(0, this.size)];
      return;
    }
    const given = typeof message === "string" ? utf8.encode(message) : message;
    if (given instanceof Uint8Array) {
      this.#head = [given];
      this.ready = joined([encoder.push(given), encoder.end()]);
      this.size = encoder.size;
    } else {
      this.#rest = whileOpen(conn, given);
      this.size = size;
    }
  }

  /** The number of bytes that were encoded so far. */
  get encoded(): number {
    return this.ready === undefined ? this.#encoder.size : this.size!;
  }

  /** Reads the header, and returns whether it contains text beyond ASCII. */
  async hasUtf8Header(): Promise<boolean> {
    const scan = new HeaderScan();
    for (const part of this.#head) scan.push(part);
    while (!scan.done && this.#rest !== undefined) {
      const { done, value } = await this.#rest.next();
      if (done === true) break;
      this.#head.push(value);
      scan.push(value);
    }
    return scan.needsUtf8;
  }

  /** The bytes of the message as they are given, as far as they have been read. */
  get known(): readonly Uint8Array[] {
    return this.#head;
  }

  /**
   * Encodes a stream.
   *
   * @param check Checks each part before it is encoded.
   */
  async *stream(check: (part: Uint8Array) => void): AsyncGenerator<Uint8Array, void, void> {
    for (const part of this.#head.splice(0)) yield this.#encoder.push(part);
    for await (const part of this.#rest!) {
      check(part);
      yield this.#encoder.push(part);
    }
  }

  /** Returns the bytes that end the text of a stream. */
  end(): Uint8Array {
    return this.#encoder.end();
  }

  /** Cancels a stream that is not used up. */
  cancel(): void {
    // Not awaited: the source may be in a wait that never ends.
    void ignoreFailure(this.#rest?.return());
  }
}

/** Returns all parts as one array. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return joinedBytes(parts.filter(({ length }) => length > 0));
}
