import type { Address } from "../../../net/address.ts";
import type { TlsInfo } from "../../../net/connection/transport.ts";
import type { Http1Event, Http1Fields, Http1Framing, Http1Response } from "../../http1/codec.ts";
import { joinedBytes } from "../../../net/internal/joined_bytes.ts";
import { Known, knownValue } from "../../internal/http1_fields.ts";
import type { Incoming } from "../_incoming.ts";
import type { Timings } from "./timings.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Bodies of at least this size are read in large pieces, in bytes. */
const LARGE_BODY = 128 * 1024;
const NOTHING: Bytes = new Uint8Array();

/** The connection of a response. */
export interface ResponseSource {
  readonly remoteAddr: Address;
  readonly tls: TlsInfo | undefined;
  /** The number of the request in progress. */
  readonly current: number;
  /** Returns the next event that has arrived. */
  next(): Http1Event | undefined;
  /** Waits for more bytes. */
  fill(large: boolean): Promise<void>;
  /** Returns bytes of an event in memory that stays valid. */
  own(bytes: Bytes): Bytes;
  /** Handles the end of the response. */
  responseEnded(): void;
  /** Returns an error for the caller. */
  explain(error: unknown): unknown;
  /** Closes the connection, unless the request with this number has ended. */
  abandon(request: number): void;
}

/** A response on a connection of the client. */
export class IncomingResponse implements Incoming {
  readonly status: number;
  readonly statusText: string;
  readonly framed: boolean;
  readonly length: number | undefined;
  trailers: Headers | undefined;
  readonly #fields: Http1Fields;
  readonly #conn: ResponseSource;
  readonly #large: boolean;
  readonly #request: number;
  #headers: Headers | undefined;
  /** Bytes of the body that have been taken off the connection. */
  #kept: Bytes | undefined;
  #over = false;
  #closed = false;

  constructor(
    { status, reason, fields, framing }: Http1Response,
    conn: ResponseSource,
    readonly reused: boolean,
    readonly timings: Timings,
  ) {
    this.status = status;
    this.statusText = reason;
    this.#fields = fields;
    this.#conn = conn;
    this.framed = framing !== "close";
    this.length = typeof framing === "number" ? framing : undefined;
    this.#large = isLarge(framing);
    this.#request = conn.current;
    if (framing === 0) this.#arrived();
  }

  get headers(): Headers {
    return this.#headers ??= headersOf(this.#fields);
  }

  get coding(): string | null {
    return knownValue(this.#fields, Known.contentEncoding) ?? null;
  }

  get remoteAddr(): Address {
    return this.#conn.remoteAddr;
  }

  get tls(): TlsInfo | undefined {
    return this.#conn.tls;
  }

  /** Returns the whole body if it has arrived; undefined if it must be read. */
  whole(): Bytes | undefined {
    if (this.#closed || this.#kept !== undefined) return undefined;
    try {
      const bytes = this.#arrived();
      if (this.#over) return bytes ?? NOTHING;
      this.#kept = bytes;
      return undefined;
    } catch (error) {
      throw this.#broken(error);
    }
  }

  /** Returns all of the body that has arrived as one piece; undefined at the end. */
  async read(): Promise<Bytes | undefined> {
    const conn = this.#conn;
    try {
      if (this.#closed) throw new Deno.errors.Interrupted("the response was cancelled");
      for (;;) {
        const bytes = this.#kept ?? this.#arrived();
        this.#kept = undefined;
        if (bytes !== undefined || this.#over) return bytes;
        await conn.fill(this.#large);
      }
    } catch (error) {
      throw this.#broken(error);
    }
  }

  #broken(error: unknown): unknown {
    const explained = this.#conn.explain(error);
    this.#conn.abandon(this.#request);
    return explained;
  }

  close(): void {
    this.#closed ||= !this.#over;
    this.#conn.abandon(this.#request);
  }

  #arrived(): Bytes | undefined {
    const conn = this.#conn;
    let first: Bytes | undefined;
    let rest: Bytes[] | undefined;
    while (!this.#over) {
      const event = conn.next();
      if (event === undefined) break;
      if (event.kind === "end") this.#end(event.trailers);
      else if (event.kind === "data") {
        const bytes = conn.own(event.bytes);
        if (first === undefined) first = bytes;
        else (rest ??= []).push(bytes);
      }
    }
    return first === undefined || rest === undefined ? first : joinedBytes([first, ...rest]);
  }

  #end(trailers: Http1Fields | undefined): void {
    this.#over = true;
    if (trailers !== undefined) this.trailers = headersOf(trailers);
    this.timings.total = this.timings.elapsed;
    this.#conn.responseEnded();
  }
}

function isLarge(framing: Http1Framing): boolean {
  return typeof framing !== "number" || framing >= LARGE_BODY;
}

/** Converts fields for a caller. */
export function headersOf(fields: Http1Fields): Headers {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  return headers;
}
