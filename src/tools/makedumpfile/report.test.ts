import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kernelText, SyntheticKernel } from '../../../test/support/synthetic-kernel.ts';
import type { MakedumpfileResult } from './job.ts';
import { reportText } from './stats.ts';
import { translationText } from './vtop.ts';

const result: MakedumpfileResult = {
  pageSize: 4096,
  ram: 1000,
  written: 300,
  zero: 50,
  excluded: { cache: 100, cachePrivate: 10, user: 200, free: 400, hwpoison: 1, offline: 2 },
  unusedVmemmap: 0,
  dropped: 3,
  lost: 0,
  unjudged: 0,
};

describe('--show-stats', () => {
  it('counts as the original does, in its words', () => {
    const lines = reportText(result, { endPfn: 1200, format: 'kdump', bytes: 123456 }).split('\n');
    assert.deepEqual(lines, [
      '',
      'Original pages  : 0x00000000000003e8',
      '  Excluded pages   : 0x00000000000002fe',
      '    Pages filled with zero  : 0x0000000000000032',
      '    Non-private cache pages : 0x0000000000000064',
      '    Private cache pages     : 0x000000000000000a',
      '    User process data pages : 0x00000000000000c8',
      '    Free pages              : 0x0000000000000190',
      '    Hwpoison pages          : 0x0000000000000001',
      '    Offline pages           : 0x0000000000000002',
      '    Extension filter pages  : 0x0000000000000003',
      '  Remaining pages  : 0x00000000000000ea',
      '  (The number of pages is reduced to 23%.)',
      'Memory Hole     : 0x00000000000000c8',
      '--------------------------------------------------',
      'Total pages     : 0x00000000000004b0',
      'Write bytes     : 123456',
      '',
      '',
    ]);
  });

  it('tells of ELF output what was written in the end', () => {
    const text = reportText(result, { endPfn: 1200, format: 'elf', bytes: 1 });
    assert.match(text, /Excluded pages {3}: 0x0{13}2fe\n {5}in ELF format : 0x0{13}2bc\n/);
    assert.match(
      text,
      /Remaining pages {2}: 0x0{14}ea\n {5}in ELF format : 0x0{13}12c\n {2}\(.*reduced to 30%/,
    );
  });
});

describe('--vtop', () => {
  it('translates, or says that the address is not mapped', () => {
    const kernel = new SyntheticKernel();
    const address = kernel.place(new Uint8Array(16));
    const paddr = (address & 0xff_ffffn).toString(16);
    const text = translationText(kernel.kernel(), address);
    assert.equal(
      text,
      `\nTranslating virtual address ${address.toString(16)} to physical address.\n` +
        `VIRTUAL           PHYSICAL\n${address.toString(16)}  ${paddr}\n\n`,
    );
    assert.match(
      translationText(kernel.kernel(), kernelText + 0x1234n),
      /ffffffff80001234 {2}\(not mapped\)/,
    );
  });
});
