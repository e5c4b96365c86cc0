/**
 * make-crash.ts KERNEL [WAY] [all]: the dump of a guest that goes down in that way (all of them when not given), made when the cache has none;
 * prints their paths. `all`: on processors that have everything.
 *
 *   node lab/guests/make-crash.ts 6.1-x86_64 stack-overflow
 */
import { VmcoreError } from '../../src/base/errors.ts';
import { runToEnd } from '../../src/cli/ending.ts';
import { terminalProgress } from '../../src/cli/terminal-progress.ts';
import { crashGuest, crashWays } from './crash-guests.ts';
import { parseGuestKernel } from './kernels.ts';

async function main([kernel, word, have]: readonly string[]): Promise<void> {
  const ways = crashWays.filter((way) => word === undefined || way === word);
  if (ways.length === 0) {
    throw new VmcoreError('E_USAGE', `${word} is no way to go down`, {
      hint: `name one of ${crashWays.join(', ')}`,
    });
  }
  const progress = terminalProgress();
  for (const way of ways) {
    const { dump } = await crashGuest(
      { kernel: parseGuestKernel(kernel), way, processors: have === 'all' ? 'all' : 'usual' },
      progress,
    );
    progress.end();
    process.stdout.write(`${way} ${dump}\n`);
  }
}

await runToEnd('make-crash.ts', async () => {
  await main(process.argv.slice(2));
  return undefined;
});
