import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { asVaddr, formatSize, hex, parseSize } from './units.ts';

describe('sizes as users write them', () => {
  it('reads digits and binary units, as the kernel does', () => {
    const cases: [string, number | undefined][] = [
      ['0', 0],
      ['4096', 4096],
      ['256M', 268435456],
      ['256m', 268435456],
      ['1G', 1073741824],
      ['2T', 2199023255552],
      ['64K', 65536],
      ['64KB', 65536],
      [' 1K ', 1024],
      ['', undefined],
      ['M', undefined],
      ['-1M', undefined],
      ['1.5G', undefined],
      ['1 G', undefined],
      ['1X', undefined],
      ['0x10', undefined],
      ['99999999999999999999', undefined],
      ['9000T', undefined],
    ];
    for (const [text, bytes] of cases) assert.equal(parseSize(text), bytes, `"${text}"`);
  });

  it('shows sizes with the unit people use, never a thousand of the smaller one', () => {
    const cases: [number, string][] = [
      [0, '0 B'],
      [1023, '1023 B'],
      [1024, '1.0 KiB'],
      [64487424, '61.5 MiB'],
      [104857600, '100 MiB'],
      [1048575, '1.0 MiB'],
      [2 ** 30 - 1, '1.0 GiB'],
      [5 * 2 ** 40, '5.0 TiB'],
    ];
    for (const [bytes, text] of cases) assert.equal(formatSize(bytes), text, String(bytes));
  });

  it('shows no size further off than half a digit', () => {
    const power: Record<string, number> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        const [value, unit] = formatSize(bytes).split(' ');
        const shown = Number(value) * power[unit!]!;
        assert.ok(Math.abs(shown - bytes) <= Math.max(0.5, bytes * 0.051), `${bytes} -> ${value} ${unit}`);
      }),
    );
  });
});

describe('addresses', () => {
  it('wrap at 64 bits, in both directions', () => {
    assert.equal(asVaddr(-1n), 0xffff_ffff_ffff_ffffn);
    assert.equal(asVaddr((1n << 64n) + 5n), 5n);
  });

  it('are shown in hexadecimal', () => {
    assert.equal(hex(0xffff_8880_0000_0000n), '0xffff888000000000');
    assert.equal(hex(4096), '0x1000');
  });
});
