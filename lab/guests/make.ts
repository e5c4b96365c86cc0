/**
 * make.ts KERNEL [MEMORY]: the raw dump of a guest at work, made when the cache has none; prints its path.
 *
 *   node lab/guests/make.ts 6.1-x86_64 4G
 */
import { VmcoreError } from '../../src/base/errors.ts';
import { parseSize } from '../../src/base/units.ts';
import { runToEnd } from '../../src/cli/ending.ts';
import { terminalProgress } from '../../src/cli/terminal-progress.ts';
import { guestDump } from './guests.ts';
import { parseGuestKernel } from './kernels.ts';

async function main([kernel, memory = '1G']: readonly string[]): Promise<void> {
  const bytes = parseSize(memory);
  if (bytes === undefined) {
    throw new VmcoreError('E_USAGE', `${memory} is not a size`, { hint: 'write one such as 4G' });
  }
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort());
  const progress = terminalProgress();
  const dump = await guestDump({ kernel: parseGuestKernel(kernel), memory: bytes }, progress, abort.signal);
  progress.end();
  process.stdout.write(`${dump.raw}\n`);
}

await runToEnd('make.ts', async () => {
  await main(process.argv.slice(2));
  return undefined;
});
