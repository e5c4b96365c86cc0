/**
 * One bitmap of a kdump-compressed file, a bit for each page frame: looked at where it lies, never all in memory.
 *
 * Bitmaps of 1 TiB take 32 MiB each; memory at a high address makes them gigabytes, nearly all zeros. Each is gone through once, when
 * something of it is first asked, to count its bits chunk by chunk. Then chunks are read when they are needed, and the last few are kept.
 * Of chunks that are empty or full nothing is read.
 */
import type { ByteSource } from '../base/byte-source.ts';
import { VmcoreError } from '../base/errors.ts';
import { bitsInByte, PfnBitmap } from '../base/pfn-bitmap.ts';
import { asPfn, type Pfn, type PfnRange } from '../base/units.ts';

const smallestChunk = 4096;
/** More chunks would take too much memory; then they are larger. */
const maxChunks = 2 ** 19;
/** Bytes read at a time when all is gone through: a multiple of any chunk up to this. */
const scanStep = 2 ** 20;
const chunksKept = 64;
/** Below, going through a bitmap costs less than asking where it has holes. */
const smallestWithHoles = 2 ** 26;
/** Within a chunk bits are counted up to every so many bytes. */
const blockBytes = 64;

interface Chunk {
  readonly bytes: Uint8Array;
  /** Bits in the chunk before each block. */
  readonly ranks: Uint32Array;
}

interface BitmapPlace {
  readonly source: ByteSource;
  /** File offset, bytes. */
  readonly offset: number;
  /** Number of page frames; bits beyond count for nothing. */
  readonly end: Pfn;
  /** For messages. */
  readonly name: string;
}

export class KdumpBitmap {
  readonly end: Pfn;
  private readonly place: BitmapPlace;
  private readonly size: number;
  private readonly chunkBytes: number;
  private readonly chunkPages: number;
  /** Bits before each chunk, and behind the last one: of all. */
  private before: Float64Array | undefined;
  /** A Map keeps insertion order: the first key is the one used longest ago. */
  private readonly chunks = new Map<number, Chunk>();
  private lastIndex = -1;
  private lastChunk: Chunk | undefined;

  /** E_TRUNCATED, here or at the first question, when the file ends within the bitmap. */
  constructor(place: BitmapPlace) {
    this.place = place;
    this.end = place.end;
    this.size = Math.ceil(place.end / 8);
    let chunkBytes = smallestChunk;
    while (this.size / chunkBytes > maxChunks) chunkBytes *= 2;
    this.chunkBytes = chunkBytes;
    this.chunkPages = chunkBytes * 8;
    // Checked before anything is allocated by it: the size comes from a header that may be hostile.
    if (place.offset + this.size > place.source.size) throw this.truncated(place.source.size);
  }

  /** Bits set. */
  get count(): number {
    const before = this.counts();
    return before[before.length - 1]!;
  }

  has(pfn: number): boolean {
    if (pfn < 0 || pfn >= this.end) return false;
    const index = Math.floor(pfn / this.chunkPages);
    const bits = this.inChunk(index);
    if (bits === 0 || bits === this.chunkPages) return bits > 0;
    const bit = pfn - index * this.chunkPages;
    return (this.chunk(index).bytes[bit >>> 3]! & (1 << (bit & 7))) !== 0;
  }

  /** Number of bits set before `pfn`. */
  rank(pfn: number): number {
    const before = this.counts();
    if (pfn >= this.end) return before[before.length - 1]!;
    const index = Math.floor(pfn / this.chunkPages);
    const bits = this.inChunk(index);
    const bit = pfn - index * this.chunkPages;
    if (bits === 0) return before[index]!;
    if (bits === this.chunkPages) return before[index]! + bit;
    const { bytes, ranks } = this.chunk(index);
    const lastByte = bit >>> 3;
    let at = lastByte - (lastByte % blockBytes);
    let sum = ranks[at / blockBytes]!;
    for (; at < lastByte; at++) sum += bitsInByte[bytes[at]!]!;
    return before[index]! + sum + bitsInByte[bytes[lastByte]! & ((1 << (bit & 7)) - 1)]!;
  }

  /** Bits set in [from, to). */
  countRange(from: number, to: number): number {
    return Math.max(0, this.rank(to) - this.rank(from));
  }

  /** Sets in `into` the bits that are set here. */
  markIn(into: PfnBitmap): void {
    const last = Math.min(into.end, this.end);
    for (let at: number = into.start; at < last; ) {
      const index = Math.floor(at / this.chunkPages);
      const start = index * this.chunkPages;
      const end = Math.min(last, start + this.chunkPages);
      const bits = this.inChunk(index);
      if (bits === this.chunkPages) into.setRange(at, end);
      else if (bits > 0) {
        const chunk = new PfnBitmap(
          asPfn(start),
          asPfn(start + this.chunkPages),
          this.known(index)?.bytes ?? this.read(index),
        );
        for (const run of chunk.runs(at, end)) into.setRange(run.start, run.end);
      }
      at = end;
    }
  }

  /** Ranges that all bits lie in, ascending and apart; other page frames may be in them too. */
  *ranges(): Generator<PfnRange> {
    const chunks = this.counts().length - 1;
    for (let index = 0; index < chunks; ) {
      if (this.inChunk(index) === 0) {
        index++;
        continue;
      }
      const start = index;
      while (index < chunks && this.inChunk(index) > 0) index++;
      yield {
        start: asPfn(start * this.chunkPages),
        end: asPfn(Math.min(this.end, index * this.chunkPages)),
      };
    }
  }

  /** Has `other` the same bits? */
  equals(other: KdumpBitmap): boolean {
    if (this.end !== other.end) return false;
    const counts = this.counts();
    const others = other.counts();
    if (counts.some((count, index) => others[index] !== count)) return false;
    for (let index = 0; index < counts.length - 1; index++) {
      const bits = this.inChunk(index);
      if (bits === 0 || bits === this.chunkPages) continue;
      const [mine, theirs] = [this.read(index), other.read(index)];
      for (let at = 0; at < mine.length; at++) if (mine[at] !== theirs[at]) return false;
    }
    return true;
  }

  private inChunk(index: number): number {
    const before = this.counts();
    return before[index + 1]! - before[index]!;
  }

  private counts(): Float64Array {
    this.before ??= this.countAll();
    return this.before;
  }

  private countAll(): Float64Array {
    const { size, chunkBytes } = this;
    const step = Math.max(scanStep, chunkBytes);
    const words = new Int32Array(step / 4);
    const bytes = new Uint8Array(words.buffer);
    const before = new Float64Array(Math.ceil(size / chunkBytes) + 1);
    let sum = 0;
    for (let at = 0; at < size; at += step) {
      const data = this.nextData(at);
      // Steps in a hole have no bits.
      for (; at < size && at + step <= data; at += step)
        before.fill(sum, at / chunkBytes + 1, (at + step) / chunkBytes + 1);
      if (at >= size) break;
      const length = Math.min(step, size - at);
      this.readAt(at, bytes.subarray(0, length));
      bytes.fill(0, length, Math.ceil(length / 4) * 4);
      for (let chunk = 0; chunk < length; chunk += chunkBytes) {
        sum += bitsInWords(words, chunk / 4, Math.ceil(Math.min(length, chunk + chunkBytes) / 4));
        before[(at + chunk) / chunkBytes + 1] = sum;
      }
    }
    return before;
  }

  /** Where the next byte is that may be other than 0, from the beginning of the bitmap. Not asked for small ones, which are read in no time. */
  private nextData(at: number): number {
    const { source, offset } = this.place;
    if (this.size < smallestWithHoles || source.nextData === undefined) return at;
    return source.nextData(offset + at) - offset;
  }

  private chunk(index: number): Chunk {
    if (index === this.lastIndex) return this.lastChunk!;
    const chunk = this.known(index) ?? this.load(index);
    this.chunks.delete(index);
    this.chunks.set(index, chunk);
    this.lastIndex = index;
    this.lastChunk = chunk;
    return chunk;
  }

  private known(index: number): Chunk | undefined {
    return this.chunks.get(index);
  }

  private load(index: number): Chunk {
    const bytes = this.read(index);
    const ranks = new Uint32Array(bytes.length / blockBytes);
    let sum = 0;
    for (let at = 0; at < bytes.length; at++) {
      if (at % blockBytes === 0) ranks[at / blockBytes] = sum;
      sum += bitsInByte[bytes[at]!]!;
    }
    if (this.chunks.size >= chunksKept) this.chunks.delete(this.chunks.keys().next().value!);
    return { bytes, ranks };
  }

  /** A whole chunk; zeros behind the end of the bitmap. */
  private read(index: number): Uint8Array {
    const bytes = new Uint8Array(this.chunkBytes);
    const at = index * this.chunkBytes;
    this.readAt(at, bytes.subarray(0, Math.min(bytes.length, this.size - at)));
    return bytes;
  }

  /** `at`: from the beginning of the bitmap. */
  private readAt(at: number, into: Uint8Array): void {
    const { source, offset, end } = this.place;
    const got = source.read(offset + at, into);
    if (got < into.length) throw this.truncated(offset + at + got);
    // Bits beyond the last page frame would count as pages.
    if (at + into.length === this.size && end % 8 !== 0)
      into[into.length - 1] = into[into.length - 1]! & ((1 << (end % 8)) - 1);
  }

  private truncated(fileEnd: number): VmcoreError {
    const { source, offset, name } = this.place;
    return new VmcoreError(
      'E_TRUNCATED',
      `${name} needs ${offset + this.size} bytes, the file has ${fileEnd}`,
      {
        file: source.name,
        offset,
        hint: 'copy the dump again',
      },
    );
  }
}

function bitsInWords(words: Int32Array, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) {
    let word = words[i]!;
    if (word === 0) continue;
    // Hacker's Delight, 5-1: pairs, fours, bytes, and their sum.
    word -= (word >>> 1) & 0x5555_5555;
    word = (word & 0x3333_3333) + ((word >>> 2) & 0x3333_3333);
    word = (word + (word >>> 4)) & 0x0f0f_0f0f;
    sum += Math.imul(word, 0x0101_0101) >>> 24;
  }
  return sum;
}
