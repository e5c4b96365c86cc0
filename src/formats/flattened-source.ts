/**
 * A flattened dump as the file it stands for: a ByteSource that the formats inside are opened from.
 *
 * A dump of a terabyte has millions of records, so they are not all remembered. Records are taken in chunks of a few hundred, in the order
 * of the file; of each chunk only the runs of bytes it covers are kept (two or three: headers, descriptors and page data each go
 * forward). A read finds the chunk and reads its record headers again; the last few chunks are kept. Where nothing was written the
 * file is zeros, as the hole that `makedumpfile -R` leaves there. A dump whose stream broke off says that it is incomplete.
 */
import { type ByteSource, readExact } from '../base/byte-source.ts';
import { viewOf } from '../base/bytes.ts';
import type { OpenOptions } from './dump.ts';
import { type Extent, firstEndingAfter, visibleExtents } from './extents.ts';
import {
  checkFlattenedHeader,
  decodeFlattenedRecord,
  flattenedEndsEarly,
  flattenedHeaderSize,
  flattenedRecordSize,
} from './flattened.ts';
import { type IncompleteMark, incompleteMark, markedHeadSize } from './incomplete-mark.ts';

const recordsPerChunk = 256;
const chunksKept = 64;

/** A record's bytes: `start` in the dump, `dataAt` in the flattened file. */
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly dataAt: number;
}

interface Chunk {
  readonly pieces: readonly Piece[];
  /** Tags are indices of `pieces`. */
  readonly visible: readonly Extent[];
}

export class FlattenedSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  private readonly inner: ByteSource;
  /** File offset of each chunk's first record. */
  private readonly chunksAt: readonly number[];
  /** Tags are indices of `chunksAt`. */
  private readonly runs: readonly Extent[];
  private readonly loaded = new Map<number, Chunk>();
  /** When there is no end record. */
  private readonly mark: IncompleteMark | undefined;

  /**
   * Reads all record headers once. E_NOT_A_DUMP, E_CORRUPT; E_TRUNCATED when there is no end record, unless `cutShort` is
   * "accept": then what is there of the last record counts.
   */
  constructor(inner: ByteSource, cutShort: OpenOptions['cutShort']) {
    checkFlattenedHeader(
      readExact(inner, 0, flattenedHeaderSize, 'the header of the flattened format'),
      inner.name,
    );
    this.name = inner.name;
    this.inner = inner;
    const chunksAt: number[] = [];
    const runs: Extent[] = [];
    let at: ChunkEnd = flattenedHeaderSize;
    while (typeof at === 'number') {
      const chunk = readPieces(inner, at, cutShort);
      for (const run of unionOf(chunk.pieces)) runs.push({ ...run, tag: chunksAt.length });
      chunksAt.push(at);
      at = chunk.next;
    }
    this.chunksAt = chunksAt;
    this.runs = visibleExtents(runs);
    this.size = this.runs.at(-1)?.end ?? 0;
    if (at === 'cut') {
      const head = new Uint8Array(markedHeadSize);
      this.readRecords(0, head);
      this.mark = incompleteMark(head);
    }
  }

  read(offset: number, into: Uint8Array): number {
    const got = this.readRecords(offset, into);
    if (this.mark !== undefined) overlay(this.mark, offset, into.subarray(0, got));
    return got;
  }

  private readRecords(offset: number, into: Uint8Array): number {
    const length = Math.max(0, Math.min(into.length, this.size - offset));
    let done = 0;
    for (let i = firstEndingAfter(this.runs, offset); done < length; i++) {
      const run = this.runs[i]!;
      const gap = Math.max(0, Math.min(run.start - (offset + done), length - done));
      into.fill(0, done, done + gap);
      done += gap;
      const want = Math.min(length - done, run.end - (offset + done));
      if (want <= 0) break;
      const got = this.readFromChunk(run.tag, offset + done, into.subarray(done, done + want));
      done += got;
      if (got < want) break;
    }
    return done;
  }

  close(): void {
    this.inner.close();
  }

  /** All of `into` is covered by the chunk. */
  private readFromChunk(index: number, offset: number, into: Uint8Array): number {
    const { pieces, visible } = this.chunk(index);
    let done = 0;
    for (let i = firstEndingAfter(visible, offset); done < into.length; i++) {
      const { end, tag } = visible[i]!;
      const { start, dataAt } = pieces[tag]!;
      const want = Math.min(into.length - done, end - (offset + done));
      const got = this.inner.read(dataAt + (offset + done - start), into.subarray(done, done + want));
      done += got;
      if (got < want) break;
    }
    return done;
  }

  private chunk(index: number): Chunk {
    const hit = this.loaded.get(index);
    if (hit !== undefined) return hit;
    const { pieces } = readPieces(this.inner, this.chunksAt[index]!, 'accept');
    const chunk = { pieces, visible: visibleExtents(pieces.map((piece, tag) => ({ ...piece, tag }))) };
    // A Map keeps insertion order: the first key was loaded longest ago.
    if (this.loaded.size >= chunksKept) this.loaded.delete(this.loaded.keys().next().value!);
    this.loaded.set(index, chunk);
    return chunk;
  }
}

/** Where the next chunk begins, or how the stream ended: with its end record, or without. */
type ChunkEnd = number | 'end' | 'cut';

/** The records of one chunk, and where the next chunk begins. */
function readPieces(
  source: ByteSource,
  from: number,
  cutShort: OpenOptions['cutShort'],
): { readonly pieces: Piece[]; readonly next: ChunkEnd } {
  const header = new Uint8Array(flattenedRecordSize);
  const view = viewOf(header);
  const pieces: Piece[] = [];
  let at = from;
  while (pieces.length < recordsPerChunk) {
    if (source.read(at, header) < header.length) {
      if (cutShort === 'refuse') throw flattenedEndsEarly(source.name, at);
      return { pieces, next: 'cut' };
    }
    const record = decodeFlattenedRecord(view, 0, source.name, at);
    if (record === 'end') return { pieces, next: 'end' };
    const dataAt = at + flattenedRecordSize;
    const there = Math.min(record.size, Math.max(0, source.size - dataAt));
    if (there < record.size && cutShort === 'refuse') throw flattenedEndsEarly(source.name, source.size);
    if (there > 0) pieces.push({ start: record.offset, end: record.offset + there, dataAt });
    if (there < record.size) return { pieces, next: 'cut' };
    at = dataAt + record.size;
  }
  return { pieces, next: at };
}

function overlay({ offset, bytes }: IncompleteMark, readAt: number, into: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) {
    const at = offset + i - readAt;
    if (at >= 0 && at < into.length) into[at] = bytes[i]!;
  }
}

/** The bytes that any of the pieces covers, as ascending runs. */
function unionOf(pieces: readonly Piece[]): { start: number; end: number }[] {
  const runs: { start: number; end: number }[] = [];
  for (const { start, end } of [...pieces].sort((a, b) => a.start - b.start)) {
    const last = runs.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else runs.push({ start, end });
  }
  return runs;
}
