/** One panic of a 4 GiB machine with crashkernel=192M and kdump.conf as it is when nothing is written into it but the target. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { panicAndSave } from '../../lab/boots/panic-and-save.ts';
import { formatSize } from '../../src/base/units.ts';
import { cacheDir } from '../../src/sys/cache-dir.ts';
import { takeFile } from '../../src/tools/rehearse/disk.ts';
import { examineDump } from '../../src/tools/rehearse/examine.ts';
import { findDump } from '../../src/tools/rehearse/take-dump.ts';

/** What has to be left at any time: a driver, a longer list of processes, a network card want some of it. */
const leastLeft = 24 * 2 ** 20;

/** Asserts that the whole dump arrives, and tells the least memory that was available. `workload`: runs before the panic. */
export async function savesIn192M(context: TestContext, workload: string | undefined): Promise<void> {
  const folder = mkdtempSync(join(cacheDir('tests'), 'reservation-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const run = await panicAndSave({
    folder,
    memory: 4 * 2 ** 30,
    crashkernel: '192M',
    kdumpConf: 'ext4 /dev/vda\n',
    timeout: 1800,
    ...(workload === undefined ? {} : { workload }),
  });
  const told = run.captureConsole.split('\n').slice(-30).join('\n');
  const exit = run.events.find(({ name }) => name === 'save-exit');
  assert.equal(exit?.fields.status, 0, told);
  const { folder: saved, entries } = await findDump(run.disk);
  const dump = join(folder, 'vmcore');
  const size = entries.find(({ name }) => name === 'vmcore')?.size ?? 0;
  await takeFile(run.disk, `${saved}/vmcore`, size, dump);
  const { info } = examineDump(dump);
  assert.equal(info.incomplete, false);
  assert.equal(info.dumpLevel, 31);
  assert.match(info.panic ?? '', /sysrq triggered crash/);
  const available = run.events.flatMap(({ fields: { memAvailable, lowestAvailable } }) =>
    [memAvailable, lowestAvailable].filter((value) => typeof value === 'number'),
  );
  const least = Math.min(...available);
  context.diagnostic(`crashkernel=192M, 4 GiB: ${formatSize(least)} were left at the lowest`);
  assert.ok(least > leastLeft && Number.isFinite(least), formatSize(least));
}
