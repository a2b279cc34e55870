import type { TlsKeyPair } from "../../net/tls/options.ts";
import type { HttpAddr } from "./handler.ts";

/** What carries requests to a gate. */
export interface HttpTransport<A extends HttpAddr = HttpAddr> {
  readonly addr: A;
  /** Resolves when it has stopped and nothing is left; never rejects. */
  readonly finished: Promise<void>;
  /** Stops accepting as far as it can: what still comes is for the gate to refuse. */
  stop(): void;
  /** Ends gracefully; no request is active any more. */
  close(): void;
  /** Cuts every connection. */
  cut(): void;
  /** Absent where certificates cannot be changed. */
  reloadTls?(certificates?: readonly TlsKeyPair[]): void;
  ref(): void;
  unref(): void;
}
