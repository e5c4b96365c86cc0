/**
 * Where the kernel keeps its array of struct page, as runs of page frames with consecutive descriptors.
 *
 * Sparse memory (all of x86_64 and arm64 since 4.18): physical memory is cut into sections of 2^SECTION_SIZE_BITS bytes; mem_section
 * holds for each the address of its part of the mem_map, minus the section's first pfn, with flags in the low bits.
 * "Extreme" means that mem_section is an array of pointers to pages full of struct mem_section.
 *
 * Source of truth: include/linux/mmzone.h and mm/sparse.c (Linux 6.1).
 */
import { viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import { asPfn, asVaddr, type PfnRange, type Vaddr } from '../base/units.ts';
import type { Kernel } from './kernel.ts';

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

/** All runs, ascending. E_NO_INFO when vmcoreinfo does not describe a sparse mem_map. */
export function readMemMap(kernel: Kernel): MemMapRun[] {
  const { info, dump } = kernel;
  const { pageSize } = dump.memory;
  const sectionSize = info.requireSize('mem_section');
  const memMapOffset = info.requireOffset('mem_section.section_mem_map');
  const sectionBits = info.requireNumber('SECTION_SIZE_BITS');
  const physicalBits = info.requireNumber('MAX_PHYSMEM_BITS');
  const pageStructBytes = info.requireSize('page');
  const pageStructSize = BigInt(pageStructBytes);
  const pagesPerSection = 2 ** sectionBits / pageSize;
  const roots = info.length('mem_section') ?? 0;
  const sections = 2 ** (physicalBits - sectionBits);
  const isExtreme = roots < sections;
  const sectionsPerRoot = isExtreme ? Math.floor(pageSize / sectionSize) : 1;
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

  const table = info.requireSymbol('mem_section');
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
    for (let root = first; pointers !== undefined && root < next; root++) {
      const address = asVaddr(viewOf(pointers).getBigUint64((root - first) * 8, dump.littleEndian));
      const bytes =
        address === 0n ? undefined : readUnlessExcluded(kernel, address, sectionsPerRoot * sectionSize);
      if (bytes !== undefined) addRoot(bytes, root * sectionsPerRoot);
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
