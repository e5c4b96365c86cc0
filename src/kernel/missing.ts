/**
 * What a view could not read, and why, in lines for people: a dump lacks pages, and its lists may be smashed, yet everything else can be shown.
 *
 * Only errors that tell of the dump are taken down; anything else is a bug of ours and goes on as an exception.
 */
import { VmcoreError } from '../base/errors.ts';

export class Missing {
  private readonly notes = new Set<string>();

  /** A line each, in the order in which they were found, none twice. */
  get lines(): readonly string[] {
    return [...this.notes];
  }

  note(line: string): void {
    this.notes.add(line);
  }

  /** What `read` gives; undefined, and a line "WHAT: why", when the dump does not have it. */
  attempt<T>(what: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.noteError(what, error);
      return undefined;
    }
  }

  /** What comes of `items`, up to where the dump has no more of them: then a line "WHAT: why". */
  *drain<T>(what: string, items: Iterable<T>): Generator<T> {
    const iterator = items[Symbol.iterator]();
    try {
      for (;;) {
        const next = this.attempt(what, () => iterator.next());
        if (next === undefined || next.done === true) return;
        yield next.value;
      }
    } finally {
      iterator.return?.();
    }
  }

  private noteError(what: string, error: unknown): void {
    if (!(error instanceof VmcoreError)) throw error;
    this.note(`${what}: ${error.message}`);
  }
}
