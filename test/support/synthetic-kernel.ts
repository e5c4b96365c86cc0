/**
 * A small kernel that never ran: memory, page tables that map all of it where Linux would, and vmcoreinfo that tells. Other
 * builders (printk-ring.ts, mem-map.ts) put their structures into it. described-kernel.ts builds whole kernels from text.
 */
import type { Dump } from '../../src/formats/dump.ts';
import type { Note, ProgramHeader } from '../../src/formats/elf.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import {
  type AddressSpace,
  arm64AddressSpace,
  kernelText,
  type Machine,
  x86AddressSpace,
} from './address-space.ts';
import { concat, elfFile, noteBytes, vmcoreinfoNote } from './elf-file.ts';
import { fakeDump } from './fake-dump.ts';
import { type RamRange, SparseMemory } from './sparse-memory.ts';
import { type InfoLines, vmcoreinfoText } from './vmcoreinfo-text.ts';
import type { X86PageTables } from './x86-page-tables.ts';

export { kernelText };
/** Where the kernel made without options has its direct map and vmemmap (4 levels, without KASLR). */
export const directMap = 0xffff_8880_0000_0000n;
export const vmemmap = 0xffff_ea00_0000_0000n;

const mebibyte = 0x10_0000;
/** As in a real 6.1 dump: the kernel lies 60 MiB below its link address. */
const plainMachine: Machine = { arch: 'x86_64', levels: 4, physBase: -60n * BigInt(mebibyte) };

export interface SyntheticKernelOptions {
  /** OSRELEASE: decides where things lie, and which keys vmcoreinfo has. */
  readonly release?: string;
  readonly machine?: Machine;
  readonly ram?: readonly RamRange[];
  /** The builders' structures are put here, one after the other; the rest of RAM is the test's. */
  readonly firstFree?: number;
}

export class SyntheticKernel {
  readonly release: string;
  readonly memory: SparseMemory;
  readonly ram: readonly RamRange[];
  readonly space: AddressSpace;
  readonly info: Record<string, string | number | bigint> = {};
  private readonly x86Tables: X86PageTables | undefined;
  private readonly mappedImage = new Set<number>();
  private nextFree: number;

  /** x86_64 with 16 MiB of RAM from 0 on when not told otherwise, of which the builders use the upper half. */
  constructor({
    release = '6.1.0-test',
    machine = plainMachine,
    ram = [{ start: 0, end: 16 * mebibyte }],
    firstFree = 8 * mebibyte,
  }: SyntheticKernelOptions = {}) {
    const pageSize = machine.arch === 'x86_64' ? 4096 : machine.pageSize;
    this.release = release;
    this.ram = ram;
    this.memory = new SparseMemory(ram, pageSize);
    this.nextFree = firstFree;
    const at = { memory: this.memory, ram, allocatePage: () => this.allocate(pageSize, pageSize) };
    if (machine.arch === 'x86_64') {
      const space = x86AddressSpace(machine, release, at);
      this.space = space;
      this.x86Tables = space.tables;
    } else this.space = arm64AddressSpace(machine, release, at);
    this.addInfo({ OSRELEASE: release, PAGESIZE: pageSize }, this.space.info, { CRASHTIME: 1795305331 });
  }

  /** The page tables of an x86_64 kernel, for tests of what they can hold. */
  get tables(): X86PageTables {
    if (this.x86Tables === undefined) throw new Error('an arm64 kernel has no x86_64 page tables');
    return this.x86Tables;
  }

  /** Physical address of `size` bytes that nobody else uses. */
  allocate(size: number, alignment = 8): number {
    const at = Math.ceil(this.nextFree / alignment) * alignment;
    this.nextFree = at + size;
    return at;
  }

  /** One past the last byte that the builders have taken. */
  get allocatedEnd(): number {
    return this.nextFree;
  }

  /** Puts bytes somewhere and returns their address in the direct map. */
  place(bytes: Uint8Array): bigint {
    const paddr = this.allocate(bytes.length);
    this.memory.put(paddr, bytes);
    return this.space.directMap + BigInt(paddr);
  }

  /** A variable of the kernel: its bytes are put somewhere, and its address is one of the kernel image. */
  placeVariable(bytes: Uint8Array): bigint {
    const { pageSize } = this.memory;
    const paddr = this.allocate(bytes.length);
    this.memory.put(paddr, bytes);
    const address = (at: number): bigint => BigInt.asUintN(64, this.space.imageOffset + BigInt(at));
    for (let page = paddr - (paddr % pageSize); page < paddr + bytes.length; page += pageSize) {
      if (!this.mappedImage.has(page)) this.space.mapPage(address(page), page);
      this.mappedImage.add(page);
    }
    return address(paddr);
  }

  addInfo(...groups: readonly InfoLines[]): void {
    Object.assign(this.info, ...groups);
  }

  private get vmcoreinfo(): string {
    return vmcoreinfoText(this.info);
  }

  /** What an ELF dump of this kernel says of its RAM; offsets are 0, for there is no file. */
  get segments(): ProgramHeader[] {
    return this.ram.map(({ start, end }) => ({
      type: 1,
      flags: 7,
      offset: 0,
      vaddr: BigInt.asUintN(64, this.space.directMap + BigInt(start)),
      paddr: start,
      fileSize: end - start,
      memorySize: end - start,
    }));
  }

  dump(notes: readonly Note[] = []): Dump {
    const { arch } = this.space;
    return fakeDump({
      arch,
      memory: this.memory,
      vmcoreinfo: this.vmcoreinfo,
      notes,
      segments: this.segments,
    });
  }

  kernel(): Kernel {
    return new Kernel(this.dump());
  }

  /** NT_PRSTATUS of two CPUs, and vmcoreinfo. */
  get notes(): Uint8Array {
    const prstatus = noteBytes('CORE', 1, new Uint8Array(this.space.arch === 'x86_64' ? 336 : 392));
    return concat(prstatus, prstatus, vmcoreinfoNote(this.vmcoreinfo));
  }

  /** All of it as an ELF vmcore, as /proc/vmcore would show it. */
  elf(): Uint8Array {
    const segments = this.segments.map(({ paddr, vaddr, fileSize }) => {
      const data = new Uint8Array(fileSize);
      this.memory.peek(paddr, data);
      return { paddr, vaddr, data };
    });
    return elfFile({ machine: this.space.arch === 'x86_64' ? 62 : 183, notes: this.notes, segments });
  }
}
