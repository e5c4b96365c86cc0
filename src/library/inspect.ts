/** How objects of the library are shown by console.log() and the REPL of Node. Elsewhere nobody asks. */

/** What util.inspect() calls to show an object: Node's documented symbol, which needs no import. */
export const inspect = Symbol.for('nodejs.util.inspect.custom');

/** util.inspect() itself, as it comes with the call. */
export type Show = (value: unknown, options: unknown) => string;
