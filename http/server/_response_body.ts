import { ignoreFailure } from "../../net/internal/ignore_failure.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const NOTHING: Bytes = new Uint8Array(0);

/** The body of a response. */
export interface Body {
  /** All bytes, if they are there already, as in `new Response(text)`. */
  readonly whole: Bytes | undefined;
  /** Whether some bytes are there already. */
  readonly ready: boolean;
  next(): Promise<Read>;
  cancel(reason?: unknown): void;
}

type Read = ReadableStreamReadResult<Bytes>;

const NO_BODY: Body = {
  whole: NOTHING,
  ready: true,
  next: () => Promise.resolve({ done: true, value: undefined }),
  cancel() {},
};

/** Returns a body that gives known bytes in parts. */
export function inParts(whole: Bytes): Body {
  const parts: Read[] = whole.length === 0 ? [] : [{ done: false, value: whole }];
  return {
    ...NO_BODY,
    whole: undefined,
    next: () => Promise.resolve(parts.shift() ?? { done: true, value: undefined }),
  };
}

/** Turns of the microtask queue in which a body provides bytes that it already has. */
const TURNS = 8;

/**
 * Opens the body of a response. It does not wait for a source without bytes, so that the head of the
 * response can be sent first.
 *
 * @param response The response whose body is opened.
 * @returns The body, ready to be read.
 * @throws {TypeError} If the body was used before, if its first chunk is not bytes, or if the status
 * of the response is below 200.
 * @throws The error of the source, if it fails at once.
 */
export async function openBody(response: Response): Promise<Body> {
  if (response.status < 200) {
    const hint = response.status === 101 ? ": only an unchanged request can be upgraded" : "";
    throw new TypeError(`The response has the status ${response.status}${hint}`);
  }
  if (response.bodyUsed) throw new TypeError("The body of the response was used before");
  if (response.body === null) return NO_BODY;
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Bytes>;
  const cancel = (reason?: unknown) => void ignoreFailure(reader.cancel(reason));
  const pending = [reader.read()];
  const first = await soon(pending[0]!);
  if (first?.done) return NO_BODY;
  if (first !== undefined) {
    checkBytes(first.value);
    // A body of text or bytes ends after its first chunk, without waiting.
    pending.push(reader.read());
    const second = await soon(pending[1]!).catch(() => undefined);
    if (second?.done) return { ...NO_BODY, whole: first.value, cancel };
  }
  const next = () => pending.shift() ?? reader.read();
  return { whole: undefined, ready: first !== undefined, next, cancel };
}

/** Returns the result of a read if it is there already. */
async function soon(reading: Promise<Read>): Promise<Read | undefined> {
  let settled: Promise<Read> | undefined;
  const settle = () => void (settled = reading);
  reading.then(settle, settle);
  for (let turn = 0; turn < TURNS && settled === undefined; turn++) await null;
  return settled;
}

/** Rejects a chunk of a body that is not bytes. */
export function checkBytes(chunk: unknown): void {
  if (!(chunk instanceof Uint8Array)) {
    throw new TypeError("A chunk of the body is not a Uint8Array");
  }
}
