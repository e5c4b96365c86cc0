/**
 * What every dump format opens to, and what "reading physical memory" answers.
 *
 * A page of a dump is one of five things, and nothing in the project turns any of them into silent zeros:
 *   present   the bytes are in the file
 *   excluded  RAM that the filter left out on purpose (dump level)
 *   absent    not RAM, or not described by the dump
 *   lost      should be in the file, but the dump was cut short while it was written
 *   corrupt   is in the file, but does not decompress or points outside it
 */
import type { ByteSource } from '../base/byte-source.ts';
import type { PfnBitmap } from '../base/pfn-bitmap.ts';
import type { Paddr, Pfn, PfnRange } from '../base/units.ts';
import type { PageCodecs } from '../codecs/page-codec.ts';
import type { Note, ProgramHeader } from './elf.ts';

export type PageState = 'present' | 'excluded' | 'absent' | 'lost' | 'corrupt';

export type Arch = 'x86_64' | 'arm64';

export interface PhysicalMemory {
  /** Bytes. */
  readonly pageSize: number;
  /** One past the highest page frame the dump describes. */
  readonly endPfn: Pfn;
  /**
   * Copies from `paddr` on into `into`, up to the first page that is not present, and returns the number of bytes.
   * Where it stopped, `state` tells why.
   */
  read(paddr: Paddr, into: Uint8Array): number;
  state(pfn: Pfn): PageState;
  /** Sets the bits of all page frames that are RAM, whether the dump has their bytes or not. */
  markRam(into: PfnBitmap): void;
  /** Sets the bits of the page frames whose bytes the dump holds (lost and corrupt pages included). */
  markPresent(into: PfnBitmap): void;
  /** How many page frames those are, without a bitmap of all of them: memory may be said to reach anywhere. */
  countPages(): PageCounts;
  /** Ranges that all RAM lies in, ascending and apart; what is between them need not be looked at. There may be holes in them. */
  ramRanges(): Iterable<PfnRange>;
}

export interface PageCounts {
  readonly ram: number;
  readonly present: number;
}

export interface Dump {
  /** Short name of the file format: "elf", "kdump", "kcore". */
  readonly format: string;
  readonly arch: Arch;
  readonly source: ByteSource;
  readonly littleEndian: boolean;
  readonly memory: PhysicalMemory;
  /** NT_PRSTATUS of each CPU that was online, VMCOREINFO, and whatever else the kernel left. */
  readonly notes: readonly Note[];
  /** The text of the VMCOREINFO note; undefined when the dump has none. */
  readonly vmcoreinfo: string | undefined;
  /** PT_LOADs, where the format has them: the only place that tells which virtual addresses the kernel gave its RAM. */
  readonly segments: readonly ProgramHeader[];
  describe(): DumpDescription;
}

/** What the container itself says, without interpreting the memory in it. */
export interface DumpDescription {
  readonly format: string;
  /** e.g. "kdump-compressed, version 6". */
  readonly detail: string;
  readonly arch: Arch;
  readonly pageSize: number;
  /** The dump level it was written with, where the format records it. */
  readonly dumpLevel: number | undefined;
  /** "used": struct pages of pages that were left out were left out too (makedumpfile -e), where the format records it. */
  readonly vmemmap?: 'all' | 'used';
  /** Set by a writer that ran out of space or was stopped. */
  readonly incomplete: boolean;
  /** The codec of its pages; "none" when they are stored as they are, undefined when the format has no codecs. */
  readonly compression: string | undefined;
  /** Number of CPUs, where a header says so: dumps of old makedumpfiles have it and no notes. */
  readonly cpus?: number;
  /** Pages known to be all zeros without reading them; undefined when the format does not tell. */
  readonly zeroPages: number | undefined;
}

export interface OpenOptions {
  readonly codecs: PageCodecs;
  /** Open a file that ends before its headers say, and answer "lost" for what is missing. */
  readonly cutShort: 'refuse' | 'accept';
}

/** One file format. "Not this format" (probe is false) is a different answer from "this format, but broken" (open throws). */
export interface DumpFormat {
  readonly name: string;
  /** `head` is the beginning of the file, at most 4096 bytes. */
  probe(head: Uint8Array): boolean;
  open(source: ByteSource, options: OpenOptions): Dump;
}

export const noteNames = { core: 'CORE', vmcoreinfo: 'VMCOREINFO', eraseinfo: 'ERASEINFO' } as const;
/** NT_PRSTATUS of include/uapi/linux/elf.h. */
export const NT_PRSTATUS = 1;

export const cpuNotes = (notes: readonly Note[]): readonly Note[] =>
  notes.filter((note) => note.type === NT_PRSTATUS && note.name === noteNames.core);
