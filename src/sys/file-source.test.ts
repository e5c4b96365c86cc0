import assert from 'node:assert/strict';
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { failsWith } from '../../test/support/expect-error.ts';
import { openFile } from './file-source.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'file-source-test-'));
});
after(() => rmSync(folder, { recursive: true }));

describe('a file that we read', () => {
  it('gives bytes at any offset, and fewer only at its end', () => {
    const path = join(folder, 'file');
    writeFileSync(path, 'hello world');
    const source = openFile(path);
    const into = new Uint8Array(8);
    assert.equal(source.name, path);
    assert.equal(source.size, 11);
    assert.equal(source.read(6, into), 5);
    assert.equal(new TextDecoder().decode(into.subarray(0, 5)), 'world');
    assert.equal(source.read(11, into), 0);
    source.close();
  });

  it('has nothing at offsets beyond any file, which a broken header may name', () => {
    const path = join(folder, 'small');
    writeFileSync(path, 'hello');
    const source = openFile(path);
    for (const offset of [2 ** 40, 2 ** 53, 2 ** 60, 2 ** 64]) {
      assert.equal(source.read(offset, new Uint8Array(8)), 0, `offset ${offset}`);
    }
    source.close();
  });

  it('has a large hole where nothing was written', () => {
    const path = join(folder, 'sparse');
    writeFileSync(path, '');
    truncateSync(path, 2 ** 40);
    const source = openFile(path);
    const into = new Uint8Array(4).fill(1);
    assert.equal(source.size, 2 ** 40);
    assert.equal(source.read(2 ** 39, into), 4);
    assert.deepEqual([...into], [0, 0, 0, 0]);
    source.close();
  });

  it('tells where data goes on behind a hole', () => {
    const path = join(folder, 'islands');
    const fd = openSync(path, 'w');
    writeSync(fd, Buffer.alloc(4096, 1), 0, 4096, 2 ** 30);
    ftruncateSync(fd, 2 ** 40);
    closeSync(fd);
    const source = openFile(path);
    // File systems that do not tell take all for data.
    for (const [from, to] of [
      [0, 2 ** 30],
      [2 ** 30 + 5, 2 ** 30 + 5],
      [2 ** 31, 2 ** 40],
      [2 ** 40, 2 ** 40],
    ] as const) {
      assert.ok(
        [from, to].includes(source.nextData?.(from) ?? -1),
        `from ${from}: ${source.nextData?.(from)}`,
      );
    }
    source.close();
  });

  it('must be one that can be read at any offset', () => {
    assert.throws(() => openFile(join(folder, 'missing')), failsWith('E_FILE', /cannot open: no such file/));
    assert.throws(() => openFile(folder), failsWith('E_FILE', /is a directory/));
    assert.throws(
      () => openFile('/dev/zero'),
      failsWith('E_FILE', /is not a file that can be read at any offset/),
    );
    assert.throws(() => openFile(join(folder, 'file', 'below')), failsWith('E_FILE', /not a directory/));
  });
});
