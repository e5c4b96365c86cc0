/**
 * npm run bench: both benchmarks, one after the other, with the same options (--rounds, --save): makedumpfile.ts and views.ts. What only one
 * of them knows is asked of it by `npm run bench:makedumpfile` or `npm run bench:views`.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

for (const script of ['makedumpfile.ts', 'views.ts']) {
  const { status } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, script), ...process.argv.slice(2)],
    { stdio: 'inherit' },
  );
  if (status !== 0) {
    process.exitCode = status ?? 1;
    break;
  }
}
