/**
 * Many things out of a dump, one at a time: `for (const task of tasks)`, `for await (const task of tasks)`, `[...tasks]`. Nothing is read before it is asked
 * for, and it is read anew each time.
 *
 * Reads are synchronous underneath. `for await` lets other work of the program go on in between: a server that looks at a dump still answers.
 */
import { Missing } from '../kernel/missing.ts';
import { inspect, type Show } from './inspect.ts';

/** Milliseconds of reading after which other work has its turn. */
const turn = 20;
/** A console shows no more of an array. */
const mostShown = 101;

export class Results<T> implements Iterable<T>, AsyncIterable<T> {
  readonly #read: (missing: Missing) => Iterable<T>;
  readonly #notes = new Missing();

  /** `read` begins anew at each call; what it could not read it notes. */
  constructor(read: (missing: Missing) => Iterable<T>) {
    this.#read = read;
  }

  /** What could not be read so far, and why, a line each. Complete when the results were looked at to their end. */
  get missing(): readonly string[] {
    return this.#notes.lines;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#read(this.#notes)[Symbol.iterator]();
  }

  [inspect](_depth: number, options: unknown, show: Show): string {
    const first = this[Symbol.iterator]();
    const items: T[] = [];
    for (let next = first.next(); next.done !== true && items.length < mostShown; next = first.next())
      items.push(next.value);
    return `Results ${show(items, options)}`;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    let since = performance.now();
    for (const item of this) {
      yield item;
      if (performance.now() - since < turn) continue;
      await new Promise<void>((resolve) => setTimeout(resolve));
      since = performance.now();
    }
  }
}
