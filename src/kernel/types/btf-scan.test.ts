import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fakeDump } from '../../../test/support/fake-dump.ts';
import { btfOf } from '../../../test/support/small-vmlinux.ts';
import { SparseMemory } from '../../../test/support/sparse-memory.ts';
import { Kernel } from '../kernel.ts';
import { findBtf, findLargestBtf } from './btf-scan.ts';

const mebibyte = 2 ** 20;
/** The least that passes for a kernel's own, with one more structure to tell it by. */
const kernelBtf = (mark: string, more = 0): Uint8Array =>
  btfOf({
    structs: {
      list_head: { size: 16, members: { next: 0, prev: 8 } },
      task_struct: { size: 9792, members: { tasks: { at: 2192, struct: 'list_head' } } },
      [mark]: { size: 1, members: {} },
      ...Object.fromEntries(Array.from({ length: more }, (_, i) => [`filler${i}`, { size: 8, members: {} }])),
    },
  });
const moduleBtf = btfOf({ structs: { in_module: { size: 8, members: {} } } });

const memory = (): SparseMemory => new SparseMemory([{ start: 0, end: 8 * mebibyte }]);

describe('BTF in a dump', () => {
  it('is found where it is, across the pieces in which memory is read', () => {
    for (const at of [0, 5, mebibyte - 30, mebibyte - 24, mebibyte - 10, mebibyte, 5 * mebibyte + 123]) {
      const ram = memory();
      ram.put(at, kernelBtf('here'));
      assert.equal(findLargestBtf(fakeDump({ memory: ram }))?.struct('task_struct')?.size, 9792, `at ${at}`);
    }
  });

  it("is the whole kernel's, not a module's, a header's look-alike, or a smaller one", () => {
    const ram = memory();
    ram.put(100, Uint8Array.of(0x9f, 0xeb, 1, 0, 24, 0, 0, 0));
    ram.put(5000, moduleBtf);
    ram.put(2 * mebibyte, kernelBtf('small'));
    ram.put(3 * mebibyte, kernelBtf('large', 50));
    ram.put(4 * mebibyte, kernelBtf('other'));
    const btf = findLargestBtf(fakeDump({ memory: ram }));
    assert.ok(btf?.struct('large') !== undefined);
  });

  it('is not there when a page of it was left out', () => {
    const ram = memory();
    ram.put(2 * mebibyte - 100, kernelBtf('gone', 20));
    assert.ok(findLargestBtf(fakeDump({ memory: ram })) !== undefined);
    ram.lose((2 * mebibyte) / 4096, 'excluded');
    assert.equal(findLargestBtf(fakeDump({ memory: ram })), undefined);
  });

  it('is looked for behind a page that cannot be read', () => {
    const ram = memory();
    ram.lose(7, 'corrupt');
    ram.put(9 * 4096, kernelBtf('behind'));
    assert.ok(findLargestBtf(fakeDump({ memory: ram }))?.struct('behind') !== undefined);
  });

  it('is first looked for from the text of the kernel on, so that a copy elsewhere is not taken', () => {
    const ram = memory();
    ram.put(mebibyte, kernelBtf('copy', 50));
    ram.put(6 * mebibyte, kernelBtf('running'));
    // One large page maps the first 2 MiB of the image at physical 4 MiB.
    const start = 0xffff_ffff_8000_0000n;
    ram.putU64(0x1000 + 511 * 8, 0x2000n | 3n);
    ram.putU64(0x2000 + 510 * 8, 0x3000n | 3n);
    ram.putU64(0x3000, BigInt(4 * mebibyte) | 0x83n);
    const vmcoreinfo = [
      'OSRELEASE=6.1.0',
      'PAGESIZE=4096',
      `SYMBOL(init_top_pgt)=${(start + 0x1000n).toString(16)}`,
      `SYMBOL(_stext)=${start.toString(16)}`,
      'NUMBER(phys_base)=0',
      'NUMBER(pgtable_l5_enabled)=0',
      '',
    ].join('\n');
    const dump = fakeDump({ memory: ram, vmcoreinfo });
    assert.ok(findBtf(new Kernel(dump))?.struct('running') !== undefined);
    assert.ok(findLargestBtf(dump)?.struct('copy') !== undefined);
    const lost = fakeDump({ memory: ram, vmcoreinfo: vmcoreinfo.replace(/SYMBOL\(_stext.*\n/, '') });
    assert.equal(
      findBtf(new Kernel(lost)),
      undefined,
      'all of memory is only searched when that is asked for',
    );
  });
});
