/**
 * Our own code as one file for the capture image: rolldown follows the imports of an entry and leaves only node: ones.
 */
import { writeFileSync } from 'node:fs';
import { rolldown } from 'rolldown';
import { VmcoreError } from '../../../base/errors.ts';

/**
 * "esm": a module, may await at its top. "cjs": a script for require(); node loads its own modules for one without a look at all of their exports,
 * which loads half of node for node:fs alone.
 */
export type BundleFormat = 'esm' | 'cjs';

/** The program that starts at `entry` as the text of a single file, in ASCII. E_IO with the first problem. */
export async function bundledProgram(entry: string, format: BundleFormat = 'esm'): Promise<string> {
  try {
    const build = await rolldown({
      input: entry,
      platform: 'node',
      external: /^node:/,
      logLevel: 'silent',
    });
    try {
      const { output } = await build.generate({ format, codeSplitting: false });
      return inAscii(output[0].code);
    } finally {
      await build.close();
    }
  } catch (cause) {
    throw new VmcoreError(
      'E_IO',
      `cannot bundle our code: ${cause instanceof Error ? cause.message : String(cause)}`,
      { file: entry, hint: 'run npm ci', cause },
    );
  }
}

/** The same into the file `output`. */
export async function bundleProgram(entry: string, output: string, format?: BundleFormat): Promise<void> {
  writeFileSync(output, await bundledProgram(entry, format));
}

/** Our code has other characters in strings and comments only, where an escape means the same. With them V8 would take two bytes for each character. */
const inAscii = (code: string): string =>
  code.replace(/[^\0-\x7f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
