/**
 * Our own code as one file for the capture image: rolldown follows the imports of an entry and leaves only node: ones.
 */
import { writeFileSync } from 'node:fs';
import { rolldown } from 'rolldown';
import { VmcoreError } from '../../../base/errors.ts';

/** The program that starts at `entry` as the text of a single ES module. E_IO with the first problem. */
export async function bundledProgram(entry: string): Promise<string> {
  try {
    const build = await rolldown({
      input: entry,
      platform: 'node',
      external: /^node:/,
      logLevel: 'silent',
    });
    try {
      const { output } = await build.generate({ format: 'esm', codeSplitting: false });
      return output[0].code;
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
export async function bundleProgram(entry: string, output: string): Promise<void> {
  writeFileSync(output, await bundledProgram(entry));
}
