/**
 * x86_64 page tables, 4 and 5 levels.
 *
 * Source of truth: Intel SDM vol. 3 ch. 4.5; arch/x86/include/asm/page_64_types.h and arch/x86/kernel/machine_kexec_64.c
 * (arch_crash_save_vmcoreinfo, Linux 6.1): phys_base (signed), pgtable_l5_enabled (since 4.17), sme_mask (since 5.1,
 * 65f750e5457a).
 */
import { asPaddr, asVaddr, type Paddr, type Vaddr } from '../../base/units.ts';
import type { Vmcoreinfo } from '../vmcoreinfo.ts';
import type { Mapping, Paging, ReadEntry } from './paging.ts';

/** __START_KERNEL_map: the link address of the kernel image; image addresses are this plus (physical - phys_base). */
const startKernelMap = 0xffff_ffff_8000_0000n;
const present = 1n;
const largePage = 1n << 7n;
/** Bits 51:12 of an entry. */
const addressMask = 0x000f_ffff_ffff_f000n;
const pageShift = 12;
const bitsPerLevel = 9;

export class X86Paging implements Paging {
  private readonly root: number;
  readonly levels: number;
  private readonly entryMask: bigint;
  private readonly readEntry: ReadEntry;

  /** `root`: the physical address of a top table other than the kernel's own. */
  constructor(info: Vmcoreinfo, readEntry: ReadEntry, root?: Paddr) {
    this.readEntry = readEntry;
    this.root = root ?? ownRoot(info);
    this.levels = info.number('pgtable_l5_enabled') === 1n ? 5 : 4;
    this.entryMask = addressMask & ~(info.number('sme_mask') ?? 0n);
  }

  translate(vaddr: Vaddr): Mapping | undefined {
    let table = this.root;
    for (let level = this.levels; level >= 1; level--) {
      const shift = pageShift + bitsPerLevel * (level - 1);
      const index = Number((vaddr >> BigInt(shift)) & 0x1ffn);
      const entry = this.readEntry(asPaddr(table + index * 8));
      if ((entry & present) === 0n) return undefined;
      const isLeaf = level === 1 || ((level === 2 || level === 3) && (entry & largePage) !== 0n);
      if (isLeaf) {
        const size = 2 ** shift;
        // Bit 12 of a large page's entry is PAT, not address: align.
        const base = Number(entry & this.entryMask);
        const offset = Number(vaddr & BigInt(size - 1));
        return { paddr: asPaddr(base - (base % size) + offset), length: size - offset };
      }
      table = Number(entry & this.entryMask);
    }
    return undefined;
  }
}

/** The name of the top table: init_level4_pgt until 4.13, init_top_pgt since; swapper_pg_dir is the generic name of both. */
function ownRoot(info: Vmcoreinfo): number {
  const top =
    info.symbol('init_top_pgt') ?? info.symbol('init_level4_pgt') ?? info.requireSymbol('swapper_pg_dir');
  return Number(asVaddr(top - startKernelMap + (info.number('phys_base') ?? 0n)));
}
