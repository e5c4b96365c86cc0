import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { viewOf } from '../base/bytes.ts';
import { ElfMachine } from './elf.ts';
import { applyRelocations } from './elf-relocations.ts';

interface Entry {
  readonly place: bigint;
  readonly kind: number;
  readonly symbol: number;
  readonly addend: bigint;
}

function table(entries: readonly Entry[]): Uint8Array {
  const bytes = new Uint8Array(entries.length * 24);
  const view = viewOf(bytes);
  entries.forEach(({ place, kind, symbol, addend }, i) => {
    view.setBigUint64(i * 24, place, true);
    view.setUint32(i * 24 + 8, kind, true);
    view.setUint32(i * 24 + 12, symbol, true);
    view.setBigInt64(i * 24 + 16, addend, true);
  });
  return bytes;
}

/** Symbol 1 has the value 0x1000. */
const symbols = new Uint8Array(48);
viewOf(symbols).setBigUint64(24 + 8, 0x1000n, true);

const apply = (machine: number, entries: Uint8Array, size = 24): DataView => {
  const bytes = new Uint8Array(size).fill(0xcc);
  applyRelocations(bytes, { machine, littleEndian: true, entries, symbols });
  return viewOf(bytes);
};

describe('relocations of debug sections', () => {
  for (const [name, machine, word, long] of [
    ['x86_64', ElfMachine.x86_64, 10, 1],
    ['arm64', ElfMachine.aarch64, 258, 257],
  ] as const) {
    it(`put symbol and addend where they belong (${name})`, () => {
      const view = apply(
        machine,
        table([
          { place: 4n, kind: word, symbol: 0, addend: 0x1234n },
          { place: 8n, kind: long, symbol: 1, addend: -0x10n },
        ]),
      );
      assert.equal(view.getUint32(0, true), 0xcccc_cccc);
      assert.equal(view.getUint32(4, true), 0x1234);
      assert.equal(view.getBigUint64(8, true), 0xff0n);
      assert.equal(view.getUint32(16, true), 0xcccc_cccc);
    });
  }

  it('outside of the section, or of a kind that is not known, change nothing', () => {
    const entries = table([
      { place: 21n, kind: 10, symbol: 0, addend: 1n },
      { place: 2n ** 64n - 1n, kind: 1, symbol: 0, addend: 1n },
      { place: 0n, kind: 2, symbol: 0, addend: 1n },
    ]);
    assert.equal(apply(ElfMachine.x86_64, entries).getUint32(20, true), 0xcccc_cccc);
    assert.equal(
      apply(3, table([{ place: 0n, kind: 1, symbol: 0, addend: 1n }])).getUint32(0, true),
      0xcccc_cccc,
    );
  });

  it('of any bytes do no harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (entries) => {
        apply(ElfMachine.x86_64, entries);
      }),
    );
  });
});
