import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../../test/support/expect-error.ts';
import type { ProgramHeader } from '../../../formats/elf.ts';
import { findSymbol, runningImage } from './running-image.ts';

const load = (vaddr: bigint, paddr: number, size: number): ProgramHeader => ({
  type: 1,
  flags: 7,
  offset: 0,
  vaddr,
  paddr,
  fileSize: size,
  memorySize: size,
});

/** As a 6.1 x86_64 guest had them: both address randomisations at work. */
const text = load(0xffff_ffff_b320_0000n, 0x1900_0000, 0x343_0000);
const low = load(0xffff_8e6b_0000_1000n, 0x1000, 0x9e000);
const high = load(0xffff_8e6b_0010_0000n, 0x10_0000, 0x3fed_a000);
const x86 = [text, low, high];
/** As a 6.12 arm64 guest had them: the linear map begins below the RAM. */
const arm64 = [
  load(0xffff_d98d_b9a0_0000n, 0x4020_0000, 0x24f_0000),
  load(0xffff_203f_0000_0000n, 0x4000_0000, 0x4000_0000),
];

describe("the kernel's place", () => {
  const expected = { vaddr: text.vaddr, paddr: text.paddr, size: text.memorySize };

  it('is where its symbol is', () => {
    const image = runningImage(x86, { kind: 'found', address: text.vaddr + 0x1000n });
    assert.deepEqual(image.kernelText, expected);
    assert.equal(image.linearOffset, 0xffff_8e6b_0000_0000n);
  });

  it('is found without symbols: RAM that is mapped a second time, elsewhere', () => {
    for (const kind of ['hidden', 'missing'] as const) {
      assert.deepEqual(runningImage(x86, { kind }).kernelText, expected);
      assert.deepEqual(runningImage(arm64, { kind }), {
        kernelText: { vaddr: 0xffff_d98d_b9a0_0000n, paddr: 0x4020_0000, size: 0x24f_0000 },
        linearOffset: 0xffff_203f_0000_0000n - 0x4000_0000n,
      });
    }
  });

  it('is not guessed when kcore does not tell', () => {
    assert.throws(() => runningImage([], { kind: 'missing' }), failsWith('E_NO_INFO'));
    assert.throws(
      () => runningImage([low, high], { kind: 'hidden' }),
      (error: unknown) => {
        assert.ok(failsWith('E_NO_INFO')(error));
        assert.match(String((error as { hint?: string }).hint), /kptr_restrict/);
        return true;
      },
    );
    assert.throws(() => runningImage([text], { kind: 'found', address: text.vaddr }), failsWith('E_NO_INFO'));
  });
});

describe('a symbol of kallsyms', () => {
  const kallsyms = `0000000000000000 A fixed_percpu_data
0000000000000000 A __per_cpu_start
ffffffffb3200000 T startup_64_text
ffffffffb3200000 T _text
ffffffffb3200000 T _stext
`;
  it('is found by its whole name', () => {
    assert.deepEqual(findSymbol(kallsyms, '_text'), { kind: 'found', address: 0xffff_ffff_b320_0000n });
    assert.deepEqual(findSymbol(kallsyms, 'text'), { kind: 'missing' });
  });

  it('is hidden when it is shown as zero', () => {
    assert.deepEqual(findSymbol(kallsyms.replace(/^[0-9a-f]+/gm, '0'.repeat(16)), '_text'), {
      kind: 'hidden',
    });
  });
});
