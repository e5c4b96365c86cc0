/**
 * Our program as a script for node:vm with V8's code cache: functions that are in the cache need not be parsed and compiled, which in a capture kernel
 * takes more than half a second of a save.
 *
 * V8 itself checks whether a cache fits: made by the same release, of a source of the same length, with the same flags. One that does not
 * is ignored, and the program starts as it would without. Used at both ends, when the image is built (make-code-cache.ts) and when it runs (start-save.ts).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';

/** In /vmcore of the image: the bundle, and its cache. */
export const bundleName = 'save.cjs';
export const cacheName = 'save.cache';

/** capture-save.ts. */
export interface Program {
  readonly main: (words: readonly string[]) => Promise<void>;
}

/** Compiles what is in `folder`. The file is ASCII (bundle.ts), so that V8 can keep it as bytes. */
export function compileProgram(folder: string, cachedData: Buffer | undefined): Script {
  const filename = join(folder, bundleName);
  // In one line: line numbers of errors are those of the file.
  const text = `(function (require, exports, __filename) {${readFileSync(filename, 'latin1')}\n})`;
  return new Script(text, { filename, ...(cachedData === undefined ? {} : { cachedData }) });
}

/** Runs its top level. It requires nothing but node's own modules. */
export function startProgram(script: Script, folder: string): Program {
  const exports = {};
  script.runInThisContext()(process.getBuiltinModule, exports, join(folder, bundleName));
  // Its own entry: no other file is ever there.
  return exports as Program;
}
