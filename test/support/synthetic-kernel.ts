/**
 * A small x86_64 kernel that never ran: memory, page tables that map all of it where Linux would, and vmcoreinfo that tells. Other
 * builders (printk-ring.ts, mem-map.ts) put their structures into it.
 */
import type { Dump } from '../../src/formats/dump.ts';
import type { Note } from '../../src/formats/elf.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { fakeDump } from './fake-dump.ts';
import { type RamRange, SparseMemory } from './sparse-memory.ts';
import { type InfoLines, vmcoreinfoText } from './vmcoreinfo-text.ts';
import { X86PageTables } from './x86-page-tables.ts';

/** Documentation/arch/x86/x86_64/mm.rst, 4 levels, without KASLR. */
export const directMap = 0xffff_8880_0000_0000n;
export const vmemmap = 0xffff_ea00_0000_0000n;
export const kernelText = 0xffff_ffff_8000_0000n;

const mebibyte = 0x10_0000;
/** As in a real 6.1 dump: the kernel lies 60 MiB below its link address. */
const physBase = -60n * BigInt(mebibyte);

export interface SyntheticKernelOptions {
  readonly ram?: readonly RamRange[];
  /** The builders' structures are put here, one after the other; the rest of RAM is the test's. */
  readonly firstFree?: number;
}

export class SyntheticKernel {
  readonly memory: SparseMemory;
  readonly tables: X86PageTables;
  readonly info: Record<string, string | number | bigint> = {};
  private nextFree: number;

  /** 16 MiB of RAM from 0 on when not told otherwise, of which the builders use the upper half. */
  constructor({
    ram = [{ start: 0, end: 16 * mebibyte }],
    firstFree = 8 * mebibyte,
  }: SyntheticKernelOptions = {}) {
    this.memory = new SparseMemory(ram);
    this.nextFree = firstFree;
    this.tables = new X86PageTables(this.memory, () => this.allocate(4096, 4096), { levels: 4 });
    for (const { start, end } of ram) {
      for (let at = start; at < end; at += 0x20_0000) this.tables.map(directMap + BigInt(at), at, 0x20_0000);
    }
    Object.assign(this.info, {
      OSRELEASE: '6.1.0-test',
      PAGESIZE: 4096,
      'SYMBOL(init_top_pgt)': BigInt.asUintN(64, kernelText + BigInt(this.tables.root) - physBase),
      'NUMBER(phys_base)': physBase,
      'NUMBER(pgtable_l5_enabled)': 0,
      'NUMBER(sme_mask)': 0,
      CRASHTIME: 1795305331,
    } satisfies InfoLines);
  }

  /** Physical address of `size` bytes that nobody else uses. */
  allocate(size: number, alignment = 8): number {
    const at = Math.ceil(this.nextFree / alignment) * alignment;
    this.nextFree = at + size;
    return at;
  }

  /** Puts bytes somewhere and returns their address in the direct map. */
  place(bytes: Uint8Array): bigint {
    const paddr = this.allocate(bytes.length);
    this.memory.put(paddr, bytes);
    return directMap + BigInt(paddr);
  }

  addInfo(...groups: readonly InfoLines[]): void {
    Object.assign(this.info, ...groups);
  }

  dump(notes: readonly Note[] = []): Dump {
    return fakeDump({ memory: this.memory, vmcoreinfo: vmcoreinfoText(this.info), notes });
  }

  kernel(): Kernel {
    return new Kernel(this.dump());
  }
}
