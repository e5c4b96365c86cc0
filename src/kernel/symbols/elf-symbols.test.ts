import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { noteBytes } from '../../../test/support/elf-file.ts';
import { elfProgram, type ProgramSpec } from '../../../test/support/elf-program.ts';
import { failsWith } from '../../../test/support/expect-error.ts';
import { MemorySource } from '../../base/byte-source.ts';
import { unpackWhole } from '../../codecs/native-inflate.ts';
import { openElfSections } from '../../formats/elf-sections.ts';
import { ElfSymbols } from './elf-symbols.ts';

const open = (spec: ProgramSpec): ElfSymbols =>
  new ElfSymbols(openElfSections(new MemorySource(elfProgram(spec), 'vmlinux'), unpackWhole));

describe('symbols of a vmlinux', () => {
  it('are found by their whole name, with value and size', () => {
    const symbols = open({
      sections: [],
      symbols: [
        { name: 'init_task', value: 0xffff_ffff_8281_0000n, size: 9792 },
        { name: 'init_task_', value: 1n },
        { name: 'init', value: 2n },
      ],
    });
    assert.equal(symbols.address('init_task'), 0xffff_ffff_8281_0000n);
    assert.equal(symbols.find('init_task')?.size, 9792);
    assert.equal(symbols.address('init'), 2n);
    for (const name of ['ini', 'init_tas', '', 'nothing']) assert.equal(symbols.find(name), undefined, name);
  });

  it('are the global one of a name before local ones, and the first of several', () => {
    const symbols = open({
      sections: [],
      symbols: [
        { name: 'twice', value: 1n, binding: 'local' },
        { name: 'twice', value: 2n },
        { name: 'twice', value: 3n },
        { name: 'static', value: 4n, binding: 'local' },
        { name: 'static', value: 5n, binding: 'local' },
      ],
    });
    assert.equal(symbols.address('twice'), 2n);
    assert.equal(symbols.address('static'), 4n);
  });

  it('leave out what is only used here', () => {
    const symbols = open({ sections: [], symbols: [{ name: 'printk', value: 0n, isUndefined: true }] });
    assert.equal(symbols.find('printk'), undefined);
  });

  it('are found among a hundred thousand of one name in no time', () => {
    const many = Array.from({ length: 100_000 }, () => ({
      name: '__key',
      value: 1n,
      binding: 'local' as const,
    }));
    const symbols = open({ sections: [], symbols: [...many, { name: 'wanted', value: 7n }] });
    assert.equal(symbols.address('wanted'), 7n);
    assert.equal(symbols.address('__key'), 1n);
  });

  it('come with the build id', () => {
    const id = Uint8Array.of(0x06, 0xf8, 0xbd, 0xff);
    const notes = { name: '.notes', type: 7, data: noteBytes('GNU', 3, id) };
    assert.equal(open({ sections: [notes], symbols: [] }).buildId(), '06f8bdff');
    assert.equal(
      open({ sections: [{ ...notes, data: noteBytes('Linux', 3, id) }], symbols: [] }).buildId(),
      undefined,
    );
  });

  it('are missing from a kernel unpacked from a vmlinuz, which is said with what to give instead', () => {
    assert.throws(
      () => open({ sections: [] }),
      (error: unknown) =>
        failsWith('E_NO_INFO', /no symbol table/)(error) &&
        /dbg or kernel-debuginfo/.test((error as Error & { hint: string }).hint),
    );
  });
});
