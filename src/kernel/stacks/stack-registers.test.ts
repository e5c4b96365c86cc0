import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StackKernel } from '../../../test/support/stack-kernel.ts';
import { CpuNotes } from './stack-registers.ts';

const pcs = (notes: CpuNotes) =>
  Array.from(notes.all(), ([cpu, { pid, registers }]) => [cpu, pid, registers.pc]);

describe('CpuNotes', () => {
  for (const arch of ['x86_64', 'arm64'] as const)
    it(`are those of the kernel's own memory, whatever is in the file (${arch})`, () => {
      const kernel = new StackKernel({ arch });
      const pc = arch === 'arm64' ? 'pc' : 'rip';
      kernel.saveRegisters(1, 12, { [pc]: 0x1234n });
      const crashed = kernel.open([{ pid: 99, registers: { [pc]: 1n } }]);
      const notes = new CpuNotes(crashed);
      assert.deepEqual(pcs(notes), [[1, 12, 0x1234n]]);
      assert.equal(notes.of(0), undefined);
    });

  it('are those of the file when no kernel saved any, one for each CPU', () => {
    const kernel = new StackKernel();
    const crashed = kernel.open([
      { pid: 1, registers: { rip: 1n } },
      { pid: 2, registers: { rip: 2n } },
    ]);
    assert.deepEqual(pcs(new CpuNotes(crashed)), [
      [0, 1, 1n],
      [1, 2, 2n],
    ]);
  });

  it("are nobody's when their number is not that of the CPUs", () => {
    const crashed = new StackKernel().open([{ pid: 1, registers: { rip: 1n } }]);
    assert.deepEqual(pcs(new CpuNotes(crashed)), []);
  });
});
