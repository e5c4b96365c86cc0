/** Configuration files are small: they are read whole. */
import { readFileSync } from 'node:fs';
import { asVmcoreError } from '../../../sys/system-error.ts';

/** E_FILE or E_IO when it cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot read', { file: path });
  }
}
