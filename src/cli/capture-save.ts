/**
 * `vmcore save` alone, as stage 0 starts it in the capture image: bundled as a CommonJS script, which start-save.ts compiles with its code cache.
 */
import { parseKdumpConf } from '../tools/kdumpctl/conf/kdump-conf.ts';
import { programName, runToEnd } from './ending.ts';
import { parseSaveOptions, runSave } from './save.ts';

/** Without node, script and `save`. Sets process.exitCode, or ends the process. */
export const main = (words: readonly string[]): Promise<void> => runToEnd(programName, () => runSave(words));

/** A usual one. */
const sampleConf = [
  'ext4 UUID=00000000-0000-4000-8000-000000000000',
  'path /var/crash',
  'core_collector makedumpfile -z --message-level 7 -d 31',
  'final_action reboot',
  'failure_action reboot',
].join('\n');

/**
 * Runs what every save runs first and that changes nothing: what was run is in the code cache, and what is not must be compiled in the capture
 * kernel.
 */
export function warmUp(): void {
  parseSaveOptions(['--attempt', 'first', '--config', 'kdump.conf', '--hook-timeout', '300']);
  parseKdumpConf(sampleConf, 'kdump.conf');
}
