/**
 * The ELF vmcore of an x86_64 machine with a lot of memory, as a file that takes a few MB on the disk: RAM is a hole of the file.
 *
 * Its page tables give every memory section its struct pages, as Linux does; those of the many sections that are all free are one
 * and the same 2 MiB of physical memory. What a filter has to walk is as long as on the real machine.
 */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { concat, elfFile, noteBytes, vmcoreinfoNote } from './elf-file.ts';
import { pageReleaseOf, structPage } from './page-releases.ts';
import { numberedPage } from './pages.ts';
import { directMap, kernelText, vmemmap } from './synthetic-kernel.ts';
import { vmcoreinfoText } from './vmcoreinfo-text.ts';
import { X86PageTables } from './x86-page-tables.ts';

const MiB = 2 ** 20;
/** As x86_64 has them since 2.6 (arch/x86/include/asm/sparsemem.h, Linux 6.1). */
const sectionBits = 27;
const physicalBits = 46;
const sectionEntry = 32;
const pagesPerSection = 2 ** (sectionBits - 12);
const structSize = 64;
const freeOrder = 10;
/** In section 0; what is below is free, and from here on the kernel's own. */
const kernelStart = 64 * MiB;
/** Kept and user pages at the start of the last section. */
const highPages = 1024;

export interface HugeVmcore {
  readonly endPfn: number;
  /** Page frames, `end` excluded, that level 31 keeps. The second range has pages made by numberedPage(pfn). */
  readonly kept: readonly { readonly start: number; readonly end: number }[];
}

/**
 * Writes the file. `memory`: bytes, a multiple of 128 MiB. `highAt`: the physical address of the last 128 MiB, below 64 TiB; right behind
 * the rest when not given.
 */
export function writeHugeVmcore(
  path: string,
  memory: number,
  highAt: number = memory - 2 ** sectionBits,
): HugeVmcore {
  const release = pageReleaseOf('6.1');
  const fd = openSync(path, 'w', 0o600);
  try {
    let next = kernelStart;
    const allocate = (size: number, alignment: number): number => {
      const at = Math.ceil(next / alignment) * alignment;
      next = at + size;
      return at;
    };
    // Only its length is known before the rest is made, and only the length decides where memory begins in the file.
    const root = kernelStart;
    const sections = memory / 2 ** sectionBits;
    const rootEntries = 4096 / sectionEntry;
    const roots = 2 ** (physicalBits - sectionBits) / rootEntries;
    const mib2 = 0x20_0000;
    const tableOfRoots = kernelStart + 8 * MiB;
    const info = vmcoreinfoText(release.info, {
      OSRELEASE: '6.1.0-huge',
      PAGESIZE: 4096,
      'SYMBOL(init_top_pgt)': kernelText + BigInt(root),
      'NUMBER(phys_base)': 0,
      'NUMBER(pgtable_l5_enabled)': 0,
      'NUMBER(sme_mask)': 0,
      'SYMBOL(mem_section)': directMap + BigInt(tableOfRoots),
      'LENGTH(mem_section)': roots,
      'SIZE(mem_section)': sectionEntry,
      'OFFSET(mem_section.section_mem_map)': 0,
      'NUMBER(SECTION_SIZE_BITS)': sectionBits,
      'NUMBER(MAX_PHYSMEM_BITS)': physicalBits,
    });
    const lowEnd = memory - 2 ** sectionBits;
    const header = headerBytes(info, lowEnd, highAt);
    const put = (paddr: number, bytes: Uint8Array): void => {
      const at = paddr < lowEnd ? paddr : paddr - highAt + lowEnd;
      writeSync(fd, bytes, 0, bytes.length, header.length + at);
    };
    const putU64 = (paddr: number, value: bigint): void => {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
      put(paddr, bytes);
    };
    writeSync(fd, header, 0, header.length, 0);
    ftruncateSync(fd, header.length + memory);

    const tables = new X86PageTables({ putU64 }, () => allocate(4096, 4096), { levels: 4 });
    tables.map(directMap, 0, 0x4000_0000);
    next = tableOfRoots + roots * 8;
    const numbers = Array.from({ length: sections }, (_, i) => i);
    numbers[sections - 1] = highAt / 2 ** sectionBits;
    const rootPages = new Map<number, number>();
    for (const section of numbers) {
      const root = Math.floor(section / rootEntries);
      const page = rootPages.get(root) ?? allocate(4096, 4096);
      rootPages.set(root, page);
      putU64(tableOfRoots + root * 8, directMap + BigInt(page));
      // SECTION_MARKED_PRESENT | SECTION_HAS_MEM_MAP | SECTION_IS_ONLINE
      putU64(page + (section % rootEntries) * sectionEntry, vmemmap | 7n);
    }

    const free = structPage(release, { type: 'buddy', private: BigInt(freeOrder) });
    const freeBlocks = (area: number, from: number, to: number): void => {
      for (let page = from; page < to; page += 2 ** freeOrder) put(area + page * structSize, free);
    };
    const [allFree, lowest, highest] = [allocate(mib2, mib2), allocate(mib2, mib2), allocate(mib2, mib2)];
    freeBlocks(allFree, 0, pagesPerSection);
    freeBlocks(lowest, 0, kernelStart / 4096);
    freeBlocks(highest, 2 * highPages, pagesPerSection);
    const user = structPage(release, { mapping: 0xffff_8880_0000_1001n, mapcount: 0 });
    for (let page = highPages; page < 2 * highPages; page++) put(highest + page * structSize, user);
    for (const [i, section] of numbers.entries()) {
      const area = i === 0 ? lowest : i === sections - 1 ? highest : allFree;
      tables.map(vmemmap + BigInt(section * pagesPerSection * structSize), area, mib2);
    }
    const highStart = highAt / 4096;
    const endPfn = highStart + pagesPerSection;
    for (let pfn = highStart; pfn < highStart + highPages; pfn++) put(pfn * 4096, numberedPage(pfn));
    return {
      endPfn,
      kept: [
        { start: kernelStart / 4096, end: pagesPerSection },
        { start: highStart, end: highStart + highPages },
      ],
    };
  } finally {
    closeSync(fd);
  }
}

/** Everything before the memory, a multiple of the page size long. */
function headerBytes(info: string, lowEnd: number, highAt: number): Uint8Array {
  const section = 2 ** sectionBits;
  const high = directMap + BigInt(highAt);
  const header = (padding: number, dataAt: number): Uint8Array =>
    elfFile({
      notes: concat(vmcoreinfoNote(info), noteBytes('PADDING', 0, new Uint8Array(padding))),
      segments: [
        { paddr: 0, vaddr: directMap, offset: dataAt, fileSize: lowEnd, memorySize: lowEnd },
        { paddr: highAt, vaddr: high, offset: dataAt + lowEnd, fileSize: section, memorySize: section },
      ],
    });
  const padding = 4096 - (header(0, 0).length % 4096);
  return header(padding, header(padding, 0).length);
}
