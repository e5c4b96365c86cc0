import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { concat, elfFile, noteBytes } from '../../test/support/elf-file.ts';
import { failsWith } from '../../test/support/expect-error.ts';
import { PaddedSource } from '../../test/support/padded-source.ts';
import { MemorySource } from '../base/byte-source.ts';
import { encodeNotes, isElf, parseElf, parseNotes } from './elf.ts';

const parse = (bytes: Uint8Array) => parseElf(new MemorySource(bytes, 'test.elf'));
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const notesOf = (bytes: Uint8Array) => parseNotes(bytes, true, 'test.elf', 0x1000);

describe('the ELF headers', () => {
  const segments = [
    { paddr: 0x100000, vaddr: 0xffff_8880_0010_0000n, data: new Uint8Array(16), memorySize: 0x2000 },
    { paddr: 0x40_0000_0000, vaddr: 0xffff_88c0_0000_0000n, data: new Uint8Array(8) },
  ];

  for (const littleEndian of [true, false]) {
    it(`are read in ${littleEndian ? 'little' : 'big'} endian`, () => {
      const elf = parse(elfFile({ littleEndian, machine: 183, flags: 1, segments }));
      assert.equal(elf.littleEndian, littleEndian);
      assert.equal(elf.type, 4);
      assert.equal(elf.machine, 183);
      assert.equal(elf.flags, 1);
      assert.deepEqual(elf.segments, [
        {
          type: 1,
          flags: 7,
          offset: 64 + 2 * 56,
          vaddr: 0xffff_8880_0010_0000n,
          paddr: 0x100000,
          fileSize: 16,
          memorySize: 0x2000,
        },
        {
          type: 1,
          flags: 7,
          offset: 64 + 2 * 56 + 16,
          vaddr: 0xffff_88c0_0000_0000n,
          paddr: 0x40_0000_0000,
          fileSize: 8,
          memorySize: 8,
        },
      ]);
    });
  }

  it('may count more than 65534 segments, in section header 0', () => {
    const many = Array.from({ length: 70_000 }, (_, i) => ({ paddr: i * 4096 }));
    const elf = parse(elfFile({ segments: many, countIn: 'section-0' }));
    assert.equal(elf.segments.length, 70_000);
    assert.equal(elf.segments.at(-1)?.paddr, 69_999 * 4096);
  });

  it('of a 32-bit file are refused as not supported', () => {
    assert.throws(() => parse(elfFile({ fileClass: 1, segments })), failsWith('E_UNSUPPORTED', /32-bit/));
  });

  it('that contradict themselves are corrupt, naming the byte', () => {
    const damaged = (at: number, ...bytes: number[]): Uint8Array => {
      const file = elfFile({ segments });
      file.set(bytes, at);
      return file;
    };
    assert.throws(() => parse(damaged(4, 3)), failsWith('E_CORRUPT', /class 3/));
    assert.throws(() => parse(damaged(5, 0)), failsWith('E_CORRUPT', /byte order 0/));
    assert.throws(() => parse(damaged(54, 32, 0)), failsWith('E_CORRUPT', /program headers of 32 bytes/));
    assert.throws(() => parse(damaged(56, 0xfe, 0xff)), failsWith('E_TRUNCATED', /program header table/));
    assert.throws(() => parse(damaged(39, 0xff)), failsWith('E_TRUNCATED', /program header table/));
  });

  it('of a file with an absurd number of segments are refused before anything is allocated', () => {
    const file = elfFile({ segments: [], countIn: 'section-0' });
    new DataView(file.buffer).setUint32(64 + 44, 0xffff_ffff, true);
    assert.throws(
      () => parseElf(new PaddedSource(file, 2 ** 50)),
      failsWith('E_CORRUPT', /4294967295 program headers/),
    );
  });

  it('are missed in a file that is cut anywhere within them', () => {
    const file = elfFile({ segments });
    for (const length of [4, 5, 63, 64, 64 + 56, 64 + 2 * 56 - 1]) {
      assert.throws(() => parse(file.subarray(0, length)), failsWith('E_TRUNCATED'), `cut at ${length}`);
    }
    assert.equal(parse(file.subarray(0, 64 + 2 * 56)).segments.length, 2);
  });

  it('begin with the four bytes that make an ELF file', () => {
    assert.ok(isElf(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46)));
    assert.ok(!isElf(Uint8Array.of(0x7f, 0x45, 0x4c)));
    assert.ok(!isElf(text('ELF!')));
  });
});

describe('ELF notes', () => {
  it('have names and data padded to 4 bytes, counted without the padding', () => {
    const area = concat(noteBytes('CORE', 1, text('abcde')), noteBytes('ABC', 7, text('wxyz')));
    // 12 + "CORE\0" padded to 8 + "abcde" padded to 8, then 12 + "ABC\0" + 4.
    assert.equal(area.length, 28 + 20);
    assert.deepEqual(notesOf(area), [
      { name: 'CORE', type: 1, data: text('abcde') },
      { name: 'ABC', type: 7, data: text('wxyz') },
    ]);
  });

  it('may lack the padding after the last one', () => {
    const area = noteBytes('CORE', 1, text('abcde'));
    assert.deepEqual(notesOf(area.subarray(0, area.length - 3)), [
      { name: 'CORE', type: 1, data: text('abcde') },
    ]);
  });

  it('end where zeros begin: /proc/vmcore pads its note area', () => {
    const area = concat(noteBytes('CORE', 1, text('abcd')), new Uint8Array(500));
    assert.equal(notesOf(area).length, 1);
  });

  it('end where not even a note header fits', () => {
    assert.deepEqual(notesOf(new Uint8Array([1, 0, 0, 0])), []);
  });

  it('are read in big endian', () => {
    const area = noteBytes('CORE', 1, text('abcde'), false);
    assert.deepEqual(parseNotes(area, false, 'test.elf', 0), [
      { name: 'CORE', type: 1, data: text('abcde') },
    ]);
  });

  it('that run over the end are corrupt, naming the note', () => {
    const second = noteBytes('VMCOREINFO', 0, text('A=1'));
    new DataView(second.buffer).setUint32(4, 0xffff_fff0, true);
    const area = concat(noteBytes('CORE', 1, text('abcd')), second);
    assert.throws(
      () => notesOf(area),
      (error) =>
        failsWith('E_CORRUPT', /11 \+ 4294967280 bytes/)(error) &&
        (error as { offset?: number }).offset === 0x1000 + 24,
    );
  });

  it('are written exactly as the ABI has them', () => {
    const notes = [
      { name: 'CORE', type: 1, data: text('abcde') },
      { name: 'VMCOREINFO', type: 0, data: text('A=1\n') },
    ];
    for (const little of [true, false]) {
      const expected = concat(
        noteBytes('CORE', 1, text('abcde'), little),
        noteBytes('VMCOREINFO', 0, text('A=1\n'), little),
      );
      assert.deepEqual(encodeNotes(notes, little), expected);
    }
  });

  it('come back as they were written', () => {
    const name = fc.stringMatching(/^[A-Z]{1,12}$/);
    const note = fc.record(
      { name, type: fc.nat(), data: fc.uint8Array({ maxLength: 40 }) },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(note, { maxLength: 5 }), fc.boolean(), (notes, little) => {
        assert.deepEqual(parseNotes(encodeNotes(notes, little), little, 'x', 0), notes);
      }),
    );
  });
});
