import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  elfCoreHdrFrom,
  elfCoreHdrFromProperty,
  isKdumpKernel,
  isVmcoreUsable,
  parseElfCoreHdrOption,
  untold,
  unusableAddress,
} from './elfcorehdr-option.ts';

describe('elfcorehdr=', () => {
  it('is an offset, or a size and an offset, as C writes numbers, with a letter for powers of 1024', () => {
    const cases: [string, bigint, bigint | undefined][] = [
      ['0x2d000000', 0x2d000000n, undefined],
      ['867944K', 867944n << 10n, undefined],
      ['900k@0x3c000000', 0x3c000000n, 900n << 10n],
      ['1M@768M', 768n << 20n, 1n << 20n],
      ['0x1G', 1n << 30n, undefined],
      ['010', 8n, undefined],
      ['089', 0n, undefined],
      ['0', 0n, undefined],
      // Junk behind the number is not looked at.
      ['12Kjunk', 12n << 10n, undefined],
      ['1M@', 0n, 1n << 20n],
      ['@5', 5n, 0n],
      ['0xffffffffffffffffK', 0xffff_ffff_ffff_fc00n, undefined],
    ];
    for (const [text, address, size] of cases)
      assert.deepEqual(parseElfCoreHdrOption(text), { address, size }, text);
  });

  it('is invalid without a number', () => {
    for (const text of ['', 'x', '-1']) assert.equal(parseElfCoreHdrOption(text), undefined, text);
  });

  it('is found on a command line: the last one, in front of what belongs to init', () => {
    const address = (line: string): bigint => elfCoreHdrFrom(line).address;
    assert.equal(address('console=ttyS0 elfcorehdr=1M elfcorehdr=2M quiet\n'), 2n << 20n);
    assert.equal(address('quiet -- elfcorehdr=1M'), untold.address);
    assert.equal(address('dyndbg="file a elfcorehdr=1M" x'), untold.address);
    assert.equal(address('elfcorehdr="3M"'), 3n << 20n);
    assert.equal(address('my_elfcorehdr=1M elfcorehdr'), untold.address);
    assert.equal(address('elfcorehdr='), 0n, 'invalid, but the address is set');
  });

  it('is also in the device tree, in cells', () => {
    const cells = Uint8Array.of(0, 0, 0, 1, 0x7b, 0xff, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0);
    assert.deepEqual(elfCoreHdrFromProperty(cells, 2, 2), { address: 0x1_7bff_e000n, size: 0x1000n });
    assert.deepEqual(elfCoreHdrFromProperty(cells.subarray(4, 12), 1, 1), {
      address: 0x7bff_e000n,
      size: 0n,
    });
    assert.equal(elfCoreHdrFromProperty(cells.subarray(0, 12), 2, 2), undefined);
  });
});

describe('a kernel', () => {
  it('is a capture kernel when it was told an address, and has a vmcore when that is one', () => {
    const at = (address: bigint) => ({ address, size: undefined });
    assert.deepEqual([isKdumpKernel(untold), isVmcoreUsable(untold)], [false, false]);
    assert.deepEqual(
      [isKdumpKernel(at(unusableAddress)), isVmcoreUsable(at(unusableAddress))],
      [true, false],
    );
    assert.deepEqual([isKdumpKernel(at(0n)), isVmcoreUsable(at(0n))], [true, true]);
  });
});
