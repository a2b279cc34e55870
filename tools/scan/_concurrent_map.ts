import { ignoreFailure } from "../../net/internal/ignore_failure.ts";

/** Runs the work of up to `most` items at the same time and yields the results in item order. */
export async function* ahead<T, R>(
  items: AsyncIterable<T>,
  most: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, void> {
  const source = items[Symbol.asyncIterator]();
  const begun: Promise<R>[] = [];
  let coming: Promise<IteratorResult<T>> | undefined = source.next();
  try {
    while (coming !== undefined || begun.length > 0) {
      const [first] = begun;
      const wanted = begun.length < most ? coming : undefined;
      const next = await Promise.race([wanted, first?.then(() => undefined)].filter(isThere));
      if (next === undefined) yield await begun.shift()!;
      else if (next.done) coming = undefined;
      else {
        const one = work(next.value);
        // The error is handled when the result is its turn.
        void ignoreFailure(one);
        begun.push(one);
        coming = source.next();
      }
    }
  } finally {
    void ignoreFailure(coming);
    void ignoreFailure(source.return?.());
  }
}

function isThere<T>(one: T | undefined): one is T {
  return one !== undefined;
}
