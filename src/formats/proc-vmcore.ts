/**
 * /proc/vmcore: the file that the capture kernel makes of the crashed kernel's memory and its ELF core header, byte for byte.
 *
 *   0         file header and program headers: all PT_NOTEs merged into the first, PT_LOADs with offsets into this file; zeros to the page
 *   next page the notes, one behind the other without gaps; zeros to the page
 *   next page the memory of each PT_LOAD in turn, from the page it begins in to the page it ends in
 *
 * Memory that is in two PT_LOADs (the kernel's image, which is also RAM) is there twice. Nothing is copied: memory is read when it is
 * asked for.
 *
 * Source of truth: fs/proc/vmcore.c (parse_crash_elf64_headers, update_note_header_size_elf64, merge_note_headers_elf64,
 * process_ptload_program_headers_elf64), which lays out the same from 4.18 to 7.2, but for p_align of the notes, 0 up to 6.4 and 4 since 6.5
 * (60592fb6b67c). Not in it, because not in memory: the dumps that drivers add in the capture kernel (VMCOREDD notes), and what
 * virtio-mem or Xen have unplugged, which the capture kernel shows as zeros.
 */
import type { ByteSource } from '../base/byte-source.ts';
import { alignDown, alignUp, putU64, viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import { hex } from '../base/units.ts';
import {
  ElfType,
  elfHeaderSize,
  isElf,
  type ProgramHeader,
  parseNotes,
  programHeaderCountOffset,
  programHeaderSize,
  programHeadersIn,
  putProgramHeader,
  SegmentType,
} from './elf.ts';
import { maxNoteBytes, pageSizeOf, vmcoreinfoText } from './notes.ts';
import type { RamImage } from './ram-image.ts';

/** What the capture kernel would be; by default the kernel that crashed, as VMCOREINFO names it. */
export interface CaptureKernel {
  readonly pageSize?: number;
  /** Such as `6.1.0-50-amd64`. */
  readonly release?: string;
}

/** Where p_offset is in a program header. */
const offsetField = 8;

/** A piece of memory in the file, whole pages. */
interface Chunk {
  readonly offset: number;
  readonly paddr: number;
  readonly size: number;
}

/** An ELF core header as it lies in memory: file header and program headers, `bytes`, and what they say. */
export interface CoreHeader {
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
  readonly segments: readonly ProgramHeader[];
}

/**
 * The ELF core header at physical address `address`, with the checks of the capture kernel. E_UNREADABLE when the address is not in the
 * image, E_NOT_A_DUMP when there is no header, E_CORRUPT when it is broken, E_TRUNCATED when it reaches behind the end.
 */
export function readCoreHeader(memory: RamImage, address: number): CoreHeader {
  const file = memory.source.name;
  const head = new Uint8Array(elfHeaderSize);
  if (memory.read(address, head) < elfHeaderSize) {
    const banks = memory.banks.map(({ paddr, size }) => `${hex(paddr)}-${hex(paddr + size)}`).join(', ');
    throw new VmcoreError('E_UNREADABLE', `address ${hex(address)} is not in the image, which has ${banks}`, {
      file,
      hint: 'check the address of the ELF core header and the memory layout',
    });
  }
  if (!isElf(head)) {
    throw new VmcoreError('E_NOT_A_DUMP', `no ELF core header at address ${hex(address)}`, {
      file,
      hint: "give the address that the capture kernel's command line has in elfcorehdr=",
    });
  }
  const view = viewOf(head);
  const littleEndian = head[5] === 1;
  const corrupt = (what: string): VmcoreError =>
    new VmcoreError('E_CORRUPT', `the ELF core header at ${hex(address)} ${what}`, { file });
  if (head[4] !== 2) {
    throw new VmcoreError('E_UNSUPPORTED', `the ELF core header at ${hex(address)} is a 32-bit one`, {
      file,
    });
  }
  if (head[5] !== 1 && head[5] !== 2) throw corrupt(`has byte order ${head[5]}`);
  if (view.getUint16(16, littleEndian) !== ElfType.core) throw corrupt('is not of a core file');
  if (head[6] !== 1 || view.getUint32(20, littleEndian) !== 1) throw corrupt('has an unknown version');
  const sizes = [52, 54].map((at) => view.getUint16(at, littleEndian));
  if (sizes[0] !== elfHeaderSize || sizes[1] !== programHeaderSize)
    throw corrupt('has headers of other sizes');
  const count = view.getUint16(programHeaderCountOffset, littleEndian);
  if (count === 0) throw corrupt('has no program headers');

  // The kernel takes them from right behind the file header, whatever e_phoff says.
  const bytes = new Uint8Array(elfHeaderSize + count * programHeaderSize);
  if (memory.read(address, bytes) < bytes.length) {
    throw new VmcoreError('E_TRUNCATED', `the ELF core header at ${hex(address)} reaches out of the memory`, {
      file,
    });
  }
  return { bytes, littleEndian, segments: programHeaders(bytes, littleEndian) };
}

/** Those that follow the file header at the beginning of `bytes`. */
const programHeaders = (bytes: Uint8Array, littleEndian: boolean): ProgramHeader[] =>
  programHeadersIn(viewOf(bytes.subarray(elfHeaderSize)), littleEndian);

/**
 * The file /proc/vmcore, over the memory of a machine whose ELF core header is at `address`. Errors of `readCoreHeader`; E_CORRUPT when the
 * header has no notes or impossible ones; E_TRUNCATED, naming the first address, when it describes memory that the image does not have.
 */
export function openProcVmcore(memory: RamImage, address: number, capture: CaptureKernel = {}): ByteSource {
  const header = readCoreHeader(memory, address);
  const notes = mergeNotes(memory, header);
  const vmcoreinfo = vmcoreinfoText(parseNotes(notes, header.littleEndian, memory.source.name, 0));
  const pageSize = capture.pageSize ?? pageSizeOf(vmcoreinfo);
  const release = capture.release ?? /^OSRELEASE=(.*)$/m.exec(vmcoreinfo ?? '')?.[1] ?? '';
  return new ProcVmcore(memory, header, notes, { pageSize, notesAlign: notesAlignOf(release) });
}

/** All notes of all PT_NOTEs, each area up to its first note without a name or the first one that runs over its end. */
function mergeNotes(memory: RamImage, { segments, littleEndian }: CoreHeader): Uint8Array {
  const file = memory.source.name;
  const areas = segments.filter(({ type }) => type === SegmentType.note);
  if (areas.length === 0) {
    throw new VmcoreError('E_CORRUPT', 'the ELF core header has no notes', { file });
  }
  const parts = areas.map(({ offset, memorySize }) => {
    if (memorySize > maxNoteBytes) {
      throw new VmcoreError('E_CORRUPT', `a note area of ${memorySize} bytes`, { file });
    }
    const area = new Uint8Array(memorySize);
    if (memory.read(offset, area) < memorySize) throw notInImage(memory, offset, offset + memorySize);
    return area.subarray(0, usedByNotes(area, littleEndian));
  });
  const merged = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    merged.set(part, at);
    at += part.length;
  }
  return merged;
}

function usedByNotes(area: Uint8Array, littleEndian: boolean): number {
  const view = viewOf(area);
  let used = 0;
  while (used + 12 <= area.length) {
    const nameSize = view.getUint32(used, littleEndian);
    const dataSize = view.getUint32(used + 4, littleEndian);
    const size = 12 + alignUp(nameSize, 4) + alignUp(dataSize, 4);
    if (nameSize === 0 || used + size > area.length) break;
    used += size;
  }
  return used;
}

function notesAlignOf(release: string): number {
  const [, major = '', minor = ''] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 5) ? 4 : 0;
}

const notInImage = (memory: RamImage, start: number, end: number): VmcoreError =>
  new VmcoreError(
    'E_TRUNCATED',
    `memory at ${hex(memory.firstMissing(start, end) ?? start)} is not in the image`,
    {
      file: memory.source.name,
      hint: 'copy the image again, or give the layout that its machine had',
    },
  );

class ProcVmcore implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly nextData?: (offset: number) => number;
  private readonly memory: RamImage;
  /** Headers and notes, with their padding. */
  private readonly beginning: Uint8Array;
  /** Ascending, without gaps, from the end of the beginning on. */
  private readonly chunks: readonly Chunk[];

  constructor(
    memory: RamImage,
    header: CoreHeader,
    notes: Uint8Array,
    { pageSize, notesAlign }: { readonly pageSize: number; readonly notesAlign: number },
  ) {
    this.memory = memory;
    this.name = memory.source.name;
    const noteCount = header.segments.filter(({ type }) => type === SegmentType.note).length;
    const count = header.segments.length - noteCount + 1;
    const headersEnd = elfHeaderSize + count * programHeaderSize;
    const notesAt = alignUp(headersEnd, pageSize);
    this.beginning = new Uint8Array(notesAt + alignUp(notes.length, pageSize));
    this.beginning.set(notes, notesAt);
    // As the kernel does it: the merged PT_NOTE is the first header, and as many as there were notes are taken out from there on.
    this.beginning.set(header.bytes.subarray(0, elfHeaderSize));
    const kept = header.bytes.subarray(elfHeaderSize + noteCount * programHeaderSize);
    this.beginning.set(kept, elfHeaderSize + programHeaderSize);
    const view = viewOf(this.beginning);
    view.setUint16(programHeaderCountOffset, count, header.littleEndian);
    const note = {
      type: SegmentType.note,
      flags: 0,
      offset: notesAt,
      vaddr: 0n,
      paddr: 0,
      fileSize: notes.length,
      memorySize: notes.length,
    };
    putProgramHeader(view, elfHeaderSize, note, header.littleEndian, notesAlign);

    let offset = this.beginning.length;
    this.chunks = programHeaders(this.beginning.subarray(0, headersEnd), header.littleEndian).flatMap(
      (segment, i) => {
        if (segment.type !== SegmentType.load) return [];
        const { offset: paddr, memorySize } = segment;
        const start = alignDown(paddr, pageSize);
        const size = alignUp(paddr + memorySize, pageSize) - start;
        if (memory.firstMissing(paddr, paddr + memorySize) !== undefined)
          throw notInImage(memory, paddr, paddr + memorySize);
        const at = elfHeaderSize + i * programHeaderSize + offsetField;
        putU64(view, at, offset + (paddr - start), header.littleEndian);
        const chunk = { offset, paddr: start, size };
        offset += size;
        return size > 0 ? [chunk] : [];
      },
    );
    this.size = offset;
    if (memory.source.nextData !== undefined) this.nextData = (from) => this.nextDataFrom(from);
  }

  read(offset: number, into: Uint8Array): number {
    const end = Math.min(offset + into.length, this.size);
    let at = offset;
    while (at < end) {
      const part = into.subarray(at - offset, end - offset);
      at += at < this.beginning.length ? this.readBeginning(at, part) : this.readMemory(at, part);
    }
    return Math.max(0, end - offset);
  }

  close(): void {
    this.memory.source.close();
  }

  private readBeginning(at: number, into: Uint8Array): number {
    const bytes = this.beginning.subarray(at, at + into.length);
    into.set(bytes);
    return bytes.length;
  }

  private readMemory(at: number, into: Uint8Array): number {
    const { offset, paddr, size } = this.chunkAt(at)!;
    const part = into.subarray(0, Math.min(into.length, offset + size - at));
    const from = paddr + (at - offset);
    let done = 0;
    while (done < part.length) {
      const got = this.memory.read(from + done, part.subarray(done));
      done += got;
      if (got > 0) continue;
      // Only the rest of a page can be outside of the image, at either end of a range that does not fill its pages.
      if (this.memory.firstMissing(from + done, from + done + 1) === undefined) {
        throw new VmcoreError('E_TRUNCATED', 'became shorter while it was read', { file: this.name });
      }
      part[done++] = 0;
    }
    return part.length;
  }

  private nextDataFrom(from: number): number {
    for (let at = from; at < this.size; ) {
      const chunk = this.chunkAt(at);
      if (chunk === undefined) return at;
      const start = chunk.paddr + (at - chunk.offset);
      const next = this.memory.nextData(start, chunk.paddr + chunk.size);
      if (next === start) return at;
      at += next - start;
    }
    return this.size;
  }

  /** The piece of memory at byte `at` of the file. */
  private chunkAt(at: number): Chunk | undefined {
    if (at < this.beginning.length || at >= this.size) return undefined;
    let low = 0;
    let high = this.chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.chunks[middle]!.offset <= at) low = middle;
      else high = middle - 1;
    }
    return this.chunks[low];
  }
}
