type Bytes = Uint8Array<ArrayBuffer>;

const NOTHING: Bytes = new Uint8Array(0);

/** The body of an answer: whole where it is there, as the body of `new Response(text)` is. */
export interface Body {
  readonly whole: Bytes | undefined;
  /** Whether there is something to send already. */
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

/** A body that is there, to be read as a stream. */
export function inParts(whole: Bytes): Body {
  const parts: Read[] = whole.length === 0 ? [] : [{ done: false, value: whole }];
  return {
    ...NO_BODY,
    whole: undefined,
    next: () => Promise.resolve(parts.shift() ?? { done: true, value: undefined }),
  };
}

/** In how many turns of the microtask queue a body that is there has said so. */
const TURNS = 8;

/**
 * Opens the body of an answer. It does not wait for a source that has nothing yet: the head of the
 * answer goes ahead then.
 *
 * @param response The answer.
 * @returns Its body.
 * @throws {TypeError} If it is used already or gives no bytes, or the answer is no answer.
 * @throws What its source throws at once.
 */
export async function openBody(response: Response): Promise<Body> {
  if (response.status < 200) {
    const hint = response.status === 101 ? ": only the request as it came can be upgraded" : "";
    throw new TypeError(`The response has the status ${response.status}${hint}`);
  }
  if (response.bodyUsed) throw new TypeError("The body of the response is used up");
  if (response.body === null) return NO_BODY;
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Bytes>;
  const cancel = (reason?: unknown) => void reader.cancel(reason).catch(() => {});
  const pending = [reader.read()];
  const first = await soon(pending[0]!);
  if (first?.done) return NO_BODY;
  if (first !== undefined) {
    checkBytes(first.value);
    // A body that was given as text or bytes ends behind its first chunk, and says so at once.
    pending.push(reader.read());
    const second = await soon(pending[1]!).catch(() => undefined);
    if (second?.done) return { ...NO_BODY, whole: first.value, cancel };
  }
  const next = () => pending.shift() ?? reader.read();
  return { whole: undefined, ready: first !== undefined, next, cancel };
}

/** What a read gives if it gives it now. */
async function soon(reading: Promise<Read>): Promise<Read | undefined> {
  let settled: Promise<Read> | undefined;
  const settle = () => void (settled = reading);
  reading.then(settle, settle);
  for (let turn = 0; turn < TURNS && settled === undefined; turn++) await null;
  return settled;
}

/** Rejects a chunk of a body that is not bytes. */
export function checkBytes(chunk: unknown): void {
  if (!(chunk instanceof Uint8Array)) throw new TypeError("The body has a chunk of no bytes");
}
