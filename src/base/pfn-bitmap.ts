/**
 * A set of page frames in a window [start, end), one bit each, in the bit order of kdump-compressed bitmaps
 * (bit n of byte n/8, least significant first). At most 2^32 page frames: bits are numbered in 32 bits.
 */
import { VmcoreError } from './errors.ts';
import type { Pfn, PfnRange } from './units.ts';

/** 16 TiB of 4 KiB pages. */
export const maxPageFrames = 2 ** 32;

const noWords = new Uint32Array(0);
const allOnes = 0xffff_ffff;

export class PfnBitmap {
  readonly start: Pfn;
  readonly end: Pfn;
  readonly bytes: Uint8Array;
  /** The same bits, 32 at a time, as far as they fill words. */
  private readonly words: Uint32Array;

  /** E_UNSUPPORTED when the window is larger than `maxPageFrames`. */
  constructor(start: Pfn, end: Pfn, bytes?: Uint8Array) {
    if (end - start > maxPageFrames) {
      throw new VmcoreError(
        'E_UNSUPPORTED',
        `a range of ${end - start} page frames; at most 2^32 can be handled`,
      );
    }
    this.start = start;
    this.end = end;
    this.bytes = bytes ?? new Uint8Array(Math.ceil((end - start) / 8));
    const { buffer, byteOffset, length } = this.bytes;
    this.words = byteOffset % 4 === 0 ? new Uint32Array(buffer, byteOffset, length >>> 2) : noWords;
  }

  has(pfn: number): boolean {
    if (pfn < this.start || pfn >= this.end) return false;
    const bit = pfn - this.start;
    return (this.bytes[bit >>> 3]! & (1 << (bit & 7))) !== 0;
  }

  /** Sets [from, to), clipped to the window. */
  setRange(from: number, to: number): void {
    this.fillRange(from, to, true);
  }

  /** Clears [from, to), clipped to the window, and returns how many bits were set before. */
  clearRange(from: number, to: number): number {
    const first = Math.max(from, this.start);
    const last = Math.min(to, this.end);
    if (first >= last) return 0;
    if (last - first === 1) {
      const bit = first - this.start;
      const mask = 1 << (bit & 7);
      const byte = this.bytes[bit >>> 3]!;
      this.bytes[bit >>> 3] = byte & ~mask;
      return (byte & mask) === 0 ? 0 : 1;
    }
    const before = this.countRange(first, last);
    this.fillRange(first, last, false);
    return before;
  }

  private fillRange(from: number, to: number, value: boolean): void {
    const first = Math.max(from, this.start) - this.start;
    const last = Math.min(to, this.end) - this.start - 1;
    if (first > last) return;
    const [firstByte, lastByte] = [first >>> 3, last >>> 3];
    const head = (0xff << (first & 7)) & 0xff;
    const tail = 0xff >>> (7 - (last & 7));
    if (firstByte === lastByte) {
      this.putBits(firstByte, head & tail, value);
      return;
    }
    this.putBits(firstByte, head, value);
    this.bytes.fill(value ? 0xff : 0, firstByte + 1, lastByte);
    this.putBits(lastByte, tail, value);
  }

  private putBits(index: number, mask: number, value: boolean): void {
    const byte = this.bytes[index]!;
    this.bytes[index] = value ? byte | mask : byte & ~mask;
  }

  /** The bytes that fill no word, and all where there are no words. */
  private wordOfBytes(index: number): number {
    const { bytes } = this;
    const at = 4 * index;
    // Beyond the end there is undefined, of which no bit is set.
    return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
  }

  count(): number {
    return this.countRange(this.start, this.end);
  }

  countRange(from: number, to: number): number {
    const first = Math.max(from, this.start) - this.start;
    const last = Math.min(to, this.end) - this.start - 1;
    if (first > last) return 0;
    const { words } = this;
    const lastIndex = last >>> 5;
    let index = first >>> 5;
    let word = ((words[index] ?? this.wordOfBytes(index)) & (-1 << (first & 31))) >>> 0;
    let sum = 0;
    while (index < lastIndex) {
      if (word !== 0) sum += word === allOnes ? 32 : bitsInWord(word);
      word = words[++index] ?? this.wordOfBytes(index);
    }
    return sum + bitsInWord(word & (-1 >>> (31 - (last & 31))));
  }

  /**
   * The first member in [from, to), or the end of that. Who needs to know of a part only must say so: a bitmap has no idea how
   * far away the next member is.
   */
  next(from: number, to: number = this.end): number {
    return this.scan(from, to, 0);
  }

  /** The first page frame in [from, to) that is not a member, or the end of that. */
  nextGap(from: number, to: number = this.end): number {
    return this.scan(from, to, allOnes);
  }

  /** `skip` is the word that can be stepped over whole: 0 when looking for a set bit, `allOnes` for a clear one. */
  private scan(from: number, to: number, skip: number): number {
    const end = Math.min(to, this.end);
    const first = Math.max(from, this.start) - this.start;
    const last = end - this.start - 1;
    if (first > last) return end;
    const { words } = this;
    const lastIndex = last >>> 5;
    let index = first >>> 5;
    let found = ((words[index] ?? this.wordOfBytes(index)) ^ skip) & (-1 << (first & 31));
    while (found === 0) {
      if (index === lastIndex) return end;
      found = (words[++index] ?? this.wordOfBytes(index)) ^ skip;
    }
    // The lowest bit that is set.
    return Math.min(end, this.start + 32 * index + 31 - Math.clz32(found & -found));
  }

  /** Runs of members in [from, to), ascending. */
  *runs(from: number = this.start, to: number = this.end): Generator<PfnRange> {
    for (let at = this.next(from, to); at < Math.min(to, this.end); ) {
      const end = this.nextGap(at, to);
      yield { start: at as Pfn, end: end as Pfn };
      at = this.next(end, to);
    }
  }
}

/** Population count of 32 bits: sums of 2, 4 and 8 neighbours, then all bytes at once. */
function bitsInWord(word: number): number {
  const pairs = word - ((word >>> 1) & 0x5555_5555);
  const fours = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

/** Population count of every byte value. */
export const bitsInByte: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  let sum = 0;
  for (let rest = byte; rest !== 0; rest >>>= 1) sum += rest & 1;
  return sum;
});
