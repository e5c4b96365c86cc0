import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { type ByteSource, MemorySource } from '../../base/byte-source.ts';
import { silentProgress } from '../../base/progress.ts';
import { copyDump } from './copy.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'copy-test-'));
});
after(() => rmSync(folder, { recursive: true }));

const MiB = 2 ** 20;
/** 13 MiB and a bit: data at both ends, around the borders of blocks and holes, zeros elsewhere. */
const bytes = new Uint8Array(13 * MiB + 77);
for (const at of [0, 65535, 65536, 4 * MiB - 1, 9 * MiB + 5]) bytes[at] = 1 + (at % 251);

describe('a copied dump', () => {
  it('has the same bytes, for its owner alone, and holes for its zeros', () => {
    for (const size of [bytes.length, 8 * MiB, 8 * MiB + 1, 1, 0]) {
      const path = join(folder, `copy-${size}`);
      copyDump(new MemorySource(bytes.subarray(0, size)), path, 'refuse', silentProgress);
      assert.ok(readFileSync(path).equals(bytes.subarray(0, size)), String(size));
      assert.equal(statSync(path).mode & 0o777, 0o600);
    }
    const { size, blocks } = statSync(join(folder, `copy-${bytes.length}`));
    assert.ok(blocks * 512 < size / 4, `${blocks} blocks`);
  });

  it('is not read where the source has holes', () => {
    let read = 0;
    const source: ByteSource = {
      name: 'sparse',
      size: bytes.length,
      read: (at, into) => {
        read += into.length;
        into.set(bytes.subarray(at, at + into.length));
        return Math.min(into.length, bytes.length - at);
      },
      nextData: (at) => {
        const next = bytes.findIndex((byte, i) => i >= at && byte !== 0);
        return next < 0 ? bytes.length : next;
      },
      close() {},
    };
    const path = join(folder, 'sparse');
    copyDump(source, path, 'refuse', silentProgress);
    assert.ok(readFileSync(path).equals(bytes));
    assert.ok(read < bytes.length, `${read} bytes were read`);
  });

  it('is not written over another file unless that is wanted', () => {
    const path = join(folder, 'old');
    writeFileSync(path, 'old');
    const source = new MemorySource(bytes.subarray(0, 3));
    assert.throws(() => copyDump(source, path, 'refuse', silentProgress), failsWith('E_EXISTS'));
    assert.equal(readFileSync(path, 'latin1'), 'old');
    copyDump(source, path, 'overwrite', silentProgress);
    assert.equal(statSync(path).size, 3);
  });

  it('does not stay when it cannot be finished', () => {
    const path = join(folder, 'half');
    const shrinking: ByteSource = {
      name: 'x',
      size: 9 * MiB,
      read: (at, into) => (at > 0 ? 7 : into.length),
      close() {},
    };
    assert.throws(
      () => copyDump(shrinking, path, 'refuse', silentProgress),
      failsWith('E_TRUNCATED', /shorter/),
    );
    assert.ok(!existsSync(path));
  });
});
