import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { concat, noteBytes } from '../../test/support/elf-file.ts';
import { elfProgram, type ProgramSpec, type SymbolSpec } from '../../test/support/elf-program.ts';
import { failsWith } from '../../test/support/expect-error.ts';
import { btfOf } from '../../test/support/small-vmlinux.ts';
import { SyntheticKernel } from '../../test/support/synthetic-kernel.ts';
import { MemorySource } from '../base/byte-source.ts';
import { asVaddr } from '../base/units.ts';
import { unpackWhole } from '../codecs/native-inflate.ts';
import { type ElfSections, openElfSections } from '../formats/elf-sections.ts';
import { type CrashedKernel, openCrashedKernel } from './crashed-kernel.ts';

const link = 0xffff_ffff_8100_0000n;
const release = '4.18.0-test';
const ownId = Uint8Array.from({ length: 20 }, (_, i) => i);
const otherId = new Uint8Array(20).fill(0xee);
const hexId = (id: Uint8Array): string => Buffer.from(id).toString('hex');
const banner = new TextEncoder().encode(`Linux version ${release} (x@y)\0`);

/** A vmlinux whose symbols are at link addresses: _stext at the beginning, notes at 0x800. */
const vmlinux = ({
  id = ownId,
  machine,
  symbols = [],
}: {
  id?: Uint8Array | 'none';
  machine?: number;
  symbols?: SymbolSpec[];
}): ElfSections => {
  const spec: ProgramSpec = {
    ...(machine === undefined ? {} : { machine }),
    sections: [
      { name: '.text', data: concat(banner, new Uint8Array(0x1000)), address: link },
      ...(id === 'none'
        ? []
        : [{ name: '.notes', type: 7, data: noteBytes('GNU', 3, id), address: link + 0x800n }]),
      {
        name: '.BTF',
        data: btfOf({
          structs: {
            list_head: { size: 16, members: { next: 0, prev: 8 } },
            task_struct: { size: 80, members: { pid: 8 } },
          },
        }),
      },
    ],
    symbols: [
      { name: '_stext', value: link },
      { name: 'linux_banner', value: link },
      { name: 'a_function', value: link + 0x40n, size: 16 },
      { name: '.Llabel', value: link + 0x48n, binding: 'local' },
      { name: 'a_variable', value: link + 0x100n, binding: 'local' },
      { name: '__start_notes', value: link + 0x800n },
      { name: '__stop_notes', value: link + 0x824n },
      ...symbols,
    ],
  };
  return openElfSections(new MemorySource(elfProgram(spec), 'vmlinux'), unpackWhole);
};

/** Its dump: moved by KASLR, without kallsyms and BTF of its own. */
function crashed(
  sections: ElfSections,
  { id = ownId, info = {} }: { id?: Uint8Array; info?: Record<string, string> } = {},
): { opened: CrashedKernel; stext: bigint } {
  const kernel = new SyntheticKernel({ release });
  const image = new Uint8Array(0x1000);
  image.set(noteBytes('GNU', 3, id), 0x800);
  const stext = kernel.placeVariable(image);
  kernel.addInfo({ 'SYMBOL(_stext)': stext.toString(16), ...info });
  return { opened: openCrashedKernel(kernel.dump(), { vmlinux: sections }), stext };
}

describe('a vmlinux beside a dump', () => {
  it('tells symbols, as far as the kernel was moved', () => {
    const { opened, stext } = crashed(vmlinux({}));
    assert.equal(opened.symbols.require('a_function'), stext + 0x40n);
    assert.deepEqual(opened.symbols.lookup(asVaddr(stext + 0x4cn)), {
      name: 'a_function',
      address: stext + 0x40n,
      offset: 12n,
      size: 0xc0n,
      module: undefined,
    });
    assert.deepEqual(
      [...opened.symbols.find('a_variable')].map(({ address, type }) => [address, type.toLowerCase()]),
      [[stext + 0x100n, 'r']],
    );
  });

  it('tells types when the dump has none', () => {
    assert.equal(crashed(vmlinux({})).opened.layouts.offset('task_struct.pid'), 8);
  });

  it('of another build is refused, with both ids', () => {
    assert.throws(
      () => crashed(vmlinux({ id: otherId })),
      failsWith('E_USAGE', new RegExp(`build id ${hexId(otherId)}, the dump's kernel ${hexId(ownId)}`)),
    );
  });

  it('of another machine is refused', () => {
    assert.throws(() => crashed(vmlinux({ machine: 183 })), failsWith('E_USAGE', /ELF machine 183/));
  });

  it('is told by its release when it or the dump has no build id', () => {
    assert.ok(crashed(vmlinux({ id: 'none' })).opened.symbols.address('a_function') !== undefined);
    assert.throws(
      () =>
        crashed(vmlinux({ id: 'none', symbols: [{ name: 'linux_banner', value: link + 1n }] }), {
          info: { OSRELEASE: '4.18.0-other' },
        }),
      failsWith('E_USAGE', /is not of 4\.18\.0-other/),
    );
  });

  it('is not refused for a BUILD-ID in vmcoreinfo that is known to be wrong', () => {
    const notes = { id: new Uint8Array(0) };
    const told = { 'BUILD-ID': hexId(otherId) };
    assert.throws(
      () => crashed(vmlinux({}), { ...notes, info: { ...told } }),
      failsWith('E_USAGE', /build id/),
    );
    const wrong = { ...told, OSRELEASE: '6.1.115-test' };
    assert.throws(
      () => crashed(vmlinux({}), { ...notes, info: wrong }),
      failsWith('E_USAGE', /is not of 6\.1\.115/),
    );
  });
});
