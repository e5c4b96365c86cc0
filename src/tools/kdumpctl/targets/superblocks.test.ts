/** Superblocks as mkfs writes them, beside what blkid reads in them. */
import assert from 'node:assert/strict';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { findProgram, requireProgram, runChecked } from '../../../sys/programs.ts';
import { fileSystemsOn } from './superblocks.ts';

const needed = ['blkid', 'mkfs.ext2', 'mkfs.ext3', 'mkfs.ext4', 'mkfs.xfs', 'mkfs.btrfs', 'mkfs.minix'];
const missing = needed.filter((name) => findProgram(name) === undefined);
const skip = missing.length === 0 ? false : `needs ${missing.join(', ')}`;

let folder: string;
let image: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vmcore-superblocks-'));
  image = join(folder, 'image');
  writeFileSync(image, '', { mode: 0o600 });
  truncateSync(image, 400 << 20);
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (name: string, ...args: readonly string[]) =>
  runChecked(requireProgram({ name, debianPackage: name }), args);
const blkid = async (tag: string): Promise<string> =>
  (await run('blkid', '-p', '-s', tag, '-o', 'value', image)).stdout.toString().replace(/\n$/, '');

function overwrite(offset: number, bytes: Uint8Array): void {
  const fd = openSync(image, 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

describe('superblocks', { skip }, () => {
  for (const [program, ...labels] of [
    ['mkfs.ext2', 'dumps'],
    ['mkfs.ext3', 'crash dumps'],
    ['mkfs.ext4', 'sixteen letters!', 'blanks behind  '],
    ['mkfs.xfs', 'twelve-of-xf', 'größe'],
    ['mkfs.btrfs', 'dumps', 'long '.repeat(51)],
  ] as const) {
    for (const label of labels) {
      it(`${program} -L "${label}"`, async () => {
        await run(program, '-q', '-L', label, image);
        const [names, ...others] = fileSystemsOn(image);
        assert.deepEqual(others, []);
        assert.equal(names?.uuid, await blkid('UUID'));
        assert.equal(names.label, await blkid('LABEL'));
        assert.equal(names.label, label.trimEnd());
      });
    }
  }

  it('without a label', async () => {
    await run('mkfs.xfs', '-q', image);
    assert.deepEqual(fileSystemsOn(image), [{ uuid: await blkid('UUID'), label: '' }]);
  });

  it('an older one that was not wiped counts too', async () => {
    await run('mkfs.btrfs', '-q', '-L', 'older', image);
    await run('mkfs.ext4', '-q', '-L', 'newer', `${image}2`, '100M');
    const fd = openSync(`${image}2`, 'r');
    const block = Buffer.alloc(1024);
    try {
      assert.equal(readSync(fd, block, 0, 1024, 1024), 1024);
    } finally {
      closeSync(fd);
    }
    overwrite(1024, block);
    assert.deepEqual(
      fileSystemsOn(image).map(({ label }) => label),
      ['newer', 'older'],
    );
  });

  it('a file system without names, zeros, a few bytes, a folder, nothing at all', async () => {
    assert.deepEqual(fileSystemsOn(image), []);
    await run('mkfs.minix', image);
    assert.deepEqual(fileSystemsOn(image), []);
    truncateSync(image, 1024 + 0x3a);
    overwrite(1024 + 0x38, Buffer.of(0x53, 0xef));
    assert.deepEqual(fileSystemsOn(image), [{ uuid: '00000000-0000-0000-0000-000000000000', label: '' }]);
    truncateSync(image, 100);
    assert.deepEqual(fileSystemsOn(image), []);
    assert.deepEqual(fileSystemsOn(folder), []);
    assert.deepEqual(fileSystemsOn(join(folder, 'nothing')), []);
  });
});
