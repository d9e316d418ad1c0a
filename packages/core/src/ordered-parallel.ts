/**
 * Applies `work` to the items of `source`, at most `width` at a time, and yields the results in the order of the
 * items. The one place where stages gain parallelism: at most `width` results wait for a slow one before them.
 * The first failure ends it; work already begun is awaited so that nothing runs on behind the caller's back.
 */
export async function* orderedParallel<T, R>(
  source: AsyncIterable<T> | Iterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const running: Promise<R>[] = [];
  try {
    for await (const item of source) {
      const result = work(item);
      // A failure is reported when its turn comes; until then it must not count as unhandled.
      result.catch(() => {});
      running.push(result);
      if (running.length >= width) yield await (running.shift() as Promise<R>);
    }
    for (let next = running.shift(); next !== undefined; next = running.shift()) yield await next;
  } finally {
    await Promise.allSettled(running);
  }
}
