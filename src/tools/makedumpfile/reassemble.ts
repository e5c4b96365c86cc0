/**
 * makedumpfile --reassemble: the parts of a split dump, put together as one file. Page data is copied as it is, never decompressed.
 *
 * The output is laid out as any kdump-compressed file: headers (the first part's, without its range of page frames), bitmaps,
 * descriptors, the one page of zeros when the level shares zero pages, data, erase information. It equals what makedumpfile makes, byte
 * for byte. Source of truth: reassemble_kdump_header() and reassemble_kdump_pages() of makedumpfile.c (1.7.9).
 */
import type { ByteSink } from '../../base/byte-sink.ts';
import { type ByteSource, readExact } from '../../base/byte-source.ts';
import { putU64, viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import type { Progress } from '../../base/progress.ts';
import type { OpenOptions } from '../../formats/dump.ts';
import type { KdumpFile } from '../../formats/kdump-file.ts';
import {
  diskDumpHeaderSize,
  type FileRegion,
  kdumpStatus,
  makeHeadersWhole,
  pageDescriptorSize,
} from '../../formats/kdump-header.ts';
import { type KdumpPart, openKdumpParts } from '../../formats/split.ts';
import { DumpLevel } from './dump-level.ts';

export interface ReassembleResult {
  readonly pageSize: number;
  /** Pages with bytes in the output. */
  readonly written: number;
  /** Pages whose bytes no part has: the output is then marked incomplete. */
  readonly lost: number;
}

/** Errors as `openKdumpParts`; E_USAGE for a single file that is no part of anything. */
export function reassemble(
  sources: readonly ByteSource[],
  sink: ByteSink,
  options: OpenOptions,
  progress: Progress,
): ReassembleResult {
  const { parts } = openKdumpParts(sources, options);
  return new Reassembly(parts, sink).run(progress);
}

class Reassembly {
  private readonly parts: readonly KdumpPart[];
  private readonly first: KdumpFile;
  private readonly sink: ByteSink;
  private readonly blocks: Uint8Array;
  private readonly descriptors: Appender;
  private readonly data: Appender;
  /** Where the shared page of zeros is; undefined when the level does not share zero pages. */
  private readonly zeroPageAt: number | undefined;
  private readonly descriptor = new Uint8Array(pageDescriptorSize);
  private readonly descriptorView = viewOf(this.descriptor);
  private written = 0;
  private lost = 0;

  constructor(parts: readonly KdumpPart[], sink: ByteSink) {
    this.parts = parts;
    this.first = parts[0]!.file;
    this.sink = sink;
    const { header, bitmaps, source } = this.first;
    const { blockSize } = header;
    const blocks = readExact(source, 0, (1 + header.subHeaderBlocks) * blockSize, 'the headers');
    // As the original: the common header of the first incomplete part, else of the last one.
    const common = (parts.find(({ file }) => file.incomplete) ?? parts.at(-1)!).file.source;
    blocks.set(readExact(common, 0, diskDumpHeaderSize, 'the kdump header'));
    this.blocks = blocks;
    const bitmapsEnd = blocks.length + header.bitmapBlocks * blockSize;
    const dataAt = bitmapsEnd + bitmaps.dumped.count * pageDescriptorSize;
    this.data = new Appender(sink, dataAt, undefined);
    this.descriptors = new Appender(sink, bitmapsEnd, this.data);
    this.zeroPageAt = (header.dumpLevel & DumpLevel.zero) === 0 ? undefined : dataAt;
  }

  run(progress: Progress): ReassembleResult {
    const { dumped } = this.first.bitmaps;
    const total = dumped.count;
    progress.step('Copying data', total);
    this.writeHeaders(true, { offset: 0, size: 0 });
    this.copyBitmaps();
    if (this.zeroPageAt !== undefined) this.data.append(new Uint8Array(this.first.header.blockSize));
    let at = 0;
    for (const { file, start, end } of this.parts) {
      this.losePages(dumped.countRange(at, start));
      this.copyPart(file, progress);
      at = end;
    }
    this.losePages(dumped.countRange(at, dumped.end));
    this.data.flush();
    this.descriptors.flush();
    const eraseinfo = this.copyEraseinfo();
    const incomplete = this.lost > 0 || this.parts.some(({ file }) => file.incomplete);
    this.writeHeaders(incomplete, eraseinfo);
    progress.advance(total);
    return { pageSize: this.first.header.blockSize, written: this.written, lost: this.lost };
  }

  private writeHeaders(incomplete: boolean, eraseinfo: FileRegion): void {
    const { header } = this.first;
    const codecs = this.parts.reduce((bits, { file }) => bits | file.header.status, 0);
    const status = (codecs & ~kdumpStatus.incomplete) | (incomplete ? kdumpStatus.incomplete : 0);
    makeHeadersWhole(this.blocks, header, { status, eraseinfo });
    this.sink.write(0, this.blocks);
  }

  private copyBitmaps(): void {
    const { source, header } = this.first;
    const from = this.blocks.length;
    const end = from + header.bitmapBlocks * header.blockSize;
    const buffer = new Uint8Array(pieceSize);
    for (let at = from; at < end; at += pieceSize) {
      if (this.sink.unwritten === 'zeros') at = this.behindHole(at, end);
      // The last one may be cut, and says then where the file must end.
      const piece = buffer.subarray(0, source.read(at, buffer.subarray(0, Math.min(pieceSize, end - at))));
      this.sink.write(at, piece);
    }
  }

  /** Where a piece begins that holds something, or is the last before `end`. */
  private behindHole(from: number, end: number): number {
    const data = Math.min(this.first.source.nextData?.(from) ?? from, end - 1);
    return from + Math.floor((data - from) / pieceSize) * pieceSize;
  }

  private copyPart(file: KdumpFile, progress: Progress): void {
    const { memory, source } = file;
    const input = new PieceReader(source);
    /** The part's own page of zeros, once it was seen. */
    let zerosAt = -1;
    for (let n = 0; n < memory.pageCount; n++) {
      const page = memory.descriptor(n);
      if (n % 4096 === 0) progress.advance(this.written);
      if (page === undefined || page.offset === 0 || page.size === 0 || page.size > memory.pageSize) {
        this.losePages(1);
        continue;
      }
      if (page.offset === zerosAt) {
        this.addDescriptor(this.zeroPageAt!, page.size, 0);
        continue;
      }
      const bytes = input.read(page.offset, page.size);
      if (bytes === undefined) this.losePages(1);
      else if (this.zeroPageAt !== undefined && page.flags === 0 && isAllZeros(bytes)) {
        zerosAt = page.offset;
        this.addDescriptor(this.zeroPageAt, page.size, 0);
      } else this.addDescriptor(this.data.append(bytes), page.size, page.flags);
    }
  }

  private addDescriptor(offset: number, size: number, flags: number): void {
    const { littleEndian } = this.first.header;
    putU64(this.descriptorView, 0, offset, littleEndian);
    this.descriptorView.setUint32(8, size, littleEndian);
    this.descriptorView.setUint32(12, flags, littleEndian);
    this.descriptors.append(this.descriptor);
    if (offset > 0) this.written++;
  }

  /** A descriptor without data is what readers know as a lost page. */
  private losePages(count: number): void {
    for (let i = 0; i < count; i++) this.addDescriptor(0, 0, 0);
    this.lost += count;
  }

  private copyEraseinfo(): FileRegion {
    const offset = this.data.end;
    for (const { file } of this.parts) {
      const { offset: from, size } = file.header.eraseinfo;
      if (size > maxEraseinfo) {
        throw new VmcoreError('E_CORRUPT', `erase information of ${size} bytes`, {
          file: file.source.name,
          offset: from,
        });
      }
      if (size > 0) this.data.append(readExact(file.source, from, size, 'the erase information'));
    }
    const size = this.data.end - offset;
    this.data.flush();
    return size === 0 ? { offset: 0, size: 0 } : { offset, size };
  }
}

const pieceSize = 1 << 20;
/** Text, a line for each erased object. */
const maxEraseinfo = 1 << 26;

const isAllZeros = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

/** Collects what is written one after the other to large pieces. */
class Appender {
  private readonly sink: ByteSink;
  /** Is on disk before this is: the data that the descriptors point at. */
  private readonly before: Appender | undefined;
  private readonly buffer = new Uint8Array(pieceSize);
  private at: number;
  private length = 0;

  constructor(sink: ByteSink, at: number, before: Appender | undefined) {
    this.sink = sink;
    this.at = at;
    this.before = before;
  }

  /** Where the next bytes go. */
  get end(): number {
    return this.at + this.length;
  }

  /** Returns the offset the bytes have in the file. */
  append(bytes: Uint8Array): number {
    if (this.length + bytes.length > pieceSize) this.flush();
    const { end } = this;
    if (bytes.length > pieceSize) {
      this.sink.write(end, bytes);
      this.at += bytes.length;
    } else {
      this.buffer.set(bytes, this.length);
      this.length += bytes.length;
    }
    return end;
  }

  flush(): void {
    if (this.length === 0) return;
    this.before?.flush();
    this.sink.write(this.at, this.buffer.subarray(0, this.length));
    this.at += this.length;
    this.length = 0;
  }
}

/** Reads small pieces that lie one after the other in large ones. */
class PieceReader {
  private readonly source: ByteSource;
  private readonly buffer = new Uint8Array(pieceSize);
  private start = 0;
  private end = 0;

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** Lent until the next call; undefined when the file ends before. `size` is at most a page. */
  read(offset: number, size: number): Uint8Array | undefined {
    if (offset < this.start || offset + size > this.end) {
      this.start = offset;
      this.end = offset + this.source.read(offset, this.buffer);
    }
    const at = offset - this.start;
    return offset + size <= this.end ? this.buffer.subarray(at, at + size) : undefined;
  }
}
