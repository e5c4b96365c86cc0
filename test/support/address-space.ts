/**
 * Where a kernel of a release lies in its virtual addresses, with the page tables and the vmcoreinfo lines that tell.
 *
 * Sources: Documentation/arch/x86/x86_64/mm.rst and arch_crash_save_vmcoreinfo() of arch/x86/kernel/machine_kexec_64.c;
 * arch/arm64/include/asm/memory.h and arch/arm64/kernel/{machine_kexec,crash_core,vmcore_info}.c; Linux 4.18 to 7.2.
 */
import type { Arch } from '../../src/formats/dump.ts';
import { Arm64PageTables } from './arm64-page-tables.ts';
import { isSince } from './page-releases.ts';
import type { RamRange, SparseMemory } from './sparse-memory.ts';
import type { InfoLines } from './vmcoreinfo-text.ts';
import { X86PageTables } from './x86-page-tables.ts';

export interface X86Machine {
  readonly arch: 'x86_64';
  readonly levels: 4 | 5;
  /** The bit that memory encryption sets in every page table entry. */
  readonly smeBit?: number;
  /** How far the image was moved from where it is linked; the direct map and the vmemmap are then elsewhere too. */
  readonly kaslr?: bigint;
  /** How far the image lies in physical memory from where it is linked; where it is linked when not given. */
  readonly physBase?: bigint;
}

export interface Arm64Machine {
  readonly arch: 'arm64';
  readonly pageSize: 4096 | 16384 | 65536;
  /** CONFIG_ARM64_VA_BITS. */
  readonly vaBits: number;
  /** What the CPU has, at most: a kernel for 52 bits runs on a CPU with 48. */
  readonly cpuVaBits?: number;
  readonly kaslr?: bigint;
}

export type Machine = X86Machine | Arm64Machine;

/** What the spaces of both architectures need. */
export interface SpaceMemory {
  readonly memory: SparseMemory;
  readonly ram: readonly RamRange[];
  /** Physical address of a page of zeros. */
  readonly allocatePage: () => number;
}

export interface AddressSpace {
  readonly arch: Arch;
  /** Address of physical address 0 in the direct map, whether there is memory or not. */
  readonly directMap: bigint;
  /** Address of the struct page of page frame 0, likewise. */
  readonly vmemmap: bigint;
  /** An address in the kernel image, less the physical one. */
  readonly imageOffset: bigint;
  /** Where the image begins, as far as symbols go. */
  readonly imageStart: bigint;
  readonly info: InfoLines;
  /** Maps one page. */
  mapPage(vaddr: bigint, paddr: number): void;
}

/** __START_KERNEL_map */
export const kernelText = 0xffff_ffff_8000_0000n;
/** CONFIG_PHYSICAL_START: where the image begins in what __START_KERNEL_map begins. */
const linkedAt = 0x100_0000n;
const mib2 = 0x20_0000;
const word = (value: bigint): bigint => BigInt.asUintN(64, value);
const hex = (value: bigint): string => `0x${word(value).toString(16)}`;

export function x86AddressSpace(
  machine: X86Machine,
  release: string,
  at: SpaceMemory,
): AddressSpace & { readonly tables: X86PageTables } {
  const { levels, smeBit, kaslr = 0n } = machine;
  const physBase = machine.physBase ?? -kaslr;
  // Moved up by one entry of the upper level for the LDT (d52888aa2753).
  const isMoved = isSince(release, '4.20');
  const directBase =
    levels === 5 ? (isMoved ? 0xff11n : 0xff10n) << 48n : (isMoved ? 0xffff_888n : 0xffff_880n) << 36n;
  const vmemmapBase = levels === 5 ? 0xffd4n << 48n : 0xffff_ean << 40n;
  // With KASLR by some GiB, as a real kernel has it (kernel_randomize_memory()).
  const directMap = directBase + (kaslr === 0n ? 0n : 0x5e2_c000_0000n);
  const vmemmap = vmemmapBase + (kaslr === 0n ? 0n : 0x12a_8000_0000n);
  const smeMask = smeBit === undefined ? 0n : 1n << BigInt(smeBit);
  const tables = new X86PageTables(at.memory, at.allocatePage, { levels, smeMask });
  for (const { start, end } of at.ram) {
    for (let paddr = start - (start % mib2); paddr < end; paddr += mib2)
      tables.map(directMap + BigInt(paddr), paddr, mib2);
  }
  const imageOffset = kernelText - physBase;
  const top = word(imageOffset + BigInt(tables.root));
  return {
    arch: 'x86_64',
    directMap,
    vmemmap,
    imageOffset,
    imageStart: kernelText + linkedAt + kaslr,
    tables,
    info: {
      'SYMBOL(init_top_pgt)': top,
      'SYMBOL(swapper_pg_dir)': top,
      'SYMBOL(_stext)': kernelText + linkedAt + kaslr,
      'NUMBER(phys_base)': physBase,
      'NUMBER(pgtable_l5_enabled)': levels === 5 ? 1 : 0,
      KERNELOFFSET: kaslr.toString(16),
      'NUMBER(KERNEL_IMAGE_SIZE)': 0x4000_0000,
      // 65f750e5457a
      ...(isSince(release, '5.1') ? { 'NUMBER(sme_mask)': smeMask } : {}),
    },
    mapPage: (vaddr, paddr) => tables.map(vaddr, paddr, 0x1000),
  };
}

/** _stext lies behind the head of the image. */
const textOffset = 0x1_0000n;
/** A number that KASLR would have drawn: how far the linear map begins below the memory, in units of its alignment. */
const linearShift = 37;

export function arm64AddressSpace(machine: Arm64Machine, release: string, at: SpaceMemory): AddressSpace {
  const { pageSize, vaBits, kaslr = 0n } = machine;
  const cpuVaBits = Math.min(vaBits, machine.cpuVaBits ?? vaBits);
  const pageShift = Math.log2(pageSize);
  const pageTopBits = (bits: number): number => Math.ceil((bits - pageShift) / (pageShift - 3));
  const levels = pageTopBits(cpuVaBits);
  const isLpa2 = pageSize !== 65536 && cpuVaBits === 52;
  const tables = new Arm64PageTables(at.memory, at.allocatePage, {
    levels,
    topBits: pageTopBits(vaBits) === levels ? vaBits : cpuVaBits,
    highBits: pageSize === 65536 ? 'bits-15:12' : isLpa2 ? 'bits-9:8' : 'none',
  });

  const start = (bits: number): bigint => -(1n << BigInt(bits));
  /** The linear map became the lower half of the kernel's addresses, and the image and all else the upper half (14c127c957c1). */
  const isFlipped = isSince(release, '5.4');
  const middle = start(Math.min(vaBits, 48) - 1);
  const ramStart = Math.min(...at.ram.map((range) => range.start));
  // ARM64_MEMSTART_ALIGN (arch/arm64/include/asm/kernel-pgtable.h): a PUD of 4K pages, else a PMD, or a few of them.
  const alignment = pageSize === 4096 ? 2 ** 30 : pageSize === 16384 ? 2 ** 25 : 2 ** 29;
  const memstart =
    BigInt(ramStart - (ramStart % alignment)) - (kaslr === 0n ? 0n : BigInt(linearShift * alignment));
  // Since 5.10 (7bc1a0f9e176) PHYS_OFFSET itself makes up for the bits that the CPU lacks.
  const isAdjusted = isFlipped && isSince(release, '5.10');
  const physOffset = isAdjusted ? memstart - (start(cpuVaBits) - start(vaBits)) : memstart;
  const directMap = (isFlipped ? start(cpuVaBits) : middle) - memstart;
  const vmemmapSize = 1n << BigInt(vaBits - pageShift - 1 + 6);
  const vmemmapStart = isFlipped ? start(Math.min(vaBits, 48) - 6) : middle - vmemmapSize;
  const firstPfn = memstart / BigInt(pageSize);
  // MODULES_END: the modules and, for a while, the BPF programs lie below the image.
  const imageStart = (isFlipped ? middle : start(vaBits)) + 0x800_0000n + kaslr;
  const imageOffset = imageStart - BigInt(ramStart);

  // The linear map, by blocks where it can be.
  const block = pageSize * (pageSize / 8);
  for (const range of at.ram) {
    for (let paddr = range.start; paddr < range.end; ) {
      const isBlock = paddr % block === 0 && paddr + block <= range.end;
      tables.map(word(directMap + BigInt(paddr)), BigInt(paddr), isBlock ? 2 : 1);
      paddr += isBlock ? block : pageSize;
    }
  }
  return {
    arch: 'arm64',
    directMap: word(directMap),
    vmemmap: word(vmemmapStart - firstPfn * 64n),
    imageOffset: word(imageOffset),
    imageStart: word(imageStart + textOffset),
    info: {
      'SYMBOL(swapper_pg_dir)': word(imageOffset + BigInt(tables.root)),
      'SYMBOL(_stext)': word(imageStart + textOffset),
      'NUMBER(VA_BITS)': vaBits,
      'NUMBER(kimage_voffset)': hex(imageOffset),
      'NUMBER(PHYS_OFFSET)': hex(physOffset),
      KERNELOFFSET: kaslr.toString(16),
      // bbdbc11804ff
      ...(isSince(release, '5.9') ? { 'NUMBER(TCR_EL1_T1SZ)': `0x${(64 - cpuVaBits).toString(16)}` } : {}),
    },
    mapPage: (vaddr, paddr) => tables.map(word(vaddr), BigInt(paddr)),
  };
}
