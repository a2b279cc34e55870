/**
 * Begins the work of up to `most` items before the first of them is done; results come in the order
 * of the items, each as soon as it can. Private to `tools/`.
 */
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
        // It is looked at when it is its turn.
        one.catch(() => {});
        begun.push(one);
        coming = source.next();
      }
    }
  } finally {
    coming?.catch(() => {});
    source.return?.().catch(() => {});
  }
}

function isThere<T>(one: T | undefined): one is T {
  return one !== undefined;
}
