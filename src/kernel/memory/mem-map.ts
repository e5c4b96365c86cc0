/**
 * Where the kernel keeps its array of struct page, as runs of page frames with consecutive descriptors.
 *
 * Sparse memory (all of x86_64 and arm64 since 4.18): physical memory is cut into sections of 2^SECTION_SIZE_BITS bytes; mem_section
 * holds for each the address of its part of the mem_map, minus the section's first pfn, with flags in the low bits.
 * "Extreme" means that mem_section is an array of pointers to pages full of struct mem_section.
 *
 * Flat memory (arm64 could be built with it until 5.12, 782276b4d0ad): one array, mem_map, from the first page frame on.
 *
 * Source of truth: include/linux/mmzone.h and mm/sparse.c (Linux 6.1); include/asm-generic/memory_model.h (5.4) for flat memory;
 * crash_save_vmcoreinfo_init() of kernel/crash_core.c: MAX_PHYSMEM_BITS since 5.9 (1d50e5d0c505), SECTION_SIZE_BITS since 5.13.
 */
import { viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asPfn, asVaddr, type PfnRange, type Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';

/** Page frames whose struct pages follow each other from `address` on. */
export interface MemMapRun extends PfnRange {
  readonly address: Vaddr;
}

/** SECTION_HAS_MEM_MAP (bit 1 in every release); bit 0, "present", is also set for sections without a mem_map. */
const hasMemMap = 2n;
/** A section's mem_map starts on a page; the flags in section_mem_map stay below that. */
const flagMask = 0xfffn;
/** NR_SECTION_ROOTS with 52-bit physical addresses is 2^18. */
const maxRoots = 2 ** 20;
/** MAX_PHYSMEM_BITS of x86_64 with 5 levels and of arm64 with LPA2. */
const maxPhysicalBits = 52;

/** SECTION_SIZE_BITS before MAX_PHYSMEM_BITS was told, which leads to it: arch/{x86,arm64}/include/asm/sparsemem.h (Linux 5.4). */
const oldSectionBits = { x86_64: 27, arm64: 30 } as const;

/** All runs, ascending. E_NO_INFO when vmcoreinfo describes neither sparse nor flat memory. */
export function readMemMap(kernel: Kernel): MemMapRun[] {
  const { info } = kernel;
  // A kernel with sparse memory and one node has a mem_map too, which is NULL.
  const isFlat = info.symbol('mem_section') === undefined && info.symbol('mem_map') !== undefined;
  return isFlat ? readFlat(kernel) : readSections(kernel);
}

/** mem_map[0] is the struct page of ARCH_PFN_OFFSET: on arm64 of the page frame at PHYS_OFFSET. */
function readFlat(kernel: Kernel): MemMapRun[] {
  const { info, dump } = kernel;
  const { pageSize, endPfn } = dump.memory;
  const start = Number(info.number('PHYS_OFFSET') ?? 0n) / pageSize;
  if (!Number.isInteger(start) || start < 0 || start > endPfn) {
    throw new VmcoreError('E_NO_INFO', `its vmcoreinfo has its memory begin at page frame ${start}`, {
      file: dump.source.name,
    });
  }
  return [{ start: asPfn(start), end: endPfn, address: kernel.readPointer(info.requireSymbol('mem_map')) }];
}

/** How many bits of a physical address the sections take, from what the release tells. */
function sectionSizeBits(kernel: Kernel, sectionsOfAllRoots: number): number {
  const { info, dump } = kernel;
  const told = info.smallNumber('SECTION_SIZE_BITS');
  if (told !== undefined) return told;
  const physicalBits = info.smallNumber('MAX_PHYSMEM_BITS');
  // There are as many roots as all of physical memory needs (NR_SECTION_ROOTS), in powers of two.
  return physicalBits === undefined
    ? oldSectionBits[dump.arch]
    : physicalBits - Math.ceil(Math.log2(sectionsOfAllRoots));
}

function readSections(kernel: Kernel): MemMapRun[] {
  const { info, dump } = kernel;
  const { pageSize } = dump.memory;
  const table = info.requireSymbol('mem_section');
  const sectionSize = info.requireSize('mem_section');
  const memMapOffset = info.requireOffset('mem_section.section_mem_map');
  const pageStructBytes = info.requireSize('page');
  const pageStructSize = BigInt(pageStructBytes);
  const roots = info.length('mem_section') ?? 0;
  const perPageOfSections = Math.floor(pageSize / sectionSize);
  const sectionBits = sectionSizeBits(kernel, roots * perPageOfSections);
  const physicalBits = info.smallNumber('MAX_PHYSMEM_BITS') ?? maxPhysicalBits;
  const pagesPerSection = 2 ** sectionBits / pageSize;
  // Without MAX_PHYSMEM_BITS: the kernels that have page tables for it all are of this kind (CONFIG_SPARSEMEM_EXTREME).
  const isExtreme = roots < 2 ** (physicalBits - sectionBits);
  const sectionsPerRoot = isExtreme ? perPageOfSections : 1;
  const isPossible =
    roots >= 1 &&
    roots <= maxRoots &&
    sectionSize >= memMapOffset + 8 &&
    sectionSize <= pageSize &&
    pageStructBytes <= pageSize &&
    pagesPerSection >= 1 &&
    sectionBits <= physicalBits &&
    physicalBits <= maxPhysicalBits;
  if (!isPossible) {
    throw new VmcoreError(
      'E_NO_INFO',
      `its vmcoreinfo describes ${roots} roots of ${sectionSize}-byte memory sections, each of 2^${sectionBits} of 2^${physicalBits} bytes`,
      {
        file: dump.source.name,
      },
    );
  }

  const runs: MemMapRun[] = [];
  const addSection = (section: DataView, number: number): void => {
    const encoded = section.getBigUint64(memMapOffset, dump.littleEndian);
    if ((encoded & hasMemMap) === 0n) return;
    const start = asPfn(number * pagesPerSection);
    const address = asVaddr((encoded & ~flagMask) + BigInt(start) * pageStructSize);
    const last = runs.at(-1);
    if (last?.end === start && last.address + BigInt(last.end - last.start) * pageStructSize === address) {
      runs[runs.length - 1] = { ...last, end: asPfn(start + pagesPerSection) };
    } else {
      runs.push({ start, end: asPfn(start + pagesPerSection), address });
    }
  };
  const addRoot = (bytes: Uint8Array, firstNumber: number): void => {
    for (let i = 0; (i + 1) * sectionSize <= bytes.length; i++) {
      addSection(viewOf(bytes.subarray(i * sectionSize, (i + 1) * sectionSize)), firstNumber + i);
    }
  };

  if (!isExtreme) {
    addRoot(kernel.read(table, roots * sectionSize), 0);
    return runs;
  }
  const perPage = pageSize / 8;
  const beforeFirstPage = Number((table / 8n) % BigInt(perPage));
  for (let first = 0; first < roots; ) {
    // Up to the end of its page, as far as a page is there or not.
    const next = Math.min(roots, first + perPage - ((beforeFirstPage + first) % perPage));
    const pointers = readUnlessExcluded(kernel, asVaddr(table + BigInt(first * 8)), (next - first) * 8);
    const view = viewOf(pointers ?? new Uint8Array(0));
    for (let at = 0; at < view.byteLength; at += 8) {
      // Nearly all are: 5 levels of page tables have 2^18 roots.
      if (view.getUint32(at) === 0 && view.getUint32(at + 4) === 0) continue;
      const address = asVaddr(view.getBigUint64(at, dump.littleEndian));
      const bytes = readUnlessExcluded(kernel, address, sectionsPerRoot * sectionSize);
      if (bytes !== undefined) addRoot(bytes, (first + at / 8) * sectionsPerRoot);
    }
    first = next;
  }
  return runs;
}

/**
 * Undefined when the page it begins on was left out of the dump: an ELF dump of level 1 lacks the pages of zeros, which describe nothing. Were it
 * another that was left out, its page frames would stay unjudged, and be kept.
 */
function readUnlessExcluded(kernel: Kernel, address: Vaddr, length: number): Uint8Array | undefined {
  const { memory } = kernel.dump;
  const pfn = Math.floor(kernel.translate(address).paddr / memory.pageSize);
  return memory.state(asPfn(pfn)) === 'excluded' ? undefined : kernel.read(address, length);
}
