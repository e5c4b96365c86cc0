/** A sparse mem_map with struct pages of any release, for a synthetic kernel (mm/sparse.c, Linux 6.1). */
import { type PageRelease, type PageSpec, structPage } from './page-releases.ts';
import { type SyntheticKernel, vmemmap } from './synthetic-kernel.ts';
import type { InfoLines } from './vmcoreinfo-text.ts';

/** "extreme": mem_section is an array of pointers to pages of sections; "static": an array of sections. */
export type SectionTable = 'extreme' | 'static';

const structSize = 64;
const sectionSize = 32;
/** Sections of 4 MiB, so that small memories have several; x86_64 and arm64 have 128 MiB. */
const sectionBits = 22;
const pagesPerSection = 2 ** (sectionBits - 12);
const physicalBits = 32;

export class MemMap {
  private readonly release: PageRelease;
  private readonly specs = new Map<number, PageSpec>();

  constructor(release: PageRelease) {
    this.release = release;
  }

  set(pfn: number, spec: PageSpec): this {
    this.specs.set(pfn, spec);
    return this;
  }

  /** A free block of 2^order pages. Only its first struct page says so. */
  free(pfn: number, order: number): this {
    return this.set(pfn, { type: 'buddy', private: BigInt(order) });
  }

  /** A compound page: the head as told, and its tails. */
  compound(pfn: number, order: number, head: PageSpec & { readonly hugetlb?: true }): this {
    const hugetlb = head.hugetlb === true;
    const hasType = hugetlb && this.release.compound === 'page-type';
    this.set(pfn, {
      ...head,
      flags: ['head', ...(head.flags ?? [])],
      ...(hasType ? { type: 'hugetlb' } : {}),
    });
    for (let tail = pfn + 1; tail < pfn + 2 ** order; tail++) this.set(tail, { tail: true });
    return this.set(pfn + 1, { tail: true, compound: { order, hugetlb } });
  }

  /**
   * Puts the struct pages of `sections` (numbers; each of 1024 page frames) into the kernel's vmemmap, and the table that leads to them.
   * Page frames that nothing was said of are pages of the kernel.
   */
  placeIn(kernel: SyntheticKernel, sections: readonly number[], table: SectionTable = 'extreme'): void {
    for (const section of sections) this.placeSection(kernel, section);
    const count = 2 ** (physicalBits - sectionBits);
    const entries = new DataView(new ArrayBuffer(count * sectionSize));
    for (const section of sections) {
      // The address of the section's mem_map less its first pfn, and SECTION_MARKED_PRESENT | HAS_MEM_MAP | IS_ONLINE.
      entries.setBigUint64(section * sectionSize, vmemmap | 7n, true);
    }
    const bytes = new Uint8Array(entries.buffer);
    const common: InfoLines = {
      'SIZE(mem_section)': sectionSize,
      'OFFSET(mem_section.section_mem_map)': 0,
      'NUMBER(SECTION_SIZE_BITS)': sectionBits,
      'NUMBER(MAX_PHYSMEM_BITS)': physicalBits,
    };
    kernel.addInfo(this.release.info, common);
    if (table === 'static') {
      kernel.addInfo({ 'SYMBOL(mem_section)': kernel.place(bytes), 'LENGTH(mem_section)': count });
      return;
    }
    const perRoot = 4096 / sectionSize;
    const roots = new DataView(new ArrayBuffer((8 * count) / perRoot));
    for (let root = 0; root < count / perRoot; root++) {
      if (!sections.some((section) => Math.floor(section / perRoot) === root)) continue;
      const part = bytes.subarray(root * 4096, (root + 1) * 4096);
      roots.setBigUint64(8 * root, kernel.place(part), true);
    }
    kernel.addInfo({
      'SYMBOL(mem_section)': kernel.place(new Uint8Array(roots.buffer)),
      'LENGTH(mem_section)': count / perRoot,
    });
  }

  /** Physical address of a struct page, for tests that make it go missing: known once the mem_map was placed. */
  readonly structPages = new Map<number, number>();

  private placeSection(kernel: SyntheticKernel, section: number): void {
    const perPage = 4096 / structSize;
    const first = section * pagesPerSection;
    for (let pfn = first; pfn < first + pagesPerSection; pfn += perPage) {
      const paddr = kernel.allocate(4096, 4096);
      for (let i = 0; i < perPage; i++) {
        kernel.memory.put(paddr + i * structSize, structPage(this.release, this.specs.get(pfn + i) ?? {}));
        this.structPages.set(pfn + i, paddr + i * structSize);
      }
      kernel.tables.map(vmemmap + BigInt(pfn * structSize), paddr, 0x1000);
    }
  }
}
