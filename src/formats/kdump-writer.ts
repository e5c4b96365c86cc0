/**
 * Writes a kdump-compressed file, version 6: headers, then bitmaps window by window, then pages in pfn order, already compressed.
 *
 * The header goes out first with its "incomplete" bit set and is written again without it at the very end. Page data reaches the sink
 * before the descriptors that point at it, and the descriptors' room is taken before the data, so that it is there when the disk is full.
 * So whatever stops the writer, what is there can be read, and says of itself that it is not everything.
 *
 * To a stream, every byte is written once: the header says from the start what it will say in the end, and that the stream broke off is
 * told by the end record that is missing. Where nothing is written, its readers see zeros.
 */
import type { ByteSink } from '../base/byte-sink.ts';
import { alignUp } from '../base/bytes.ts';
import type { PfnBitmap } from '../base/pfn-bitmap.ts';
import type { Pfn, PfnRange } from '../base/units.ts';
import { type CodecName, codecFlags } from '../codecs/page-codec.ts';
import { noteNames } from './dump.ts';
import { encodedNoteSize, encodeNotes, type Note, noteDataOffset } from './elf.ts';
import {
  encodeKdumpHeader,
  type FileRegion,
  type KdumpHeader,
  kdumpStatus,
  kdumpSubHeaderSize,
  kdumpVersion,
  pageDescriptorSize,
  type Utsname,
} from './kdump-header.ts';
import { textWithoutPadding } from './notes.ts';
import { PageDescriptors } from './page-descriptors.ts';

export interface KdumpContents {
  readonly utsname: Utsname;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly pageSize: number;
  readonly littleEndian: boolean;
  readonly cpus: number;
  readonly physBase: bigint;
  readonly dumpLevel: number;
  /** An ERASEINFO note becomes the header's erase information. */
  readonly notes: readonly Note[];
  /** One past the highest page frame of the dump. */
  readonly endPfn: Pfn;
  /** The codec of the pages that were compressed; undefined when none was. */
  readonly codec: CodecName | undefined;
  /** "used": without the parts of the vmemmap that describe no page of the dump. */
  readonly vmemmap: 'all' | 'used';
}

/** Consecutive pages of the dump, as a codec left them. */
export interface PageBatch {
  /** One for each page: 0 for a page of zeros that shares its bytes, the page size for a stored page, else the compressed size. */
  readonly sizes: Uint32Array;
  /** The pages that have bytes, one after the other. */
  readonly data: Uint8Array;
  /** Indices of pages whose bytes could not be had: readers will see them as lost, whatever their size. */
  readonly lost: ReadonlySet<number>;
}

const reserveStep = 1 << 20;

export class KdumpWriter {
  private readonly sink: ByteSink;
  private header: KdumpHeader;
  private readonly bitmapsAt: number;
  /** Bytes of one bitmap, in whole blocks. */
  private readonly bitmapBytes: number;
  private readonly descriptors: PageDescriptors;
  /** Where the next descriptor and the next page go. */
  private descriptorsAt: number;
  private dataAt: number;
  /** The page of zeros that all such pages share. */
  private zeroPageAt: number;

  /** Writes the headers. */
  constructor(sink: ByteSink, contents: KdumpContents) {
    const { pageSize } = contents;
    this.sink = sink;
    const kept = contents.notes.filter(({ name }) => name !== noteNames.eraseinfo);
    const notes = encodeNotes(kept, contents.littleEndian);
    const eraseinfo = eraseinfoOf(contents.notes);
    const codecFlag = contents.codec === undefined ? 0 : codecFlags[contents.codec];
    this.descriptors = new PageDescriptors({ pageSize, codecFlag, littleEndian: contents.littleEndian });
    this.bitmapBytes = alignUp(Math.ceil(contents.endPfn / 8), pageSize);
    const subHeaderBlocks = Math.ceil((kdumpSubHeaderSize + notes.length + eraseinfo.length) / pageSize);
    const notesAt = pageSize + kdumpSubHeaderSize;
    this.header = {
      version: kdumpVersion,
      littleEndian: contents.littleEndian,
      utsname: contents.utsname,
      timestamp: contents.timestamp,
      status:
        (sink.rewritable ? kdumpStatus.incomplete : 0) |
        codecFlag |
        (contents.vmemmap === 'used' ? kdumpStatus.vmemmapExcluded : 0),
      blockSize: pageSize,
      subHeaderBlocks,
      bitmapBlocks: (2 * this.bitmapBytes) / pageSize,
      maxMapnr: contents.endPfn,
      cpus: contents.cpus,
      physBase: contents.physBase,
      dumpLevel: contents.dumpLevel,
      split: undefined,
      vmcoreinfo: vmcoreinfoRegion(kept, notesAt),
      notes: { offset: notesAt, size: notes.length },
      eraseinfo: {
        offset: eraseinfo.length === 0 ? 0 : notesAt + notes.length,
        size: eraseinfo.length,
      },
    };
    this.bitmapsAt = (1 + subHeaderBlocks) * pageSize;
    this.descriptorsAt = this.bitmapsAt + 2 * this.bitmapBytes;
    this.zeroPageAt = this.descriptorsAt;
    this.dataAt = this.descriptorsAt;
    this.writeHeader();
    sink.write(notesAt, notes);
    if (eraseinfo.length > 0) sink.write(notesAt + notes.length, eraseinfo);
    // In whole blocks: a file that ends here, because nothing was kept or no space is left, can still be opened. Where memory at a high address
    // makes the bitmaps gigabytes of zeros, they stay a hole.
    const hole = sink.unwritten === 'zeros' ? 2 * this.bitmapBytes - pageSize : 0;
    this.reserve(this.bitmapsAt + hole, 2 * this.bitmapBytes - hole);
  }

  /** The bitmaps of one window, which starts at a multiple of 8 pages. Page frames that no window has are in neither. */
  addBitmaps(ram: PfnBitmap, kept: PfnBitmap): void {
    const at = this.bitmapsAt + ram.start / 8;
    this.sink.write(at, ram.bytes);
    this.sink.write(at + this.bitmapBytes, kept.bytes);
  }

  /**
   * All bitmaps are there, and `count` pages follow: all that are kept, or for a part of a split dump those in `split`. Data begins behind
   * the room for the descriptors of all `dumpPages`, in parts too: makedumpfile --reassemble knows the page of zeros by that place.
   */
  beginPages(count: number, split: PfnRange | undefined, dumpPages = count): void {
    this.header = { ...this.header, split };
    if (split !== undefined) this.writeHeader();
    this.reserve(this.descriptorsAt, count * pageDescriptorSize);
    this.zeroPageAt = this.descriptorsAt + dumpPages * pageDescriptorSize;
    this.sink.write(this.zeroPageAt, new Uint8Array(this.header.blockSize));
    this.dataAt = this.zeroPageAt + this.header.blockSize;
  }

  /** The next pages. Returns how many of them share the page of zeros. */
  addBatch({ sizes, data, lost }: PageBatch): number {
    const { bytes, zeros } = this.descriptors.describe(sizes, this.dataAt, this.zeroPageAt);
    let shared = zeros;
    for (const index of lost) {
      bytes.fill(0, index * pageDescriptorSize, (index + 1) * pageDescriptorSize);
      if (sizes[index] === 0) shared--;
    }
    this.sink.write(this.dataAt, data);
    this.dataAt += data.length;
    this.sink.write(this.descriptorsAt, bytes);
    this.descriptorsAt += bytes.length;
    return shared;
  }

  /** The last page was added. A dump is incomplete when pages of it were lost. */
  finish(what: 'complete' | 'incomplete'): void {
    const { status } = this.header;
    const final = what === 'complete' ? status & ~kdumpStatus.incomplete : status | kdumpStatus.incomplete;
    if (final === status) return;
    this.header = { ...this.header, status: final };
    this.writeHeader();
  }

  private writeHeader(): void {
    const blocks = encodeKdumpHeader(this.header);
    this.sink.write(0, blocks.subarray(0, this.header.blockSize + kdumpSubHeaderSize));
  }

  private reserve(offset: number, length: number): void {
    if (!this.sink.rewritable) return;
    const zeros = new Uint8Array(Math.min(length, reserveStep));
    for (let done = 0; done < length; done += zeros.length) {
      this.sink.write(offset + done, zeros.subarray(0, Math.min(zeros.length, length - done)));
    }
  }
}

/** Text lines that tell what filters erased; not padded. */
function eraseinfoOf(notes: readonly Note[]): Uint8Array {
  const text = notes
    .filter(({ name }) => name === noteNames.eraseinfo)
    .map(({ data }) => textWithoutPadding(data))
    .join('');
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Where the VMCOREINFO text lies in the file: readers find it without parsing notes. */
function vmcoreinfoRegion(notes: readonly Note[], notesAt: number): FileRegion {
  const index = notes.findIndex((note) => note.name === noteNames.vmcoreinfo);
  const note = notes[index];
  if (note === undefined) return { offset: 0, size: 0 };
  const before = notes.slice(0, index).reduce((sum, earlier) => sum + encodedNoteSize(earlier), 0);
  return { offset: notesAt + before + noteDataOffset(note.name), size: note.data.length };
}
