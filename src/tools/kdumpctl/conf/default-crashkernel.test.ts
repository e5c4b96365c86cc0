import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { defaultCrashkernel, type Extra, type PageSize } from './default-crashkernel.ts';
import { pageSizeOf } from './this-machine.ts';

describe('the crashkernel= that is recommended', () => {
  it('is the table of kdump-utils', () => {
    const table: readonly (readonly [string, PageSize, readonly Extra[], string])[] = [
      ['x86_64', '4k', [], '2G-64G:256M,64G-:512M'],
      ['amd64', '4k', ['memory-encryption', 'mlx5', 'smmu'], '2G-64G:320M,64G-:576M'],
      ['aarch64', '4k', [], '2G-4G:256M,4G-64G:320M,64G-:576M'],
      ['arm64', '4k', ['smmu', 'mlx5'], '2G-4G:406M,4G-64G:470M,64G-:726M'],
      ['arm64', '64k', [], '2G-4G:356M,4G-64G:420M,64G-:676M'],
      ['arm64', '64k', ['smmu', 'mlx5'], '2G-4G:940M,4G-64G:1004M,64G-:1260M'],
    ];
    for (const [arch, pageSize, extras, expected] of table) {
      assert.equal(defaultCrashkernel(arch, pageSize, extras), expected, `${arch} ${pageSize}`);
    }
  });

  it('is not guessed for other architectures', () => {
    for (const arch of ['ppc64le', 'constructor']) {
      assert.throws(() => defaultCrashkernel(arch, '4k', []), failsWith('E_UNSUPPORTED', /no default/));
    }
  });

  it('depends on the pages that the kernel told us of', () => {
    const auxv = (size: bigint): Buffer => {
      const bytes = Buffer.alloc(48);
      for (const [i, word] of [16n, 1n, 6n, size, 0n, 0n].entries()) bytes.writeBigUInt64LE(word, 8 * i);
      return bytes;
    };
    assert.equal(pageSizeOf(auxv(65536n)), '64k');
    assert.equal(pageSizeOf(auxv(4096n)), '4k');
    assert.equal(pageSizeOf(Buffer.alloc(0)), '4k');
  });
});
