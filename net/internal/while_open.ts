import type { Connection } from "../connection/connection.ts";
import { ignoreFailure } from "./ignore_failure.ts";

/**
 * Yields the parts of a source until the source or the connection ends, even while the source is
 * waiting for its next part. A source that is not used up is cancelled.
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
    // Not awaited: the source may be in a wait that never ends.
    if (!done) void ignoreFailure(cancel());
  }
}

/**
 * Waits for work that reads a source. If the work fails before it has begun to read, the source is
 * cancelled, so that a file behind it does not stay open.
 */
export async function orCancel<T>(source: unknown, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (source instanceof ReadableStream && !source.locked) {
      void ignoreFailure(source.cancel(error));
    }
    throw error;
  }
}
