/**
 * Writes an ELF core: notes, and for every segment of the source the runs of it that are kept.
 *
 * A run of pages that is left out ends a PT_LOAD with p_filesz < p_memsz. Segments of the source may overlap (kernel text lies in a RAM
 * range): their pieces then point at the same bytes of the file.
 */
import type { ByteSink } from '../base/byte-sink.ts';
import { alignUp, putU64, viewOf } from '../base/bytes.ts';
import type { PfnRange } from '../base/units.ts';
import type { Arch } from './dump.ts';
import {
  ElfMachine,
  elfHeaderSize,
  encodeNotes,
  type Note,
  PN_XNUM,
  type ProgramHeader,
  programHeaderSize,
  putCoreHeader,
  putProgramHeader,
  SegmentType,
  sectionHeaderSize,
} from './elf.ts';
import { elfIncompleteFlag } from './elf-core.ts';

export interface ElfContents {
  readonly arch: Arch;
  readonly pageSize: number;
  readonly littleEndian: boolean;
  readonly notes: readonly Note[];
  /** PT_LOADs of the source. */
  readonly segments: readonly ProgramHeader[];
  /** Pages that follow with `addPages`, ascending. */
  readonly runs: readonly PfnRange[];
}

/** A run of kept pages, bytes, and where it goes in the file. */
interface FileRun {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
}

const dataAlignment = 16;

export class ElfWriter {
  private readonly sink: ByteSink;
  private readonly contents: ElfContents;
  private readonly notes: Uint8Array;
  private readonly segments: readonly ProgramHeader[];
  private at: number;
  private readonly dataAt: number;

  /** Writes all headers, marked incomplete; to a stream, where nothing can be written again, as they will be in the end. */
  constructor(sink: ByteSink, contents: ElfContents) {
    this.sink = sink;
    this.contents = contents;
    this.notes = encodeNotes(contents.notes, contents.littleEndian);
    const relative = fileRuns(contents.runs, contents.pageSize, 0);
    // The pieces do not depend on where the data starts, so their number is known before it.
    const count = 1 + contents.segments.reduce((sum, segment) => sum + pieces(segment, relative).length, 0);
    const headers = elfHeaderSize + count * programHeaderSize + (count >= PN_XNUM ? sectionHeaderSize : 0);
    const notesAt = headers;
    this.dataAt = dataOffset(notesAt + this.notes.length, contents.pageSize);
    const runs = fileRuns(contents.runs, contents.pageSize, this.dataAt);
    this.segments = [
      {
        type: SegmentType.note,
        flags: 0,
        offset: notesAt,
        vaddr: 0n,
        paddr: 0,
        fileSize: this.notes.length,
        memorySize: this.notes.length,
      },
      ...contents.segments.flatMap((segment) => pieces(segment, runs)),
    ];
    this.at = this.dataAt;
    this.writeHeaders(sink.rewritable ? elfIncompleteFlag : 0);
    sink.write(notesAt, this.notes);
  }

  /** The next pages of `runs`. */
  addPages(pages: Uint8Array): void {
    this.sink.write(this.at, pages);
    this.at += pages.length;
  }

  /** The last page was added. A dump is incomplete when pages of it were lost. */
  finish(what: 'complete' | 'incomplete'): void {
    const isComplete = what === 'complete';
    if (this.sink.rewritable === isComplete) this.writeHeaders(isComplete ? 0 : elfIncompleteFlag);
  }

  private writeHeaders(flags: number): void {
    const { littleEndian, arch } = this.contents;
    const count = this.segments.length;
    const extended = count >= PN_XNUM;
    const tableEnd = elfHeaderSize + count * programHeaderSize;
    const bytes = new Uint8Array(tableEnd + (extended ? sectionHeaderSize : 0));
    const view = viewOf(bytes);
    const machine = arch === 'x86_64' ? ElfMachine.x86_64 : ElfMachine.aarch64;
    putCoreHeader(view, machine, extended ? PN_XNUM : count, littleEndian);
    putU64(view, 40, extended ? tableEnd : 0, littleEndian);
    view.setUint32(48, flags, littleEndian);
    view.setUint16(58, extended ? sectionHeaderSize : 0, littleEndian);
    view.setUint16(60, extended ? 1 : 0, littleEndian);
    if (extended) view.setUint32(tableEnd + 44, count, littleEndian);
    this.segments.forEach((segment, i) => {
      putProgramHeader(view, elfHeaderSize + i * programHeaderSize, segment, littleEndian);
    });
    this.sink.write(0, bytes);
  }
}

/**
 * Never at a page boundary, nor does makedumpfile put it there. Pages that are aligned in the file it maps, and takes then the size of a
 * segment in memory for that in the file (offset_to_pt_load_end() in elf_info.c, 1.7.9): where pages were left out, it would read others, or
 * crash.
 */
function dataOffset(headersEnd: number, pageSize: number): number {
  const offset = alignUp(headersEnd, dataAlignment);
  return offset % pageSize === 0 ? offset + dataAlignment : offset;
}

function fileRuns(ranges: readonly PfnRange[], pageSize: number, dataAt: number): FileRun[] {
  let offset = dataAt;
  return ranges.map(({ start, end }) => {
    const run = { start: start * pageSize, end: end * pageSize, offset };
    offset += run.end - run.start;
    return run;
  });
}

/** A source segment, cut at the starts of the runs in it. Together the pieces cover the whole segment. */
function pieces(segment: ProgramHeader, runs: readonly FileRun[]): ProgramHeader[] {
  const end = segment.paddr + segment.memorySize;
  const first = firstEndingAfter(runs, segment.paddr);
  let last = first;
  while (last < runs.length && runs[last]!.start < end) last++;
  const found = runs.slice(first, last);
  const piece = (from: number, to: number, run: FileRun | undefined): ProgramHeader => ({
    ...segment,
    vaddr: segment.vaddr + BigInt(from - segment.paddr),
    paddr: from,
    memorySize: to - from,
    offset: run === undefined ? 0 : run.offset + (from - run.start),
    fileSize: run === undefined ? 0 : Math.min(run.end, to) - from,
  });
  const list: ProgramHeader[] = [];
  const firstStart = Math.max(found[0]?.start ?? end, segment.paddr);
  if (firstStart > segment.paddr) list.push(piece(segment.paddr, firstStart, undefined));
  found.forEach((run, i) => {
    list.push(piece(Math.max(run.start, segment.paddr), Math.min(found[i + 1]?.start ?? end, end), run));
  });
  return list;
}

function firstEndingAfter(runs: readonly FileRun[], paddr: number): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (runs[middle]!.end > paddr) high = middle;
    else low = middle + 1;
  }
  return low;
}
