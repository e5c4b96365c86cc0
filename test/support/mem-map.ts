/** The mem_map of a synthetic kernel, with struct pages of its release (mm/sparse.c, Linux 6.1; mm/page_alloc.c, Linux 5.4, for flat). */
import {
  compoundPages,
  isSince,
  type PageRelease,
  type PageSpec,
  pageReleaseOf,
  structPage,
} from './page-releases.ts';
import type { SyntheticKernel } from './synthetic-kernel.ts';
import type { InfoLines } from './vmcoreinfo-text.ts';

/**
 * "extreme": mem_section is an array of pointers to pages of sections, struct pages lie in the vmemmap (all of x86_64 and arm64, nearly);
 * "static": an array of sections, struct pages in the direct map; "flat": no sections, one array from the first page frame on.
 */
export type MemoryModel = 'extreme' | 'static' | 'flat';

export interface SectionSizes {
  /** SECTION_SIZE_BITS and MAX_PHYSMEM_BITS. */
  readonly sectionBits: number;
  readonly physicalBits: number;
}

const structSize = 64;
const sectionSize = 32;
/** Sections of 4 MiB, so that small memories have several; x86_64 and arm64 have 128 MiB. */
const smallSections: SectionSizes = { sectionBits: 22, physicalBits: 32 };
/** SECTION_MARKED_PRESENT | SECTION_HAS_MEM_MAP | SECTION_IS_ONLINE */
const sectionFlags = 7n;

export class MemMap {
  /** Physical address of a struct page, for tests that make it go missing: known once the mem_map was placed. */
  readonly structPages = new Map<number, number>();
  private readonly release: PageRelease;
  private readonly specs = new Map<number, PageSpec>();

  constructor(release: string) {
    this.release = pageReleaseOf(release);
  }

  set(pfn: number, spec: PageSpec): this {
    this.specs.set(pfn, spec);
    return this;
  }

  /** A compound page: the head as told, and its tails. */
  compound(pfn: number, order: number, head: PageSpec, hugetlb: boolean): this {
    compoundPages(this.release, order, head, hugetlb).forEach((spec, i) => {
      this.set(pfn + i, spec);
    });
    return this;
  }

  /**
   * Puts the struct pages of all RAM into the kernel, and what leads to them. Page frames that nothing was said of are pages of the kernel;
   * those of a section that are no RAM have struct pages that were never written (PAGE_POISON_PATTERN).
   */
  placeForRam(kernel: SyntheticKernel, model: MemoryModel, sizes: SectionSizes): void {
    const { pageSize } = kernel.memory;
    const sections = new Set<number>();
    for (const { start, end } of kernel.ram) {
      const last = (end - 1) / 2 ** sizes.sectionBits;
      for (let section = Math.floor(start / 2 ** sizes.sectionBits); section <= last; section++)
        sections.add(section);
    }
    if (model === 'flat') this.placeFlat(kernel);
    else {
      const isRam = (pfn: number): boolean =>
        kernel.ram.some(({ start, end }) => start <= pfn * pageSize && pfn * pageSize < end);
      this.placeSections(kernel, [...sections], model, sizes, isRam);
    }
  }

  /** The struct pages of `sections` (numbers), whether they are RAM or not. */
  placeIn(
    kernel: SyntheticKernel,
    sections: readonly number[],
    model: 'extreme' | 'static' = 'extreme',
  ): void {
    this.placeSections(kernel, sections, model, smallSections, () => true);
  }

  private placeSections(
    kernel: SyntheticKernel,
    sections: readonly number[],
    model: 'extreme' | 'static',
    { sectionBits, physicalBits }: SectionSizes,
    isRam: (pfn: number) => boolean,
  ): void {
    const { pageSize } = kernel.memory;
    const perSection = 2 ** sectionBits / pageSize;
    const count = 2 ** (physicalBits - sectionBits);
    const perRoot = model === 'static' ? count : pageSize / sectionSize;
    const roots = new Map<number, DataView>();
    const rootOf = (root: number): DataView => {
      const known = roots.get(root);
      if (known !== undefined) return known;
      const made = new DataView(new ArrayBuffer(perRoot * sectionSize));
      roots.set(root, made);
      return made;
    };
    let hole: number | undefined;
    for (const section of sections) {
      const first = section * perSection;
      // The address of the section's mem_map less its first pfn.
      let encoded = kernel.space.vmemmap;
      if (model === 'static') {
        const paddr = this.placeStructPages(kernel, first, perSection);
        encoded = kernel.space.directMap + BigInt(paddr - first * structSize);
      } else {
        const perPage = pageSize / structSize;
        for (let pfn = first; pfn < first + perSection; pfn += perPage) {
          const isHole = !isRam(pfn) && !isRam(pfn + perPage - 1);
          if (isHole) hole ??= placeHole(kernel);
          const paddr = isHole ? hole! : this.placeStructPages(kernel, pfn, perPage);
          kernel.space.mapPage(encoded + BigInt(pfn * structSize), paddr);
        }
      }
      const value = BigInt.asUintN(64, encoded) | sectionFlags;
      rootOf(Math.floor(section / perRoot)).setBigUint64((section % perRoot) * sectionSize, value, true);
    }
    kernel.addInfo(this.infoFor(kernel), this.sizesTold(kernel.release, { sectionBits, physicalBits }), {
      'SIZE(mem_section)': sectionSize,
      'OFFSET(mem_section.section_mem_map)': 0,
    });
    if (model === 'static') {
      const table = kernel.place(new Uint8Array(rootOf(0).buffer));
      kernel.addInfo({ 'SYMBOL(mem_section)': table, 'LENGTH(mem_section)': count });
    } else this.placeRoots(kernel, roots, count / perRoot);
  }

  /** mem_section as an array of `count` pointers, most of them NULL, to pages of sections. */
  private placeRoots(kernel: SyntheticKernel, roots: ReadonlyMap<number, DataView>, count: number): void {
    const { pageSize } = kernel.memory;
    const table = kernel.allocate(8 * count);
    for (const [root, view] of roots) {
      const page = kernel.allocate(pageSize, pageSize);
      kernel.memory.put(page, new Uint8Array(view.buffer));
      kernel.memory.putU64(table + 8 * root, kernel.space.directMap + BigInt(page));
    }
    kernel.addInfo({
      'SYMBOL(mem_section)': BigInt.asUintN(64, kernel.space.directMap + BigInt(table)),
      'LENGTH(mem_section)': count,
    });
  }

  /** mem_map[0] is the struct page of ARCH_PFN_OFFSET: of 0, or on arm64 of PHYS_OFFSET. */
  placeFlat(kernel: SyntheticKernel): void {
    const { pageSize, endPfn } = kernel.memory;
    const first = Number(BigInt(kernel.info['NUMBER(PHYS_OFFSET)'] ?? 0)) / pageSize;
    const start = Math.min(...kernel.ram.map((range) => range.start)) / pageSize;
    if (first !== start)
      throw new Error(`a flat mem_map begins where memory does, not at page frame ${first}`);
    const array = this.placeStructPages(kernel, first, endPfn - first);
    const pointer = new Uint8Array(8);
    new DataView(pointer.buffer).setBigUint64(
      0,
      BigInt.asUintN(64, kernel.space.directMap + BigInt(array)),
      true,
    );
    kernel.addInfo(this.infoFor(kernel), { 'SYMBOL(mem_map)': kernel.placeVariable(pointer) });
  }

  /** Returns where they are, physical. */
  private placeStructPages(kernel: SyntheticKernel, first: number, count: number): number {
    const paddr = kernel.allocate(count * structSize, kernel.memory.pageSize);
    const bytes = new Uint8Array(count * structSize);
    const plain = structPage(this.release, {});
    for (let i = 0; i < count; i++) {
      const spec = this.specs.get(first + i);
      bytes.set(spec === undefined ? plain : structPage(this.release, spec), i * structSize);
      this.structPages.set(first + i, paddr + i * structSize);
    }
    kernel.memory.put(paddr, bytes);
    return paddr;
  }

  private infoFor({ space, memory }: SyntheticKernel): InfoLines {
    const { 'NUMBER(PAGE_UNACCEPTED_MAPCOUNT_VALUE)': unaccepted, ...info } = this.release.info;
    // CONFIG_UNACCEPTED_MEMORY is x86_64's.
    const isTold = space.arch === 'x86_64' && unaccepted !== undefined;
    return {
      ...info,
      ...(isTold ? { 'NUMBER(PAGE_UNACCEPTED_MAPCOUNT_VALUE)': unaccepted } : {}),
      'LENGTH(zone.free_area)': maxBuddyOrder(memory.pageSize) + 1,
    };
  }

  /** Which of the sizes vmcoreinfo tells: the second since 5.9 (1d50e5d0c505), the first since 5.13. */
  private sizesTold(release: string, { sectionBits, physicalBits }: SectionSizes): InfoLines {
    return {
      ...(isSince(release, '5.13') ? { 'NUMBER(SECTION_SIZE_BITS)': sectionBits } : {}),
      ...(isSince(release, '5.9') ? { 'NUMBER(MAX_PHYSMEM_BITS)': physicalBits } : {}),
    };
  }
}

/** Order of the largest free block: 4 MiB, or 32 and 512 MiB with larger pages (CONFIG_ARCH_FORCE_MAX_ORDER of arm64). */
export const maxBuddyOrder = (pageSize: number): number =>
  pageSize === 4096 ? 10 : pageSize === 16384 ? 11 : 13;

/** The page that all struct pages without memory share. */
function placeHole(kernel: SyntheticKernel): number {
  const { pageSize } = kernel.memory;
  const paddr = kernel.allocate(pageSize, pageSize);
  kernel.memory.put(paddr, new Uint8Array(pageSize).fill(0xff));
  return paddr;
}
