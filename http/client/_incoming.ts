import type { Address } from "../../net/address.ts";
import type { TlsInfo } from "../../net/connection/transport.ts";

/** A response whose head has arrived, of the client's own transport or of `fetch`. */
export interface Incoming {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  /** The stated size of the body in bytes; undefined if it is unknown. */
  readonly length: number | undefined;
  /** Whether the end of the body is marked, so that it does not end with the connection. */
  readonly framed: boolean;
  /** The value of `Content-Encoding`. */
  readonly coding: string | null;
  /** The trailer fields; undefined before the end of the body, and without any. */
  readonly trailers: Headers | undefined;
  readonly remoteAddr: Address | undefined;
  readonly tls: TlsInfo | undefined;
  readonly reused: boolean;
  /** Whether the response comes from the cache; undefined for no. */
  readonly cached?: boolean;
  /** Returns the whole body if it has arrived; undefined if it must be read. */
  whole?(): Uint8Array<ArrayBuffer> | undefined;
  /** Returns the next piece of the body; undefined at its end. */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Ends the response. The connection stays usable only if the body has ended. */
  close(): void;
}
