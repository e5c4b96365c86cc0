import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../test/support/expect-error.ts';
import { type ByteSource, MemorySource, readExact } from './byte-source.ts';

const source = new MemorySource(Uint8Array.of(0, 1, 2, 3, 4), 'five.bytes');

describe('bytes by offset', () => {
  it('come as many as there are', () => {
    const into = new Uint8Array(3);
    assert.equal(source.read(1, into), 3);
    assert.deepEqual([...into], [1, 2, 3]);
    assert.equal(source.read(4, into), 1);
    assert.equal(source.read(5, into), 0);
    assert.equal(source.read(2 ** 60, into), 0);
  });

  it('are a truncated file when they must all be there and are not', () => {
    assert.deepEqual([...readExact(source, 2, 3, 'the tail')], [2, 3, 4]);
    assert.throws(
      () => readExact(source, 3, 3, 'the header'),
      failsWith('E_TRUNCATED', /the header needs 6 bytes, the file has 5/),
    );
  });

  it('are not allocated before the file was seen to have them', () => {
    assert.throws(() => readExact(source, 0, 2 ** 52, 'an absurd table'), failsWith('E_TRUNCATED'));
  });

  it('are a truncated file, too, when it shrinks while it is read', () => {
    const shrinking: ByteSource = { name: 'x', size: 100, read: () => 4, close() {} };
    assert.throws(
      () => readExact(shrinking, 0, 8, 'the header'),
      failsWith('E_TRUNCATED', /read 4 of 8 bytes/),
    );
  });
});
