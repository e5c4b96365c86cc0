import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Machine } from '../../../test/support/address-space.ts';
import { SyntheticKernel } from '../../../test/support/synthetic-kernel.ts';
import { PfnBitmap } from '../../base/pfn-bitmap.ts';
import { asPfn } from '../../base/units.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { UnusedVmemmap } from './vmemmap.ts';

const mib = 2 ** 20;
const hugePage = 2 * mib;
const structSize = 64;
const sectionBits = 27;
const sections = 4;
/** Four sections of 128 MiB; kernel structures lie from 16 MiB on, the vmemmap from 32 MiB on, out of order. */
const memorySize = sections * 2 ** sectionBits;
const vmemmapAt = [40, 36, 44, 32].map((at) => at * mib);

/** A static mem_section with a mem_map for every section; the vmemmap is the test's to map. */
function sectionedKernel(machine: Machine): SyntheticKernel {
  const ram = [{ start: 0, end: memorySize }];
  const kernel = new SyntheticKernel({ machine, ram, firstFree: 16 * mib });
  const table = new BigUint64Array(2 * sections);
  for (let section = 0; section < sections; section++) table[2 * section] = kernel.space.vmemmap | 7n;
  kernel.addInfo({
    'SIZE(page)': structSize,
    'SIZE(mem_section)': 16,
    'OFFSET(mem_section.section_mem_map)': 0,
    'NUMBER(SECTION_SIZE_BITS)': sectionBits,
    'NUMBER(MAX_PHYSMEM_BITS)': sectionBits + 2,
    'LENGTH(mem_section)': sections,
    'SYMBOL(mem_section)': kernel.placeVariable(new Uint8Array(table.buffer)),
  });
  return kernel;
}

/** `leaf`: how section 1's part of the vmemmap is mapped; the others' by one huge page each. */
function x86Kernel(leaf: 'huge' | 'pages'): Kernel {
  const kernel = sectionedKernel({ arch: 'x86_64', levels: 4 });
  for (const [section, paddr] of vmemmapAt.entries()) {
    const at = kernel.space.vmemmap + BigInt(section * hugePage);
    if (section !== 1 || leaf === 'huge') kernel.tables.map(at, paddr, 0x20_0000);
    else
      for (let done = 0; done < hugePage; done += 4096) kernel.space.mapPage(at + BigInt(done), paddr + done);
  }
  return kernel.kernel();
}

function arm64Kernel(pageSize: 4096 | 65536): Kernel {
  const kernel = sectionedKernel({ arch: 'arm64', pageSize, vaBits: 48 });
  const bytes = (memorySize / pageSize) * structSize;
  for (let done = 0; done < bytes; done += pageSize)
    kernel.space.mapPage(kernel.space.vmemmap + BigInt(done), 32 * mib + done);
  return kernel.kernel();
}

type Pages = readonly (readonly [start: number, end: number])[];

/** What is found when these page frames are left out, and `holes` are no RAM. */
function unused(kernel: Kernel, leftOut: Pages, holes: Pages = [], windowPages = Infinity): Pages {
  const search = new UnusedVmemmap(kernel);
  const { endPfn } = kernel.dump.memory;
  for (let at = 0; at < endPfn; at += windowPages) {
    const [start, end] = [asPfn(at), asPfn(Math.min(endPfn, at + windowPages))];
    const [ram, kept] = [new PfnBitmap(start, end), new PfnBitmap(start, end)];
    for (const bitmap of [ram, kept]) bitmap.setRange(start, end);
    for (const [from, to] of [...leftOut, ...holes]) kept.clearRange(from, to);
    for (const [from, to] of holes) ram.clearRange(from, to);
    search.look({ ram, kept });
  }
  return Array.from(search.pages(), ({ start, end }) => [start, end] as const);
}

/** Page frames of the vmemmap of a section, from one of its page frames to another. */
const inSection = (section: number, from: number, to: number): readonly [number, number] => [
  (vmemmapAt[section]! + from * structSize) / 4096,
  (vmemmapAt[section]! + to * structSize) / 4096,
];
const block = 32768;

describe('the vmemmap that nothing in the dump needs (-e)', () => {
  it('is that of two whole words of the bitmaps or more', () => {
    const kernel = x86Kernel('huge');
    assert.deepEqual(unused(kernel, [[128, 256]]), [inSection(0, 128, 256)]);
    assert.deepEqual(unused(kernel, [[100, 300]]), [inSection(0, 128, 256)]);
    assert.deepEqual(unused(kernel, [[128, 192]]), []);
    assert.deepEqual(unused(kernel, [[129, 255]]), []);
  });

  it('is where the page tables say, section by section', () => {
    assert.deepEqual(unused(x86Kernel('huge'), [[0, 3 * block]]), [
      inSection(1, 0, block),
      inSection(0, 0, block),
      inSection(2, 0, block),
    ]);
  });

  it('is cut at every 32768 page frames: less than two words on a side count for nothing', () => {
    const found = unused(x86Kernel('huge'), [[block - 128, block + 64]]);
    assert.deepEqual(found, [inSection(0, block - 128, block)]);
  });

  it('needs RAM: a hole in it ends a run', () => {
    const kernel = x86Kernel('huge');
    assert.deepEqual(unused(kernel, [[0, 512]], [[200, 201]]), [
      inSection(0, 0, 192),
      inSection(0, 256, 512),
    ]);
    assert.deepEqual(unused(kernel, [], [[0, block]]), []);
  });

  it('is the same in any windows', () => {
    const kernel = x86Kernel('huge');
    const leftOut: Pages = [
      [300, 40_000],
      [65_000, 65_600],
      [90_000, 131_000],
    ];
    assert.deepEqual(unused(kernel, leftOut, [], block), unused(kernel, leftOut));
  });

  it('x86_64: stays for the last 128 MiB, as in the original', () => {
    assert.deepEqual(unused(x86Kernel('huge'), [[3 * block, 4 * block]]), []);
  });

  it('x86_64: stays where hugetlb shares pages of it', () => {
    assert.deepEqual(unused(x86Kernel('pages'), [[block, 3 * block]]), [inSection(2, 0, block)]);
  });

  it('arm64: page by page, also of 64 KiB', () => {
    const at = (pageSize: number, from: number, to: number): readonly [number, number] => [
      (32 * mib + from * structSize) / pageSize,
      (32 * mib + to * structSize) / pageSize,
    ];
    assert.deepEqual(unused(arm64Kernel(4096), [[100, 131_072]]), [at(4096, 128, 131_072)]);
    // 1024 struct pages each: only those pages that hold no other.
    assert.deepEqual(unused(arm64Kernel(65536), [[960, 4100]]), [at(65536, 1024, 4096)]);
    assert.deepEqual(unused(arm64Kernel(65536), [[960, 2000]]), []);
  });
});
