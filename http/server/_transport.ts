import type { TlsKeyPair } from "../../net/tls/options.ts";
import type { HttpAddr } from "./handler.ts";

/** A transport that passes requests to a gate. */
export interface HttpTransport<A extends HttpAddr = HttpAddr> {
  readonly addr: A;
  /** Resolves when the transport has stopped and all connections are closed; never rejects. */
  readonly finished: Promise<void>;
  /** Stops accepting if it can. The gate refuses requests that still arrive. */
  stop(): void;
  /** Ends gracefully, after the last active request. */
  close(): void;
  /** Cuts all connections. */
  cut(): void;
  /** Replaces the certificates. Undefined if the transport cannot do this. */
  reloadTls?(certificates?: readonly TlsKeyPair[]): void;
  ref(): void;
  unref(): void;
}
