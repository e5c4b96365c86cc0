import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { MappedReader } from './mapped-reader.ts';

const mib = 2 ** 20;
/** More than one piece, and not whole pages. */
const size = 9 * mib + 1234;
const contents = new Uint8Array(size).map((_, i) => (i * 7) ^ (i >>> 12));

let folder: string;
let fd: number;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'mapped-reader-test-'));
  const path = join(folder, 'file');
  writeFileSync(path, contents);
  fd = openSync(path, 'r');
});
after(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

const open = (): MappedReader => {
  const reader = MappedReader.open(fd, size);
  assert.ok(reader !== undefined);
  return reader;
};

describe('a file that is copied from by mapping it', () => {
  it('gives its bytes, in whatever order, up to its end', () => {
    const reader = open();
    for (const [offset, length] of [
      [0, size],
      [100, 5 * mib],
      [8 * mib - 1, 64 << 10],
      [3 * mib + 5, 2 * mib],
      [size - mib, mib],
      [size - 100_000, 200_000],
    ] as const) {
      const into = new Uint8Array(length);
      const expected = contents.subarray(offset, offset + length);
      assert.equal(reader.read(offset, into), expected.length);
      assert.equal(Buffer.compare(into.subarray(0, expected.length), expected), 0);
    }
    assert.equal(reader.read(size, new Uint8Array(mib)), 0);
    assert.equal(reader.read(2 ** 52, new Uint8Array(mib)), 0);
  });

  it('is left to read(2) by who reads a little here and a little there', () => {
    const reader = open();
    const read = (offset: number): number => reader.read(offset, new Uint8Array(4096));
    assert.equal(read(9 * mib - 4096), 0, 'far from where the last read ended');
    assert.equal(read(9 * mib - 4096), 0, 'before that');
    assert.equal(read(9 * mib), 1234, 'onward');
    assert.equal(read(8 * mib), 4096, 'in the piece that is mapped');
    assert.equal(read(0), 0);
  });

  it('is not there for files that cannot be mapped', () => {
    const status = openSync('/proc/self/status', 'r');
    assert.equal(MappedReader.open(status, 4096), undefined);
    closeSync(status);
  });
});
