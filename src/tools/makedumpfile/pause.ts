/** Long synchronous work gives signals a chance between two batches. */
import { VmcoreError } from '../../base/errors.ts';

/** E_STOPPED when `abort` was signalled. */
export async function pause(abort: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  if (abort?.aborted === true) {
    throw new VmcoreError('E_STOPPED', 'stopped before the dump was complete', {
      hint: 'what was written is marked incomplete, and can be read',
    });
  }
}
