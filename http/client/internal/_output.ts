import type { Transport } from "../../../net/connection/transport.ts";
import { writeLatin1 } from "../../internal/http1_bytes.ts";
import { writeAll } from "../../internal/write_all.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The first size of the buffer in bytes. */
const FIRST = 1024;
/** The largest head with body that is written at once, in bytes. */
const TOGETHER = 64 * 1024;
/** The largest chunk that is written at once, in bytes. */
const CHUNK = 128 * 1024;
const LINE_END = new Uint8Array([13, 10]);

/** The output of one connection. Small messages are written at once, from one reused buffer. */
export class Output {
  /** Whether bytes of the current request may have left this process. */
  written = false;
  readonly #transport: Transport;
  /** Whether a failed write means that none of its bytes was sent. TLS has a buffer of its own. */
  readonly #exact: boolean;
  #buffer: Bytes = new Uint8Array(FIRST);

  constructor(transport: Transport, exact: boolean) {
    this.#transport = transport;
    this.#exact = exact;
  }

  /** Prepares another request. */
  begin(): void {
    this.written = false;
  }

  /** Writes a head, and a body if there is one. */
  head(head: string, body: Bytes | undefined): Promise<void> {
    const size = head.length + (body?.length ?? 0);
    if (body === undefined || size <= TOGETHER) {
      const buffer = this.#room(size);
      const at = writeLatin1(head, buffer, 0);
      if (body !== undefined) buffer.set(body, at);
      return this.write(buffer.subarray(0, size));
    }
    return this.#apart(head, body);
  }

  /** Writes some bytes as one chunk (RFC 9112 §7.1). */
  chunk(bytes: Bytes): Promise<void> {
    const line = `${bytes.length.toString(16)}\r\n`;
    if (bytes.length > CHUNK) return this.#apart(line, bytes, LINE_END);
    const size = line.length + bytes.length + LINE_END.length;
    const buffer = this.#room(size);
    const at = writeLatin1(line, buffer, 0);
    buffer.set(bytes, at);
    buffer.set(LINE_END, at + bytes.length);
    return this.write(buffer.subarray(0, size));
  }

  /** Writes all bytes. They must not change until then. */
  write(bytes: Bytes): Promise<void> {
    const first = !this.written;
    this.written = true;
    return this.#transport.write(bytes).then(
      (size) => size < bytes.length ? writeAll(this.#transport, bytes.subarray(size)) : undefined,
      (error) => {
        if (first && this.#exact) this.written = false;
        throw error;
      },
    );
  }

  async #apart(head: string, ...parts: readonly Bytes[]): Promise<void> {
    await this.head(head, undefined);
    for (const part of parts) await this.write(part);
  }

  #room(size: number): Bytes {
    if (this.#buffer.length < size) {
      let most = this.#buffer.length;
      while (most < size) most *= 2;
      this.#buffer = new Uint8Array(most);
    }
    return this.#buffer;
  }
}
