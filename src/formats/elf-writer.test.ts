import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { vmcoreinfoNote } from '../../test/support/elf-file.ts';
import { assertNoOverlap, MemorySink } from '../../test/support/memory-sink.ts';
import { numberedPage } from '../../test/support/pages.ts';
import { MemorySource } from '../base/byte-source.ts';
import { PfnBitmap } from '../base/pfn-bitmap.ts';
import { asPaddr, asPfn } from '../base/units.ts';
import type { ProgramHeader } from './elf.ts';
import { ElfWriter } from './elf-writer.ts';
import { openDump } from './open.ts';

const page = 4096;
/** Behind the headers and a note of 28 bytes. */
const dataAt = (headers: number): number => Math.ceil((64 + 56 * headers + 28) / 16) * 16;
const load = (
  paddr: number,
  memorySize: number,
  vaddr = BigInt(paddr) + 0xffff_8880_0000_0000n,
): ProgramHeader => ({
  type: 1,
  flags: 7,
  offset: 0,
  vaddr,
  paddr,
  fileSize: memorySize,
  memorySize,
});

/** Writes pages that tell their numbers. */
function write(
  segments: readonly ProgramHeader[],
  kept: readonly number[],
  littleEndian = true,
  sink = new MemorySink(),
): MemorySink {
  const end = Math.max(...segments.map(({ paddr, memorySize }) => Math.ceil((paddr + memorySize) / page)));
  const bitmap = new PfnBitmap(asPfn(0), asPfn(end));
  for (const pfn of kept) bitmap.setRange(pfn, pfn + 1);
  const writer = new ElfWriter(sink, {
    arch: 'x86_64',
    pageSize: page,
    littleEndian,
    notes: [{ name: 'VMCOREINFO', type: 0, data: new TextEncoder().encode('A=1\n') }],
    segments,
    runs: [...bitmap.runs()],
  });
  for (const pfn of kept) writer.addPages(numberedPage(pfn));
  writer.finish('complete');
  return sink;
}

/** Program headers as an ELF reader of the specification's tables sees them: [type, offset, vaddr, paddr, filesz, memsz]. */
function headersOf(file: Uint8Array): [number, number, bigint, number, number, number][] {
  const view = new DataView(file.buffer);
  const u64 = (at: number): number => Number(view.getBigUint64(at, true));
  return Array.from({ length: view.getUint16(56, true) }, (_, i) => {
    const at = 64 + 56 * i;
    return [
      view.getUint32(at, true),
      u64(at + 8),
      view.getBigUint64(at + 16, true),
      u64(at + 24),
      u64(at + 32),
      u64(at + 40),
    ];
  });
}

describe('an ELF vmcore that we write', () => {
  it('has the file header of a core', () => {
    const file = write([load(0x1000, page)], [1]).bytes();
    const view = new DataView(file.buffer);
    assert.deepEqual([...file.subarray(0, 16)], [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    const fields = {
      type: view.getUint16(16, true),
      machine: view.getUint16(18, true),
      version: view.getUint32(20, true),
      entry: view.getBigUint64(24, true),
      phoff: view.getBigUint64(32, true),
      shoff: view.getBigUint64(40, true),
      flags: view.getUint32(48, true),
      sizes: [52, 54, 56, 58, 60, 62].map((at) => view.getUint16(at, true)),
    };
    assert.deepEqual(fields, {
      type: 4,
      machine: 62,
      version: 1,
      entry: 0n,
      phoff: 64n,
      shoff: 0n,
      flags: 0,
      sizes: [64, 56, 2, 0, 0, 0],
    });
  });

  it('has one PT_NOTE, then the kept runs; what was left out behind a run is room without bytes', () => {
    const file = write([load(0x1000, 8 * page)], [1, 2, 5]).bytes();
    const note = vmcoreinfoNote('A=1\n');
    const notesAt = 64 + 3 * 56;
    assert.deepEqual(headersOf(file), [
      [4, notesAt, 0n, 0, note.length, note.length],
      [1, dataAt(3), 0xffff_8880_0000_1000n, 0x1000, 2 * page, 4 * page],
      [1, dataAt(3) + 2 * page, 0xffff_8880_0000_5000n, 0x5000, page, 4 * page],
    ]);
    assert.deepEqual(file.subarray(notesAt, notesAt + note.length), note);
    assert.deepEqual(file.subarray(dataAt(3) + 2 * page, dataAt(3) + 3 * page), numberedPage(5));
    assert.equal(file.length, dataAt(3) + 3 * page);
  });

  it('begins with room when the first pages were left out, and is all room when nothing was kept', () => {
    const file = write([load(0x1000, 4 * page), load(0x9000, 2 * page)], [3]).bytes();
    assert.deepEqual(
      headersOf(file)
        .slice(1)
        .map(([, , , paddr, fileSize, memorySize]) => [paddr, fileSize, memorySize]),
      [
        [0x1000, 0, 2 * page],
        [0x3000, page, 2 * page],
        [0x9000, 0, 2 * page],
      ],
    );
  });

  it('lets the kernel text point into the RAM range that it lies in', () => {
    const text = load(0x2000, 2 * page, 0xffff_ffff_8100_0000n);
    const [, ...loads] = headersOf(write([text, load(0x1000, 4 * page)], [1, 2, 3, 4]).bytes());
    assert.deepEqual(loads, [
      [1, dataAt(3) + page, 0xffff_ffff_8100_0000n, 0x2000, 2 * page, 2 * page],
      [1, dataAt(3), 0xffff_8880_0000_1000n, 0x1000, 4 * page, 4 * page],
    ]);
  });

  it('counts its segments in section header 0 when there are more than 65534', () => {
    // Every second page: a segment each, and the note.
    const kept = Array.from({ length: 65_534 }, (_, i) => 2 * i);
    const end = 2 * kept.length * page;
    const bitmap = new PfnBitmap(asPfn(0), asPfn(2 * kept.length));
    for (const pfn of kept) bitmap.setRange(pfn, pfn + 1);
    const sink = new MemorySink();
    const writer = new ElfWriter(sink, {
      arch: 'arm64',
      pageSize: page,
      littleEndian: true,
      notes: [],
      segments: [load(0, end)],
      runs: [...bitmap.runs()],
    });
    writer.finish('complete');
    const view = new DataView(sink.bytes().buffer);
    const sectionAt = 64 + 65_535 * 56;
    assert.equal(view.getUint16(18, true), 183);
    assert.equal(view.getUint16(56, true), 0xffff, 'e_phnum is PN_XNUM');
    assert.equal(Number(view.getBigUint64(40, true)), sectionAt, 'e_shoff');
    assert.deepEqual(
      [58, 60, 62].map((at) => view.getUint16(at, true)),
      [64, 1, 0],
    );
    assert.equal(view.getUint32(sectionAt + 44, true), 65_535, 'sh_info');
    const dump = openDump(new MemorySource(sink.bytes()), { codecs: {}, cutShort: 'accept' });
    assert.equal(dump.segments.length, 65_534);
  });

  it('says that it is incomplete until the very last write', () => {
    const sink = write([load(0x1000, 2 * page)], [1, 2]);
    for (let count = 1; count < sink.writes.length; count++) {
      assert.equal(sink.bytes(count)[48], 1, `after write ${count}`);
    }
    assert.equal(sink.bytes()[48], 0);
  });

  it('puts its pages at no page boundary, however many headers there are', () => {
    const counts = Array.from({ length: 600 }, (_, i) => i + 1);
    assert.ok(counts.some((count) => dataAt(count + 1) % page === 0));
    for (const count of counts) {
      const segments = Array.from({ length: count }, (_, i) => load(2 * i * page, page));
      const first = headersOf(write(segments, [0]).bytes())[1]!;
      assert.ok(first[1] >= dataAt(count + 1) && first[1] % page !== 0, `${count} segments`);
    }
  });

  it('is the same file down a stream, and has every byte but once', () => {
    const segments = [load(0x1000, 2 * page)];
    const stream = write(segments, [1, 2], true, new MemorySink(false));
    assert.deepEqual(stream.bytes(), write(segments, [1, 2]).bytes());
    assertNoOverlap(stream);
  });

  it('comes back as the same memory, for any pages kept of any segments', () => {
    const pages = 24;
    const segment = fc
      .tuple(fc.nat(pages * page - 1), fc.integer({ min: 1, max: 10 * page }))
      .map(([paddr, size]) => load(paddr, Math.min(size, pages * page - paddr)));
    const segments = fc.array(segment, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(segments, fc.uniqueArray(fc.nat(pages - 1)), fc.boolean(), (loads, wanted, little) => {
        const ram = (pfn: number, mostly: 'whole' | 'part'): boolean =>
          loads.some(({ paddr, memorySize }) =>
            mostly === 'whole'
              ? paddr <= pfn * page && (pfn + 1) * page <= paddr + memorySize
              : paddr < (pfn + 1) * page && pfn * page < paddr + memorySize,
          );
        const kept = wanted.filter((pfn) => ram(pfn, 'part')).sort((a, b) => a - b);
        const { memory } = openDump(new MemorySource(write(loads, kept, little).bytes()), {
          codecs: {},
          cutShort: 'refuse',
        });
        for (let pfn = 0; pfn < pages; pfn++) {
          const state = kept.includes(pfn) ? 'present' : ram(pfn, 'part') ? 'excluded' : 'absent';
          assert.equal(memory.state(asPfn(pfn)), state, `page ${pfn}`);
          if (state !== 'present' || !ram(pfn, 'whole')) continue;
          const bytes = new Uint8Array(page);
          assert.equal(memory.read(asPaddr(pfn * page), bytes), page);
          assert.deepEqual(bytes, numberedPage(pfn));
        }
      }),
      { numRuns: 100 },
    );
  });
});
