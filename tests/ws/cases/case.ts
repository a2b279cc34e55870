/**
 * The form of a WebSocket case: what a tester sends, what it must receive, and how the connection
 * must end. The tables beside this file are written from RFC 6455 and RFC 7692. They are plain data
 * and know nothing of the side under test: the player masks the frames if the tester is a client.
 *
 * @module
 */

type Bytes = Uint8Array<ArrayBuffer>;

/** A frame that the tester sends (RFC 6455 §5.2). */
export interface SentFrame {
  /** Whether the message ends here. @default true */
  readonly fin?: boolean;
  /** The three reserved bits as a number; 4 is RSV1. @default 0 */
  readonly rsv?: number;
  /** The opcode, 0 to 15. */
  readonly opcode: number;
  /** The payload before masking. @default empty */
  readonly payload?: Bytes;
  /** Whether the frame is masked. @default as the side of the tester requires */
  readonly masked?: boolean;
  /** Size of the length field in bits: 7, 16 or 64. @default the shortest form */
  readonly lengthBits?: 7 | 16 | 64;
  /** The declared length, if it differs from the length of the payload. */
  readonly declared?: bigint;
  /** Number of bytes of the encoded frame that are sent. @default all */
  readonly cut?: number;
}

/** What the tester must receive. A message may come in any number of frames. */
export interface Received {
  readonly opcode: number;
  readonly payload: Bytes;
}

/** One action of the tester. */
export type Step = { readonly send: SentFrame } | { readonly expect: Received };

/** How a connection ends. */
export type Outcome =
  /** The tester closes with 1000 after the last step, and receives 1000. */
  | { readonly end: "normal" }
  /** The last step is a close frame. The subject answers with this code; 1005 is an empty frame. */
  | { readonly end: "answered"; readonly code: number }
  /** The subject sends a close frame with this code and ends the connection (RFC 6455 §7.1.7). */
  | { readonly end: "failed"; readonly code: 1002 | 1007 | 1008 | 1009 }
  /** The subject answers an invalid close frame with 1002, and reports no error. Only Deno does this. */
  | { readonly end: "refused" }
  /** The connection ends without a close frame. Only Deno's WebSocket does this. */
  | { readonly end: "cut" };

/** How the bytes of the tester are written. */
export type Delivery =
  /** Everything in one write. Nothing is awaited before it. */
  | "at once"
  /** Each frame in a write of its own, after what was expected before it. */
  | "by frame"
  /** The same, in single bytes. */
  | "by byte";

/** One case. */
export interface WsCase {
  /** Section and name, unique, e.g. `pings/125-bytes`. */
  readonly id: string;
  /** The section of the RFC that decides. */
  readonly rfc: string;
  readonly steps: readonly Step[];
  readonly outcome: Outcome;
  /** The outcome on Deno's WebSocket; "skip" if it waits for more. @default `outcome`, but "cut" for a failure */
  readonly deno?: Outcome | "skip";
  /** What Deno's WebSocket answers before the outcome, if that differs. */
  readonly denoAnswers?: readonly Received[];
  /** Ways to write the bytes. @default all; "by byte" only up to 300 bytes */
  readonly deliveries?: readonly Delivery[];
  /** The only side under test that the case is for. @default both */
  readonly side?: "server" | "client";
}

const encoder = new TextEncoder();

/** Returns bytes: text is encoded as UTF-8. */
export function bytesOf(value: Bytes | string): Bytes {
  return typeof value === "string" ? encoder.encode(value) : value;
}

/** Returns the bytes of hexadecimal digits; spaces are ignored. */
export function hex(digits: string): Bytes {
  return Uint8Array.fromHex(digits.replaceAll(" ", ""));
}

/** Returns bytes without a pattern of 2^n bytes, so that misplaced parts are noticed. */
export function pattern(size: number): Bytes {
  return Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8) * 13) & 0xff);
}

/** Returns an action: sends one frame. */
export function send(opcode: number, payload: Bytes | string = "", rest: Partial<SentFrame> = {}) {
  return { send: { opcode, payload: bytesOf(payload), ...rest } } satisfies Step;
}

/** Returns an action: receives one message or control frame. */
export function expect(opcode: number, payload: Bytes | string = ""): Step {
  return { expect: { opcode, payload: bytesOf(payload) } };
}

/** The opcodes (RFC 6455 §11.8). */
export const CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;

/** Returns an action: sends a frame that does not end its message. */
export function part(opcode: number, payload: Bytes | string = ""): Step {
  return send(opcode, payload, { fin: false });
}

/** Returns the actions of a message in fragments, with a control frame between all of them. */
export function fragments(
  opcode: number,
  parts: readonly (Bytes | string)[],
  between: readonly Step[] = [],
): Step[] {
  return parts.flatMap((payload, i) => {
    const fin = i === parts.length - 1;
    const one = send(i === 0 ? opcode : CONTINUATION, payload, { fin });
    return fin ? [one] : [one, ...between];
  });
}

/** Returns the payload of a close frame (RFC 6455 §5.5.1). */
export function closePayload(code: number, reason: Bytes | string = ""): Bytes {
  const text = bytesOf(reason);
  const payload = new Uint8Array(2 + text.length);
  payload.set([code >> 8, code & 0xff]);
  payload.set(text, 2);
  return payload;
}

/** Returns an action: sends a close frame. */
export function close(code: number, reason: Bytes | string = ""): Step {
  return send(CLOSE, closePayload(code, reason));
}

/** Returns the parts of bytes of at most this size each. */
export function chop(bytes: Bytes, size: number): Bytes[] {
  return Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, i) => bytes.subarray(i * size, (i + 1) * size),
  );
}

/** Collects the cases of one section. */
export class CaseTable {
  readonly #section: string;
  readonly #rfc: string;
  readonly cases: WsCase[] = [];

  /** Creates an empty table. */
  constructor(section: string, rfc: string) {
    this.#section = section;
    this.#rfc = rfc;
  }

  /** Adds a case that ends normally: the tester closes with 1000. */
  works(name: string, steps: readonly Step[], rest: Partial<WsCase> = {}): void {
    this.#add(name, steps, { end: "normal" }, rest);
  }

  /** Adds a case in which the subject must fail the connection. */
  fails(
    name: string,
    code: 1002 | 1007 | 1008 | 1009,
    steps: readonly Step[],
    rest: Partial<WsCase> = {},
  ): void {
    this.#add(name, steps, { end: "failed", code }, rest);
  }

  /** Adds a case with a close frame of the tester. */
  closes(name: string, code: number, steps: readonly Step[], rest: Partial<WsCase> = {}): void {
    this.#add(name, steps, { end: "answered", code }, rest);
  }

  #add(name: string, steps: readonly Step[], outcome: Outcome, rest: Partial<WsCase>): void {
    this.cases.push({ id: `${this.#section}/${name}`, rfc: this.#rfc, steps, outcome, ...rest });
  }
}
