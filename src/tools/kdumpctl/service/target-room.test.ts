import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseCollector } from '../conf/collector.ts';
import type { RawTarget, Target } from '../conf/target.ts';
import { isWrong } from '../conf/target.ts';
import { largestDump } from './dump-size.ts';
import { dfAvailable, targetRoom } from './target-room.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'vmcore-room-'));
});
after(() => rmSync(folder, { recursive: true }));

const ext4: Target = { kind: 'filesystem', fileSystem: 'ext4', device: { by: 'UUID', value: '1' } };

describe("a target's room", () => {
  it('is what the mounted file system has free', async () => {
    const { bytes } = await targetRoom({ kind: 'mounted', mountPoint: folder, folder }, ext4, '/', 'look');
    const { bavail, bsize } = statfsSync(folder);
    assert.ok(bytes !== undefined && Math.abs(bytes - bavail * bsize) < 2 ** 30);
  });

  it('is the size of a raw device, and unknown of what is not mounted', async () => {
    const node = join(folder, 'disk');
    writeFileSync(node, '');
    truncateSync(node, 12_345_678);
    const raw: RawTarget = { kind: 'raw', device: { by: 'path', value: node } };
    assert.equal((await targetRoom({ kind: 'device', node }, raw, '/', 'look')).bytes, 12_345_678);
    assert.deepEqual(await targetRoom({ kind: 'device', node }, ext4, '/', 'look'), {
      bytes: undefined,
      why: 'not mounted',
    });
    const missing = await targetRoom({ kind: 'device', node: join(folder, 'no') }, raw, '/', 'look');
    assert.match(missing.why ?? '', /ENOENT/);
  });

  it('is read from what df says', () => {
    const real = dfAvailable(execFileSync('df', ['-Pk', folder], { encoding: 'utf8' }));
    const { bavail, bsize } = statfsSync(folder);
    assert.ok(real !== undefined && Math.abs(real - bavail * bsize) < 2 ** 30);
    const head = 'Filesystem 1024-blocks Used Available Capacity Mounted on\n';
    assert.equal(dfAvailable(`${head}/dev/my disk 1000 400 600 40% /mnt 2 3 4 5% x\n`), 600 * 1024);
    assert.equal(dfAvailable(head), undefined);
  });
});

describe('the largest dump', () => {
  const meminfo = `MemTotal:        1000 kB
MemFree:          500 kB
Buffers:           10 kB
Cached:           200 kB
AnonPages:        100 kB
Shmem:             50 kB
`;
  const largest = (collector: string): number => {
    const parsed = parseCollector(collector, 'filesystem');
    if (isWrong(parsed)) throw new Error(parsed.what);
    return largestDump(parsed, meminfo) / 1024;
  };

  it('is all memory without what the level leaves out', () => {
    assert.deepEqual(
      ['cp', 'makedumpfile -d 0', 'makedumpfile -d 16', 'makedumpfile -d 31', 'makedumpfile -d 1,31'].map(
        largest,
      ),
      [1000, 1000, 500, 240, 240],
    );
  });
});
