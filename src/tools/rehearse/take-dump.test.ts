import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { findProgram } from '../../sys/programs.ts';
import { debugfs, makeDisk, mkfsExt4 } from './disk.ts';
import { findDump, takeIncomplete } from './take-dump.ts';

const missing = [mkfsExt4, debugfs].filter(({ name }) => findProgram(name) === undefined);
const root = mkdtempSync(join(tmpdir(), 'vmcore-take-'));
after(() => rmSync(root, { recursive: true }));

/** A guest's disk with these files below /var/crash. */
async function diskWith(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const stage = join(root, `${name}-stage`);
  mkdirSync(join(stage, 'var/crash'), { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(stage, 'var/crash', path, '..'), { recursive: true });
    writeFileSync(join(stage, 'var/crash', path), text);
  }
  const disk = join(root, `${name}.img`);
  await makeDisk(disk, 16 * 2 ** 20, stage);
  return disk;
}

describe("the guest's disk after a save", {
  skip: missing.length > 0 && 'e2fsprogs is not installed',
}, () => {
  it('that failed gives what was written, and its log, to the folder that keeps things', async () => {
    const disk = await diskWith('failed', {
      '127.0.0.1-2026-11-21-10:00:00/vmcore': 'an older dump',
      '127.0.0.1-2026-11-22-10:00:00/vmcore-incomplete': 'half a dump',
      '127.0.0.1-2026-11-22-10:00:00/vmcore-dmesg.txt': 'the log',
      '127.0.0.1-2026-11-22-10:00:00/vmcore.elf': 'something large',
    });
    const keep = join(root, 'keep');
    mkdirSync(keep);
    assert.equal(
      await takeIncomplete(disk, keep),
      `what was saved before, 11 B, is ${join(keep, 'vmcore-incomplete')}`,
    );
    assert.equal(readFileSync(join(keep, 'vmcore-incomplete'), 'utf8'), 'half a dump');
    assert.equal(readFileSync(join(keep, 'vmcore-dmesg.txt'), 'utf8'), 'the log');
    assert.equal(statSync(join(keep, 'vmcore-incomplete')).mode & 0o777, 0o600);
    assert.ok(!existsSync(join(keep, 'vmcore')) && !existsSync(join(keep, 'vmcore.elf')));
    assert.equal(
      await takeIncomplete(disk, undefined),
      'what was saved before, 11 B, is kept with --keep DIR',
    );
    await assert.rejects(findDump(disk), failsWith('E_REHEARSAL', /no vmcore .*vmcore-incomplete/));
  });

  it('that wrote nothing has nothing to tell of', async () => {
    const log = { '127.0.0.1-2026-11-22-10:00:00/vmcore-dmesg.txt': 'the log' };
    assert.equal(await takeIncomplete(await diskWith('log-only', log), undefined), undefined);
    assert.equal(await takeIncomplete(await diskWith('empty', {}), undefined), undefined);
  });

  it('that cannot be read hides no other failure', async () => {
    const broken = join(root, 'broken.img');
    writeFileSync(broken, 'no file system');
    assert.equal(await takeIncomplete(broken, undefined), undefined);
  });
});
