/** Reads one HTTP/1.1 response from a connection that leaves HTTP behind: a tunnel, or an upgrade. */

import type { Connection } from "../../net/connection/connection.ts";
import { Http1Decoder, Http1Error, type Http1Event, type Http1Response } from "../http1/codec.ts";

/** The longest part of a body that an error keeps, in bytes. */
const MAX_BODY = 1024;
/** The longest wait for that part, in milliseconds. A server that sends none must not delay an error. */
const BODY_TIME = 1000;
/** Most interim responses before the final one. */
const MAX_INTERIM = 100;

/** Returns whether an answer begins like an alert or a handshake of TLS (RFC 8446 §5.1). */
function isTls([type, major]: Uint8Array): boolean {
  return (type === 0x15 || type === 0x16) && major === 3;
}

/** The response to one request. */
export class AnswerReader {
  readonly #conn: Connection;
  readonly #signal: AbortSignal;
  readonly #decoder: Http1Decoder = new Http1Decoder("response", { tolerant: true });
  #begun = false;

  /**
   * Prepares for the response to a request.
   *
   * @param conn The connection that the response arrives on.
   * @param method The method of the request.
   * @param signal Ends the reading, which rejects with its reason.
   */
  constructor(conn: Connection, method: "GET" | "CONNECT", signal: AbortSignal) {
    this.#conn = conn;
    this.#signal = signal;
    this.#decoder.answers(method);
  }

  /** Whether the response was malformed and has been repaired. */
  get repaired(): boolean {
    return this.#decoder.repaired;
  }

  /**
   * Reads the head of the final response: 101, or 200 and above.
   *
   * @throws {Http1Error} If the response is malformed or truncated.
   * @throws {NetError} If the connection fails.
   */
  async head(): Promise<Http1Response> {
    for (let i = 0; i <= MAX_INTERIM; i++) {
      const event = await this.#next(0);
      if (event.kind !== "response") break;
      if (event.status >= 200 || event.status === 101) return event;
    }
    throw new Http1Error("There are too many interim responses");
  }

  /** Puts the bytes after the head back, so that the next reader of the connection gets them. */
  release(): void {
    const rest = this.#decoder.takeRest();
    if (rest.length > 0) this.#conn.unread(rest);
  }

  /** Reads the beginning of the body as text, up to 1 KiB, for an error. It fails for an abort alone. */
  async beginning(): Promise<string> {
    const due = performance.now() + BODY_TIME;
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    try {
      while (size < MAX_BODY) {
        const event = await this.#next(Math.max(1, due - performance.now()));
        if (event.kind !== "data") break;
        parts.push(event.bytes.slice(0, MAX_BODY - size));
        size += event.bytes.length;
      }
    } catch { /* The head says enough. */ }
    this.#signal.throwIfAborted();
    return new TextDecoder().decode(await new Blob(parts).arrayBuffer());
  }

  async #next(timeout: number): Promise<Http1Event> {
    const limits = { timeout, signal: this.#signal };
    for (let ended = false;;) {
      const event = this.#decoder.next();
      if (event !== undefined) return event;
      // The decoder itself does not object to an end before the first byte.
      if (ended) throw new Http1Error("There is no response", 400, true);
      const bytes = await this.#conn.readChunk(limits);
      if (!this.#begun && bytes !== null && isTls(bytes)) {
        throw new Http1Error("It speaks TLS: use a URL with wss: or https:");
      }
      this.#begun = true;
      if (bytes !== null) this.#decoder.push(bytes);
      else this.#decoder.finish();
      ended = bytes === null;
    }
  }
}
