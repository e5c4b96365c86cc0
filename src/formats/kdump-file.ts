/** One kdump-compressed file, opened: a whole dump, or one part of a split one. Layout: kdump-header.ts; pages: kdump-memory.ts. */
import { type ByteSource, readExact } from '../base/byte-source.ts';
import { latin1 } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import { asPfn } from '../base/units.ts';
import { type Arch, noteNames, type OpenOptions } from './dump.ts';
import { type Note, parseNotes } from './elf.ts';
import { KdumpBitmap } from './kdump-bitmap.ts';
import {
  type FileRegion,
  type KdumpHeader,
  kdumpSignature,
  kdumpStatus,
  readKdumpHeader,
} from './kdump-header.ts';
import { KdumpMemory } from './kdump-memory.ts';
import { maxNoteBytes, textWithoutPadding, vmcoreinfoText } from './notes.ts';

export const isKdump = (head: Uint8Array): boolean =>
  latin1(head.subarray(0, kdumpSignature.length)) === kdumpSignature;

/** Page frames that are RAM, and those that the dump holds. */
export interface KdumpBitmaps {
  readonly ram: KdumpBitmap;
  readonly dumped: KdumpBitmap;
}

export interface KdumpFile {
  readonly source: ByteSource;
  readonly header: KdumpHeader;
  readonly arch: Arch;
  readonly notes: readonly Note[];
  readonly vmcoreinfo: string | undefined;
  readonly bitmaps: KdumpBitmaps;
  readonly memory: KdumpMemory;
  /** Its writer says that it could not finish. */
  readonly incomplete: boolean;
}

/**
 * `first` is the first file of the same split dump: all of them carry the same bitmaps, which are then shared. E_USAGE when
 * they are not the same.
 */
export function openKdumpFile(source: ByteSource, options: OpenOptions, first?: KdumpFile): KdumpFile {
  const header = readKdumpHeader(source);
  const arch = archOf(header, source);
  const notes = readNotes(header, source);
  const vmcoreinfo = vmcoreinfoText(notes) ?? readVmcoreinfo(header, source);
  if (first !== undefined) checkSameDump(first, header, source);
  const bitmaps = first?.bitmaps ?? bitmapsOf(header, source);
  const memory = new KdumpMemory({
    source,
    pageSize: header.blockSize,
    littleEndian: header.littleEndian,
    descriptorsAt: bitmapsAt(header) + 2 * bitmapSize(header),
    ...bitmaps,
    part: header.split && { start: asPfn(header.split.start), end: asPfn(header.split.end) },
    codecs: options.codecs,
  });
  const incomplete = (header.status & kdumpStatus.incomplete) !== 0;
  if (!incomplete && options.cutShort === 'refuse') checkComplete(memory, source);
  return {
    source,
    header,
    arch,
    notes: withEraseinfo(withVmcoreinfo(notes, vmcoreinfo), header, source),
    vmcoreinfo,
    bitmaps,
    memory,
    incomplete,
  };
}

/** Versions before 4 have no notes, but may have vmcoreinfo: whoever copies the notes must not lose it. */
function withVmcoreinfo(notes: readonly Note[], vmcoreinfo: string | undefined): readonly Note[] {
  if (vmcoreinfo === undefined || notes.some(({ name }) => name === noteNames.vmcoreinfo)) return notes;
  return [...notes, { name: noteNames.vmcoreinfo, type: 0, data: new TextEncoder().encode(vmcoreinfo) }];
}

/** What filters erased has a place of its own in the header (since version 5); as a note it is what it is in ELF, and is copied as one. */
function withEraseinfo(notes: readonly Note[], header: KdumpHeader, source: ByteSource): readonly Note[] {
  const data = readRegion(source, header.eraseinfo, 'the erase information');
  return data.length === 0 ? notes : [...notes, { name: noteNames.eraseinfo, type: 0, data }];
}

function archOf(header: KdumpHeader, source: ByteSource): Arch {
  const { machine } = header.utsname;
  if (machine === 'x86_64') return 'x86_64';
  if (machine === 'aarch64') return 'arm64';
  throw new VmcoreError('E_UNSUPPORTED', `a dump of a "${machine.slice(0, 20)}" machine`, {
    file: source.name,
    hint: 'x86_64 and aarch64 dumps are read',
  });
}

function readNotes(header: KdumpHeader, source: ByteSource): Note[] {
  const bytes = readRegion(source, header.notes, 'the notes');
  return parseNotes(bytes, header.littleEndian, source.name, header.notes.offset);
}

function readVmcoreinfo(header: KdumpHeader, source: ByteSource): string | undefined {
  const bytes = readRegion(source, header.vmcoreinfo, 'vmcoreinfo');
  return bytes.length === 0 ? undefined : textWithoutPadding(bytes);
}

function readRegion(source: ByteSource, { offset, size }: FileRegion, what: string): Uint8Array {
  if (size > maxNoteBytes) {
    throw new VmcoreError('E_CORRUPT', `${what} of ${size} bytes`, { file: source.name, offset });
  }
  return size === 0 ? new Uint8Array() : readExact(source, offset, size, what);
}

const bitmapSize = (header: KdumpHeader): number => (header.bitmapBlocks / 2) * header.blockSize;
const bitmapsAt = (header: KdumpHeader): number => (1 + header.subHeaderBlocks) * header.blockSize;

function bitmapsOf(header: KdumpHeader, source: ByteSource): KdumpBitmaps {
  const bitmap = (n: 0 | 1): KdumpBitmap =>
    new KdumpBitmap({
      source,
      offset: bitmapsAt(header) + n * bitmapSize(header),
      end: asPfn(header.maxMapnr),
      name: `bitmap ${n + 1}`,
    });
  return { ram: bitmap(0), dumped: bitmap(1) };
}

/** Do two files come from one run of makedumpfile --split? Their times differ, their kernels and bitmaps do not. */
function checkSameDump(first: KdumpFile, header: KdumpHeader, source: ByteSource): void {
  const different = (what: string): VmcoreError =>
    new VmcoreError('E_USAGE', `is no part of the same dump as ${first.source.name}: ${what} differ`, {
      file: source.name,
      hint: 'give the files that one makedumpfile --split wrote',
    });
  const mine = first.header;
  if (header.blockSize !== mine.blockSize || header.maxMapnr !== mine.maxMapnr)
    throw different('their sizes');
  const { nodename, release, version } = header.utsname;
  if (
    nodename !== mine.utsname.nodename ||
    release !== mine.utsname.release ||
    version !== mine.utsname.version
  ) {
    throw different('the kernels');
  }
  if (!bitmapsOf(header, source).dumped.equals(first.bitmaps.dumped)) throw different('the pages');
}

/** How many of the last descriptors are looked at to find where the file must end. */
const lastDescriptors = 4096;

/**
 * The format records no length. Pages are written in pfn order, so the last descriptors reach furthest; all zero pages share
 * one early page, hence more than one is looked at.
 */
function checkComplete(memory: KdumpMemory, source: ByteSource): void {
  let end = 0;
  for (let n = memory.pageCount - 1; n >= Math.max(0, memory.pageCount - lastDescriptors); n--) {
    const descriptor = memory.descriptor(n);
    if (descriptor === undefined) {
      end = memory.descriptorsEnd;
      break;
    }
    end = Math.max(end, descriptor.offset + descriptor.size);
  }
  if (end > source.size) {
    throw new VmcoreError('E_TRUNCATED', `the pages reach to byte ${end}, the file has ${source.size}`, {
      file: source.name,
      offset: source.size,
      hint: 'copy the dump again, or read what is there with --cut-short',
    });
  }
}
