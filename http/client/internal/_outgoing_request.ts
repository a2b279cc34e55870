import type { TimeLimits } from "../_time_limits.ts";
import type { UploadSending } from "../_upload.ts";
import type { Timings } from "./timings.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A request as it is written. */
export interface OutgoingRequest {
  readonly method: string;
  /** The head with its empty line, one character per byte. */
  readonly head: string;
  /** The body, if it is sent at once. */
  readonly body: Bytes | undefined;
  /** The body, if it is sent in pieces. */
  readonly sending: UploadSending | undefined;
  /** Whether the body waits for `100 Continue`. */
  readonly expects: boolean;
  /** Whether no other request may follow on the connection. */
  readonly last: boolean;
  readonly guard: TimeLimits;
  readonly timings: Timings;
  /** Receives interim responses (RFC 9110 §15.2). */
  readonly onInterim: ((status: number, headers: Headers) => void) | undefined;
}
