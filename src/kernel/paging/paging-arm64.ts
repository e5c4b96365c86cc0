/**
 * arm64 addresses: the linear map and the kernel image by arithmetic, everything else (vmemmap, modules, vmalloc) by
 * page tables with 4K, 16K or 64K granules.
 *
 * Source of truth: arch/arm64/include/asm/{memory,pgtable-hwdef}.h and arch/arm64/kernel/{crash_core,vmcore_info}.c
 * (Linux 6.1 and 6.12): VA_BITS, TCR_EL1_T1SZ (since 5.11; the size in use when a 52-bit kernel runs on a 48-bit CPU), PHYS_OFFSET,
 * kimage_voffset. ARM ARM D8.3 for the descriptors.
 */
import { VmcoreError } from '../../base/errors.ts';
import { asPaddr, asVaddr, type Paddr, type Vaddr } from '../../base/units.ts';
import type { Vmcoreinfo } from '../vmcoreinfo.ts';
import type { Mapping, Paging, ReadEntry } from './paging.ts';

const valid = 1n;
const tableOrPage = 2n;
/** From CONFIG_ARM64_VA_BITS_36 to _52 (arch/arm64/Kconfig). */
const minVaBits = 36;
const maxVaBits = 52;
const wordMask = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

export class Arm64Paging implements Paging {
  private readonly readEntry: ReadEntry;
  private readonly pageShift: number;
  readonly levels: number;
  private readonly vaBits: number;
  /** Address bits that the top table resolves up to. */
  private readonly topBits: number;
  private readonly linearStart: bigint;
  private readonly linearEnd: bigint;
  private readonly physOffset: bigint;
  private readonly root: number;
  /** Do descriptors carry physical address bits above 47, and where? */
  private readonly highBits: 'none' | 'bits-15:12' | 'bits-9:8';

  /** `root`: the physical address of a top table other than the kernel's own. */
  constructor(info: Vmcoreinfo, pageSize: number, readEntry: ReadEntry, root?: Paddr) {
    this.readEntry = readEntry;
    this.pageShift = Math.log2(pageSize);
    const compiledVaBits = info.requireNumber('VA_BITS');
    const t1sz = info.smallNumber('TCR_EL1_T1SZ');
    this.vaBits = t1sz === undefined ? compiledVaBits : 64 - t1sz;
    for (const bits of [compiledVaBits, this.vaBits]) {
      if (bits >= minVaBits && bits <= maxVaBits) continue;
      throw new VmcoreError('E_CORRUPT', `its vmcoreinfo tells of ${bits}-bit virtual addresses`);
    }
    const kimageVoffset = info.number('kimage_voffset');
    if (kimageVoffset === undefined) info.requireNumber('kimage_voffset');
    // Since 5.4 the linear map starts where PAGE_OFFSET says for the compiled size (_PAGE_OFFSET(VA_BITS), memory.h), and takes the lower
    // half of the kernel's space, the image and all else the upper half. Before, it was the other way round (14c127c957c1): where the
    // image is tells which.
    const top = info.requireSymbol('swapper_pg_dir');
    const middle = (bits: number): bigint => asVaddr(-(1n << BigInt(bits - 1)));
    const isFlipped = top >= middle(Math.min(compiledVaBits, 48));
    this.linearStart = isFlipped ? asVaddr(-(1n << BigInt(compiledVaBits))) : middle(compiledVaBits);
    this.linearEnd = isFlipped ? middle(Math.min(compiledVaBits, this.vaBits)) : 1n << 64n;
    this.physOffset = info.number('PHYS_OFFSET') ?? 0n;
    this.root = root ?? Number(asVaddr(top - (kimageVoffset ?? 0n)));
    const levelsFor = (bits: number): number => Math.ceil((bits - this.pageShift) / (this.pageShift - 3));
    this.levels = levelsFor(this.vaBits);
    // A 52-bit kernel on a CPU without them either drops a level (4K, 16K) or keeps its large top table and uses the end of it
    // (64K; arch/arm64/include/asm/assembler.h, offset_ttbr1).
    this.topBits = levelsFor(compiledVaBits) === this.levels ? compiledVaBits : this.vaBits;
    // 52-bit physical addresses: 64K granules keep bits 51:48 in 15:12; 4K and 16K granules (LPA2) bits 51:50 in 9:8, and only kernels
    // built for 52-bit virtual addresses use that form, when the CPU has it.
    this.highBits = pageSize === 65536 ? 'bits-15:12' : this.vaBits === 52 ? 'bits-9:8' : 'none';
  }

  translate(vaddr: Vaddr): Mapping | undefined {
    if (vaddr >= this.linearStart && vaddr < this.linearEnd) {
      return {
        paddr: asPaddr(Number(BigInt.asUintN(64, vaddr - this.linearStart + this.physOffset))),
        length: Math.min(Number(this.linearEnd - vaddr), 2 ** 30),
      };
    }
    return this.walk(vaddr);
  }

  private walk(vaddr: Vaddr): Mapping | undefined {
    const bitsPerLevel = this.pageShift - 3;
    let table = this.root;
    for (let level = this.levels; level >= 1; level--) {
      const shift = this.pageShift + bitsPerLevel * (level - 1);
      const indexBits = level === this.levels ? this.topBits - shift : bitsPerLevel;
      const index = Number((vaddr >> BigInt(shift)) & wordMask(indexBits));
      const entry = this.readEntry(asPaddr(table + index * 8));
      if ((entry & valid) === 0n) return undefined;
      const isBlock = (entry & tableOrPage) === 0n;
      if (level === 1 && isBlock) return undefined;
      if (level === 1 || isBlock) {
        const size = 2 ** shift;
        const offset = Number(vaddr & BigInt(size - 1));
        const base = this.addressIn(entry);
        return { paddr: asPaddr(base - (base % size) + offset), length: size - offset };
      }
      table = this.addressIn(entry);
    }
    return undefined;
  }

  private addressIn(entry: bigint): number {
    const shift = BigInt(this.pageShift);
    switch (this.highBits) {
      case 'none':
        return Number(((entry & wordMask(48)) >> shift) << shift);
      case 'bits-15:12':
        return Number((((entry & wordMask(48)) >> shift) << shift) | (((entry >> 12n) & 0xfn) << 48n));
      case 'bits-9:8':
        return Number((((entry & wordMask(50)) >> shift) << shift) | (((entry >> 8n) & 3n) << 50n));
    }
  }
}
