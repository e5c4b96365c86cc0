/**
 * Writes a kdump-compressed file, version 6, pages in pfn order.
 *
 * The header goes out first with its "incomplete" bit set and is written again without it at the very end; page data always
 * reaches the sink before the descriptors that point at it. So whatever stops the writer, what is there can be read, and says of
 * itself that it is not everything.
 */
import type { ByteSink } from '../base/byte-sink.ts';
import { alignUp, putU64 } from '../base/bytes.ts';
import type { PfnBitmap } from '../base/pfn-bitmap.ts';
import { codecFlags, type PageCodec } from '../codecs/page-codec.ts';
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

export interface KdumpContents {
  readonly utsname: Utsname;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly pageSize: number;
  readonly littleEndian: boolean;
  readonly cpus: number;
  readonly physBase: bigint;
  readonly dumpLevel: number;
  readonly notes: readonly Note[];
  readonly ram: PfnBitmap;
  readonly kept: PfnBitmap;
  /** Pages are stored as they are when undefined. */
  readonly codec: PageCodec | undefined;
}

/** Page data is collected to pieces of this many bytes. */
const dataBuffer = 1 << 20;
const descriptorBuffer = 4096;

export class KdumpWriter {
  private readonly sink: ByteSink;
  private readonly header: KdumpHeader;
  private readonly notes: Uint8Array;
  private readonly pageSize: number;
  private readonly codec: PageCodec | undefined;
  private readonly compressed: Uint8Array;
  private readonly data: Uint8Array;
  private dataLength = 0;
  /** Where the next flush of page data goes. */
  private dataAt: number;
  private readonly descriptors: DataView;
  private descriptorCount = 0;
  private descriptorsAt: number;
  /** File offset of the one zero page that all zero pages share; 0 while there is none. */
  private zeroPageAt = 0;

  /** Writes the headers and bitmaps. */
  constructor(sink: ByteSink, contents: KdumpContents) {
    const { pageSize, ram, kept } = contents;
    this.sink = sink;
    this.pageSize = pageSize;
    this.codec = contents.codec;
    this.compressed = new Uint8Array(pageSize - 1);
    this.data = new Uint8Array(dataBuffer);
    this.descriptors = new DataView(new ArrayBuffer(descriptorBuffer * pageDescriptorSize));
    this.notes = encodeNotes(contents.notes, contents.littleEndian);

    const maxMapnr = ram.end;
    const bitmapBlocks = alignUp(Math.ceil(maxMapnr / 8), pageSize) / pageSize;
    const subHeaderBlocks = Math.ceil((kdumpSubHeaderSize + this.notes.length) / pageSize);
    const notesAt = pageSize + kdumpSubHeaderSize;
    this.header = {
      version: kdumpVersion,
      littleEndian: contents.littleEndian,
      utsname: contents.utsname,
      timestamp: contents.timestamp,
      status: kdumpStatus.incomplete | (this.codec === undefined ? 0 : codecFlags[this.codec.name]),
      blockSize: pageSize,
      subHeaderBlocks,
      bitmapBlocks: 2 * bitmapBlocks,
      maxMapnr,
      cpus: contents.cpus,
      physBase: contents.physBase,
      dumpLevel: contents.dumpLevel,
      split: undefined,
      vmcoreinfo: vmcoreinfoRegion(contents.notes, notesAt),
      notes: { offset: notesAt, size: this.notes.length },
      eraseinfo: { offset: 0, size: 0 },
    };
    const bitmapsAt = (1 + subHeaderBlocks) * pageSize;
    this.descriptorsAt = bitmapsAt + 2 * bitmapBlocks * pageSize;
    this.dataAt = this.descriptorsAt + kept.count() * pageDescriptorSize;

    this.writeHeader(this.header);
    sink.write(notesAt, this.notes);
    // In whole blocks: a file that ends here, because nothing was kept or no space is left, can still be opened.
    [ram, kept].forEach(({ bytes }, i) => {
      const at = bitmapsAt + i * bitmapBlocks * pageSize;
      sink.write(at, bytes);
      sink.write(at + bytes.length, new Uint8Array(bitmapBlocks * pageSize - bytes.length));
    });
  }

  /** The next page. Pages come in pfn order, each exactly once. */
  addPage(page: Uint8Array): void {
    const size = this.codec?.compress(page, this.compressed) ?? 0;
    // A page that does not become smaller is stored as it is.
    if (size === 0) this.addDescriptor(this.append(page), page.length, 0);
    else {
      const at = this.append(this.compressed.subarray(0, size));
      this.addDescriptor(at, size, codecFlags[this.codec!.name]);
    }
  }

  /** The next page is all zeros: it gets a descriptor, but shares its bytes with the other zero pages. */
  addZeroPage(): void {
    if (this.zeroPageAt === 0) this.zeroPageAt = this.append(new Uint8Array(this.pageSize));
    this.addDescriptor(this.zeroPageAt, this.pageSize, 0);
  }

  /** The next page's bytes could not be had: readers will see it as lost. */
  addLostPage(): void {
    this.addDescriptor(0, 0, 0);
  }

  /** Everything that is buffered goes out; the file stays marked as incomplete. */
  flush(): void {
    this.flushData();
    this.flushDescriptors();
  }

  /** The last page was added: the dump is complete. */
  finish(): void {
    this.flush();
    this.writeHeader({ ...this.header, status: this.header.status & ~kdumpStatus.incomplete });
  }

  private writeHeader(header: KdumpHeader): void {
    const blocks = encodeKdumpHeader(header);
    this.sink.write(0, blocks.subarray(0, this.pageSize + kdumpSubHeaderSize));
  }

  private append(bytes: Uint8Array): number {
    if (this.dataLength + bytes.length > this.data.length) this.flushData();
    this.data.set(bytes, this.dataLength);
    this.dataLength += bytes.length;
    return this.dataAt + this.dataLength - bytes.length;
  }

  private addDescriptor(offset: number, size: number, flags: number): void {
    const at = this.descriptorCount * pageDescriptorSize;
    const { littleEndian } = this.header;
    putU64(this.descriptors, at, offset, littleEndian);
    this.descriptors.setUint32(at + 8, size, littleEndian);
    this.descriptors.setUint32(at + 12, flags, littleEndian);
    if (++this.descriptorCount === descriptorBuffer) this.flush();
  }

  private flushData(): void {
    this.sink.write(this.dataAt, this.data.subarray(0, this.dataLength));
    this.dataAt += this.dataLength;
    this.dataLength = 0;
  }

  private flushDescriptors(): void {
    const bytes = new Uint8Array(this.descriptors.buffer, 0, this.descriptorCount * pageDescriptorSize);
    this.sink.write(this.descriptorsAt, bytes);
    this.descriptorsAt += bytes.length;
    this.descriptorCount = 0;
  }
}

/** Where the VMCOREINFO text lies in the file: readers find it without parsing notes. */
function vmcoreinfoRegion(notes: readonly Note[], notesAt: number): FileRegion {
  const index = notes.findIndex((note) => note.name === noteNames.vmcoreinfo);
  const note = notes[index];
  if (note === undefined) return { offset: 0, size: 0 };
  const before = notes.slice(0, index).reduce((sum, earlier) => sum + encodedNoteSize(earlier), 0);
  return { offset: notesAt + before + noteDataOffset(note.name), size: note.data.length };
}
