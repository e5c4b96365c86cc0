import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { findProgram } from '../../../sys/programs.ts';
import { packingOf, unpack } from './unpack.ts';

const zeros = new Uint8Array(1 << 20);

test('a few bytes that unpack to more than the limit are refused, not held', () => {
  const tooMuch = failsWith('E_CORRUPT', /more than 64\.0 KiB/);
  assert.throws(() => unpack('gzip', gzipSync(zeros), 'Image.gz', 65536), tooMuch);
  assert.throws(() => unpack('zstd', zstdCompressSync(zeros), 'Image.zst', 65536), tooMuch);
  const xz = findProgram('xz');
  if (xz !== undefined) {
    const packed = execFileSync(xz, ['--stdout'], { input: zeros });
    assert.throws(() => unpack('xz', packed, 'Image.xz', 65536), tooMuch);
  }
});

test('packings are told by their first bytes', () => {
  assert.equal(packingOf(gzipSync(zeros)), 'gzip');
  assert.equal(packingOf(zstdCompressSync(zeros)), 'zstd');
  assert.equal(packingOf(Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)), 'xz');
  assert.equal(packingOf(Uint8Array.of(0x5d, 0, 0, 0x80)), 'lzma');
  assert.equal(packingOf(Uint8Array.of(0x4d, 0x5a)), undefined);
  assert.equal(packingOf(new Uint8Array()), undefined);
});
