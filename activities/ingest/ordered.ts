/**
 * Works on up to `width` items at a time and gives the results in the order of the items. Takes no more
 * items from the source than it works on, so a slow consumer slows everything down and memory stays flat.
 */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item>,
  width: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const running: Promise<Result>[] = [];
  try {
    for await (const item of items) {
      const task = work(item);
      // A failure is thrown when its turn comes; until then it must not count as unhandled.
      task.catch(() => undefined);
      running.push(task);
      const next = running.length >= width ? running.shift() : undefined;
      if (next !== undefined) yield await next;
    }
    for (const task of running) yield await task;
  } finally {
    await Promise.allSettled(running);
  }
}
