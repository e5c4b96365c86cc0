/**
 * `vmcore save` alone, as stage 0 starts it in the capture image: bundled as a CommonJS script, which start-save.ts compiles with its code cache.
 */
import { programName, runToEnd } from './ending.ts';
import { runSave } from './save.ts';

/** Without node, script and `save`. Sets process.exitCode, or ends the process. */
export const main = (words: readonly string[]): Promise<void> => runToEnd(programName, () => runSave(words));
