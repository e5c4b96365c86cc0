import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { numberedPage } from '../../test/support/pages.ts';
import { MemorySource } from '../base/byte-source.ts';
import { PfnBitmap } from '../base/pfn-bitmap.ts';
import { asPaddr, asPfn } from '../base/units.ts';
import { ElfMemory, type LoadSegment } from './elf-memory.ts';

const page = 4096;

/** Segments of which only the physical place and the bytes matter; the bytes lie in a file one after the other. */
function memoryOf(
  pageSize: number,
  segments: readonly { paddr: number; data: Uint8Array; memorySize?: number }[],
): ElfMemory {
  const file: number[] = [];
  const loads: LoadSegment[] = segments.map(({ paddr, data, memorySize = data.length }) => {
    const offset = file.length;
    for (const byte of data) file.push(byte);
    return { paddr, offset, fileSize: data.length, memorySize };
  });
  return new ElfMemory(new MemorySource(Uint8Array.from(file)), loads, pageSize);
}

function readPage(memory: ElfMemory, pfn: number): Uint8Array | undefined {
  const into = new Uint8Array(memory.pageSize).fill(0xee);
  return memory.read(asPaddr(pfn * memory.pageSize), into) === memory.pageSize ? into : undefined;
}

describe('physical memory of an ELF vmcore', () => {
  it('is present where the file has bytes, excluded where it only has room, absent elsewhere', () => {
    const memory = memoryOf(page, [
      { paddr: 0x2000, data: numberedPage(2), memorySize: 3 * page },
      { paddr: 0x9000, data: numberedPage(9) },
    ]);
    const states = [1, 2, 3, 4, 5, 8, 9, 10].map((pfn) => memory.state(asPfn(pfn)));
    assert.deepEqual(states, [
      'absent',
      'present',
      'excluded',
      'excluded',
      'absent',
      'absent',
      'present',
      'absent',
    ]);
    assert.equal(memory.endPfn, 10);
    assert.deepEqual(readPage(memory, 2), numberedPage(2));
    assert.equal(readPage(memory, 3), undefined, 'never zeros for what was left out');
  });

  it('reads on over segments that touch, and stops where memory stops', () => {
    const memory = memoryOf(page, [
      { paddr: 0x1000, data: numberedPage(1) },
      { paddr: 0x2000, data: numberedPage(2) },
    ]);
    const into = new Uint8Array(3 * page);
    assert.equal(memory.read(asPaddr(0x1000), into), 2 * page);
    assert.deepEqual(into.subarray(page, 2 * page), numberedPage(2));
    assert.equal(memory.read(asPaddr(0x1ff0), into.subarray(0, 32)), 32);
    assert.equal(memory.read(asPaddr(0x3000), into), 0);
  });

  it('has one page where firmware split it over two ranges, and zeros for the bytes between', () => {
    // As in /proc/iomem: RAM up to 0x9fbff, and again from 0x9fc40.
    const memory = memoryOf(page, [
      { paddr: 0x9f000, data: new Uint8Array(0xc00).fill(1) },
      { paddr: 0x9fc40, data: new Uint8Array(0x3c0).fill(2) },
    ]);
    assert.equal(memory.state(asPfn(0x9f)), 'present');
    const bytes = readPage(memory, 0x9f)!;
    assert.deepEqual([bytes[0xbff], bytes[0xc00], bytes[0xc3f], bytes[0xc40], bytes[0xfff]], [1, 0, 0, 2, 2]);
  });

  it('reads the kernel text once, though its segment lies inside the RAM range', () => {
    const data = Uint8Array.from({ length: 4 * page }, (_, i) => i >>> 8);
    const memory = memoryOf(page, [
      { paddr: 0x2000, data: data.subarray(0x1000, 0x3000) },
      { paddr: 0x1000, data },
    ]);
    const into = new Uint8Array(4 * page);
    assert.equal(memory.read(asPaddr(0x1000), into), 4 * page);
    assert.deepEqual(into, data);
  });

  it('prefers bytes to room: a page in the file is there, whatever a wider segment left out', () => {
    const memory = memoryOf(page, [
      { paddr: 0, data: numberedPage(0), memorySize: 8 * page },
      { paddr: 4 * page, data: numberedPage(4) },
    ]);
    assert.equal(memory.state(asPfn(4)), 'present');
    assert.equal(memory.state(asPfn(5)), 'excluded');
    assert.deepEqual(readPage(memory, 4), numberedPage(4));
  });

  it('ignores empty segments', () => {
    const memory = memoryOf(page, [{ paddr: 0x5000, data: new Uint8Array() }]);
    assert.equal(memory.state(asPfn(5)), 'absent');
    assert.equal(memory.endPfn, 0);
  });

  it('agrees with a byte-by-byte model, for any segments, overlapping and not aligned', () => {
    const pageSize = 16;
    const size = 160;
    const truth = Uint8Array.from({ length: size }, (_, i) => i + 1);
    const segment = fc
      .record({ paddr: fc.nat(size - 1), memory: fc.integer({ min: 1, max: 60 }), file: fc.nat(60) })
      .map(({ paddr, memory, file }) => {
        const memorySize = Math.min(memory, size - paddr);
        return { paddr, memorySize, data: truth.subarray(paddr, paddr + Math.min(file, memorySize)) };
      });
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 6 }), (segments) => {
        const memory = memoryOf(pageSize, segments);
        const bytes = new Uint8Array(size);
        const ram = new Set<number>();
        const inFile = new Set<number>();
        for (const { paddr, data, memorySize } of segments) {
          bytes.set(data, paddr);
          for (let at = paddr; at < paddr + memorySize; at++) ram.add(Math.floor(at / pageSize));
          for (let at = paddr; at < paddr + data.length; at++) inFile.add(Math.floor(at / pageSize));
        }
        const marked = (mark: 'markRam' | 'markPresent'): number[] => {
          const bitmap = new PfnBitmap(asPfn(0), asPfn(size / pageSize));
          memory[mark](bitmap);
          return [...Array(size / pageSize).keys()].filter((pfn) => bitmap.has(pfn));
        };
        const ascending = (set: Set<number>): number[] => [...set].sort((a, b) => a - b);
        assert.deepEqual(marked('markRam'), ascending(ram));
        assert.deepEqual(marked('markPresent'), ascending(inFile));
        assert.deepEqual(memory.countPages(), { ram: ram.size, present: inFile.size });
        for (let pfn = 0; pfn < size / pageSize; pfn++) {
          const state = inFile.has(pfn) ? 'present' : ram.has(pfn) ? 'excluded' : 'absent';
          assert.equal(memory.state(asPfn(pfn)), state, `page ${pfn}`);
          const expected =
            state === 'present' ? bytes.subarray(pfn * pageSize, (pfn + 1) * pageSize) : undefined;
          const got = readPage(memory, pfn);
          assert.deepEqual(got && [...got], expected && [...expected], `page ${pfn}`);
        }
      }),
      { numRuns: 300 },
    );
  });
});
