/**
 * A dump with the crashed kernel's own view of it: vmcoreinfo, and reads by kernel virtual address.
 *
 * Everything is made on first use, so that a question costs only what it needs.
 */
import { viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import { asPaddr, asVaddr, hex, type Paddr, type Vaddr } from '../base/units.ts';
import type { Dump } from '../formats/dump.ts';
import { PageCache, unreadable } from './page-cache.ts';
import type { Mapping, Paging, ReadEntry } from './paging/paging.ts';
import { Arm64Paging } from './paging/paging-arm64.ts';
import { X86Paging } from './paging/paging-x86_64.ts';
import { Vmcoreinfo } from './vmcoreinfo.ts';

/** No page is smaller on any architecture. */
const pageShift = 12n;
const pageMask = 0xfffn;
/** 16 MiB of memory in small pages. */
const maxTranslated = 4096;

export class Kernel {
  readonly dump: Dump;
  readonly info: Vmcoreinfo;
  private readonly cache: PageCache;
  private readonly paging: Paging;
  /** By virtual address without its lowest 12 bits: structures are read a few bytes at a time, and tables do not change. */
  private readonly translated = new Map<bigint, Mapping>();

  /** E_NO_INFO when the dump carries no vmcoreinfo, or too little of it to translate addresses. */
  constructor(dump: Dump) {
    this.dump = dump;
    if (dump.vmcoreinfo === undefined) {
      throw new VmcoreError('E_NO_INFO', 'has no VMCOREINFO note, so nothing in it can be found', {
        file: dump.source.name,
        hint: 'makedumpfile -x VMLINUX or -i VMCOREINFO can do without; makedumpfile -d 1 needs no knowledge',
      });
    }
    this.info = new Vmcoreinfo(dump.vmcoreinfo, dump.source.name);
    this.cache = new PageCache(dump);
    this.paging = this.pagingFrom();
  }

  /** Translation by a process's page tables: `pgd` is mm_struct.pgd. E_UNREADABLE when that is no address of the kernel. */
  addressSpace(pgd: Vaddr): Paging {
    return this.pagingFrom(this.translate(pgd).paddr);
  }

  /** By the kernel's own tables, or by those that begin at a physical address. */
  private pagingFrom(root?: Paddr): Paging {
    const { dump, info, cache } = this;
    const entry = new Uint8Array(8);
    const entryView = viewOf(entry);
    const readEntry: ReadEntry = (paddr) => {
      cache.read(paddr, entry);
      return entryView.getBigUint64(0, dump.littleEndian);
    };
    return dump.arch === 'x86_64'
      ? new X86Paging(info, readEntry, root)
      : new Arm64Paging(info, dump.memory.pageSize, readEntry, root);
  }

  /** Where a virtual address lies. E_UNREADABLE when it is not mapped. */
  translate(vaddr: Vaddr): Mapping {
    const mapping = this.tryTranslate(vaddr);
    if (mapping !== undefined) return mapping;
    throw new VmcoreError('E_UNREADABLE', `kernel address ${hex(vaddr)} is not mapped`, {
      file: this.dump.source.name,
    });
  }

  /** Like `translate`, but undefined when the address is not mapped. */
  tryTranslate(vaddr: Vaddr): Mapping | undefined {
    const page = BigInt.asUintN(64, vaddr >> pageShift);
    const known = this.translated.get(page);
    if (known !== undefined) {
      const inPage = Number(vaddr & pageMask);
      return { paddr: asPaddr(known.paddr + inPage), length: known.length - inPage };
    }
    const mapping = this.paging.translate(vaddr);
    if (mapping === undefined) return undefined;
    if (this.translated.size >= maxTranslated) this.translated.clear();
    const inPage = Number(vaddr & pageMask);
    this.translated.set(page, { paddr: asPaddr(mapping.paddr - inPage), length: mapping.length + inPage });
    return mapping;
  }

  /** Reads `length` bytes at a virtual address, through the page cache. E_UNREADABLE when any of them is not there. */
  read(vaddr: Vaddr, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const { paddr, length: unbroken } = this.translate(asVaddr(vaddr + BigInt(done)));
      const part = bytes.subarray(done, done + Math.min(unbroken, length - done));
      this.cache.read(paddr, part);
      done += part.length;
    }
    return bytes;
  }

  readPointer(vaddr: Vaddr): Vaddr {
    return asVaddr(viewOf(this.read(vaddr, 8)).getBigUint64(0, this.dump.littleEndian));
  }

  /**
   * Fills `into` from a virtual address on, in as few reads of the dump as the mapping allows, past the page cache: for
   * arrays of megabytes. E_UNREADABLE as above.
   */
  readBulk(vaddr: Vaddr, into: Uint8Array): void {
    const { memory } = this.dump;
    for (let done = 0; done < into.length; ) {
      const { paddr, length: unbroken } = this.translate(asVaddr(vaddr + BigInt(done)));
      const part = into.subarray(done, done + Math.min(unbroken, into.length - done));
      const got = memory.read(paddr, part);
      if (got < part.length) throw unreadable(this.dump, Math.floor((paddr + got) / memory.pageSize));
      done += part.length;
    }
  }
}
