import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../test/support/expect-error.ts';
import { MemorySource } from '../base/byte-source.ts';
import { VmcoreError } from '../base/errors.ts';
import { openDump } from './open.ts';

const open = (bytes: Uint8Array) =>
  openDump(new MemorySource(bytes, 'thing'), { codecs: {}, cutShort: 'refuse' });
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('a file that is no dump', () => {
  it('is told so: empty, text, zeros, and names the formats that are known', () => {
    assert.throws(() => open(new Uint8Array()), failsWith('E_NOT_A_DUMP', /the file is empty/));
    for (const bytes of [text('#!/bin/sh\necho hello\n'), new Uint8Array(8192), text('K')]) {
      assert.throws(() => open(bytes), failsWith('E_NOT_A_DUMP', /not a dump of a known format/));
    }
    assert.throws(
      () => open(text('hello')),
      (error) =>
        error instanceof VmcoreError &&
        error.toLine() ===
          'thing: not a dump of a known format (at offset 0x0); known formats: kdump, kcore, elf, flattened [E_NOT_A_DUMP]',
    );
  });

  it('is not mistaken by a beginning that only looks like one', () => {
    assert.throws(() => open(text('KDUMP')), failsWith('E_NOT_A_DUMP'));
    assert.throws(() => open(text('KDUMP  X')), failsWith('E_NOT_A_DUMP'));
    assert.throws(() => open(Uint8Array.of(0x7f, 0x45, 0x4c)), failsWith('E_NOT_A_DUMP'));
  });

  it('is a broken dump, not an unknown file, when it begins as one', () => {
    assert.throws(() => open(text('KDUMP   ')), failsWith('E_TRUNCATED', /kdump header/));
    assert.throws(() => open(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46)), failsWith('E_TRUNCATED', /ELF header/));
  });
});
