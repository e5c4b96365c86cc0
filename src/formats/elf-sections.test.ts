import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { elfFile } from '../../test/support/elf-file.ts';
import { elfProgram } from '../../test/support/elf-program.ts';
import { failsWith } from '../../test/support/expect-error.ts';
import { MemorySource } from '../base/byte-source.ts';
import { VmcoreError } from '../base/errors.ts';
import { unpackWhole } from '../codecs/native-inflate.ts';
import { type ElfSections, openElfSections } from './elf-sections.ts';

const open = (bytes: Uint8Array): ElfSections =>
  openElfSections(new MemorySource(bytes, 'vmlinux'), unpackWhole);
const counting = Uint8Array.from({ length: 5000 }, (_, i) => i >> 3);

describe('ELF sections', () => {
  const program = elfProgram({
    sections: [
      { name: '.text', address: 0xffff_ffff_8100_0000n, data: counting },
      { name: '.bss', type: 8, address: 0xffff_ffff_8200_0000n, data: new Uint8Array(8) },
      { name: '.zlib', compress: 'zlib', data: counting },
      { name: '.zstd', compress: 'zstd', data: counting },
      { name: '.text', data: new Uint8Array(1) },
    ],
  });

  it('are found by name, the first of a name; those without bytes are not', () => {
    const sections = open(program);
    assert.equal(sections.find('.text')?.size, 5000);
    assert.equal(sections.find('.bss'), undefined);
    assert.equal(sections.find('.nothing'), undefined);
  });

  it('are read unpacked, as a whole and in pieces', () => {
    const sections = open(program);
    for (const name of ['.text', '.zlib', '.zstd']) {
      const section = sections.find(name)!;
      assert.deepEqual(sections.read(section), counting, name);
      const source = sections.open(section);
      assert.equal(source.size, 5000);
      const piece = new Uint8Array(100);
      assert.equal(source.read(1000, piece), 100);
      assert.deepEqual(piece, counting.subarray(1000, 1100));
      assert.equal(source.read(4990, piece), 10, 'no further than the section');
    }
  });

  it('give the bytes of the image by link address', () => {
    const sections = open(program);
    const at = 0xffff_ffff_8100_0000n;
    assert.deepEqual(sections.readAt(at + 8n, 8), counting.subarray(8, 16));
    assert.equal(sections.readAt(at + 4999n, 2), undefined, 'over the end');
    assert.equal(sections.readAt(at - 1n, 1), undefined);
    assert.equal(sections.readAt(0xffff_ffff_8200_0000n, 1), undefined, 'no bytes in the file');
  });

  it('that are damaged or cut are errors, in time', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(program.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.option(fc.nat(program.length), { freq: 4 }),
        (flips, cut) => {
          const bytes = program.slice(0, cut ?? program.length);
          for (const [at, value] of flips) bytes[at] = value;
          try {
            const sections = open(bytes);
            for (const section of sections.all) if (section.type !== 8) sections.read(section);
          } catch (error) {
            if (!(error instanceof VmcoreError)) throw error;
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('that claim to unpack to more than they can are refused before anything is allocated', () => {
    const bytes = program.slice();
    const sections = open(bytes);
    const { offset } = sections.find('.zlib')!;
    new DataView(bytes.buffer).setBigUint64(offset + 8, 2n ** 30n, true);
    assert.throws(() => sections.read(sections.find('.zlib')!), failsWith('E_CORRUPT', /cannot hold/));
    new DataView(bytes.buffer).setBigUint64(offset + 8, 4999n, true);
    assert.throws(() => sections.read(sections.find('.zlib')!), failsWith('E_CORRUPT', /\.zlib/));
    new DataView(bytes.buffer).setUint32(offset, 7, true);
    assert.throws(() => sections.read(sections.find('.zlib')!), failsWith('E_CORRUPT', /compression 7/));
  });

  it('are not in a core dump or in a packed kernel, which is said', () => {
    assert.throws(() => open(Uint8Array.of(0x4d, 0x5a, 0xea, 7)), failsWith('E_NO_INFO', /not an ELF file/));
    assert.throws(() => open(new Uint8Array()), failsWith('E_NO_INFO', /not an ELF file/));
    assert.throws(() => open(elfFile({ segments: [] })), failsWith('E_NO_INFO', /without sections/));
  });
});
