import type { Connection } from "../connection/connection.ts";

/**
 * What is to be sent, until it or the connection ends: whoever makes it may take for ever. What is
 * not used up is cancelled.
 */
export async function* whileOpen<T>(
  { signal }: Connection,
  parts: ReadableStream<T> | AsyncIterable<T>,
): AsyncGenerator<T, void, void> {
  const reader = parts instanceof ReadableStream ? parts.getReader() : undefined;
  const iterator = reader === undefined ? parts[Symbol.asyncIterator]() : undefined;
  const cancel = async () => void await (reader ? reader.cancel() : iterator!.return?.());
  let fail: (reason: unknown) => void = () => {};
  const onEnd = () => fail(signal.reason);
  signal.addEventListener("abort", onEnd);
  let done = false;
  try {
    for (;;) {
      signal.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<{ done?: boolean; value?: T }>();
      fail = reject;
      (reader?.read() ?? iterator!.next()).then(resolve, reject);
      const next = await promise;
      done = next.done === true;
      if (done) return;
      yield next.value!;
    }
  } finally {
    signal.removeEventListener("abort", onEnd);
    // It may be within a wait that does not end.
    if (!done) cancel().catch(() => {});
  }
}

/** Waits for what uses a source; a stream that it has not begun is not left open, a file for example. */
export async function orCancel<T>(source: unknown, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (source instanceof ReadableStream && !source.locked) source.cancel(error).catch(() => {});
    throw error;
  }
}
