/**
 * Our own code as one file for the capture image: rolldown follows the imports of an entry and leaves only node: ones.
 */
import { rolldown } from 'rolldown';
import { VmcoreError } from '../../../base/errors.ts';

/** Bundles the program that starts at `entry` into the single ES module `output`. E_IO with the first problem. */
export async function bundleProgram(entry: string, output: string): Promise<void> {
  try {
    const build = await rolldown({
      input: entry,
      platform: 'node',
      external: /^node:/,
      logLevel: 'silent',
    });
    try {
      await build.write({ file: output, format: 'esm', codeSplitting: false });
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
