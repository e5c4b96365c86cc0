import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findProgram } from '../../sys/programs.ts';
import { debugfs, listFolder, makeDisk, mkfsExt4, parseListing, takeFile } from './disk.ts';

const missing = [mkfsExt4, debugfs].filter(({ name }) => findProgram(name) === undefined);

test('a listing of debugfs becomes names and sizes', () => {
  const text =
    '/2/040755/0/0/.//\n/2/040755/0/0/..//\n/12/100600/0/0/vmcore/35516252/\n/13/040700/0/0/127.0.0.1-2026-11-22-02:21:39//\n\n';
  assert.deepEqual(parseListing(text), [
    { name: 'vmcore', size: 35516252 },
    { name: '127.0.0.1-2026-11-22-02:21:39', size: undefined },
  ]);
  assert.deepEqual(parseListing('/var/crash: File not found by ext2_lookup\n'), []);
});

test('a file goes into a disk and comes out the same, private, whatever its name', {
  skip: missing.length > 0 && 'e2fsprogs is not installed',
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-disk-'));
  try {
    const name = 'a "quoted" name';
    const bytes = Buffer.alloc(70_000, 'dump');
    mkdirSync(join(folder, 'stage/var/crash'), { recursive: true });
    writeFileSync(join(folder, 'stage/var/crash', name), bytes);
    const disk = join(folder, 'disk.img');
    await makeDisk(disk, 16 * 2 ** 20, join(folder, 'stage'));
    assert.equal(statSync(disk).mode & 0o777, 0o600);
    assert.deepEqual(await listFolder(disk, '/var/crash'), [{ name, size: bytes.length }]);
    assert.deepEqual(await listFolder(disk, '/nowhere'), []);

    const out = join(folder, 'o"ut');
    await takeFile(disk, `/var/crash/${name}`, bytes.length, out);
    assert.deepEqual(readFileSync(out), bytes);
    assert.equal(statSync(out).mode & 0o777, 0o600);
    await assert.rejects(takeFile(disk, '/var/crash/none', 5, join(folder, 'none')), {
      code: 'E_REHEARSAL',
      message: /File not found/,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
