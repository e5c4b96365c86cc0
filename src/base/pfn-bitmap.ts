/**
 * A set of page frames in a window [start, end), one bit each, in the bit order of kdump-compressed bitmaps
 * (bit n of byte n/8, least significant first). At most 2^32 page frames: bits are numbered in 32 bits.
 */
import { VmcoreError } from './errors.ts';
import type { Pfn, PfnRange } from './units.ts';

/** 16 TiB of 4 KiB pages. */
export const maxPageFrames = 2 ** 32;

const noWords = new Uint32Array(0);

export class PfnBitmap {
  readonly start: Pfn;
  readonly end: Pfn;
  readonly bytes: Uint8Array;
  /** The same bits, 32 at a time, as far as they fill words: long runs are stepped over four times as fast. */
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
    let bit = Math.max(from, this.start) - this.start;
    const last = Math.min(to, this.end) - this.start;
    const put = (at: number): void => {
      const mask = 1 << (at & 7);
      this.bytes[at >>> 3] = value ? this.bytes[at >>> 3]! | mask : this.bytes[at >>> 3]! & ~mask;
    };
    while (bit < last && (bit & 7) !== 0) put(bit++);
    const wholeBytes = (last - bit) >>> 3;
    if (bit < last && wholeBytes > 0) {
      this.bytes.fill(value ? 0xff : 0, bit >>> 3, (bit >>> 3) + wholeBytes);
      bit += wholeBytes * 8;
    }
    while (bit < last) put(bit++);
  }

  count(): number {
    return this.countRange(this.start, this.end);
  }

  countRange(from: number, to: number): number {
    let bit = Math.max(from, this.start) - this.start;
    const last = Math.min(to, this.end) - this.start;
    let sum = 0;
    while (bit < last && (bit & 7) !== 0) sum += (this.bytes[bit >>> 3]! >>> (bit++ & 7)) & 1;
    for (; bit + 8 <= last && (bit & 31) !== 0; bit += 8) sum += bitsInByte[this.bytes[bit >>> 3]!]!;
    const wordsEnd = Math.min(this.words.length, Math.max(0, last) >>> 5);
    for (let word = bit >>> 5; word < wordsEnd; word++, bit += 32) sum += bitsInWord(this.words[word]!);
    for (; bit + 8 <= last; bit += 8) sum += bitsInByte[this.bytes[bit >>> 3]!]!;
    while (bit < last) sum += (this.bytes[bit >>> 3]! >>> (bit++ & 7)) & 1;
    return sum;
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
    return this.scan(from, to, 0xff);
  }

  /** `skip` is the byte value that can be stepped over whole: 0 when looking for a set bit, 0xff for a clear one. */
  private scan(from: number, to: number, skip: 0 | 0xff): number {
    const wanted = skip === 0 ? 1 : 0;
    const skipWord = skip === 0 ? 0 : 0xffff_ffff;
    const end = Math.min(to, this.end);
    const last = end - this.start;
    let bit = Math.max(from, this.start) - this.start;
    while (bit < last) {
      // Beyond the words there is undefined, which is neither.
      if ((bit & 31) === 0 && this.words[bit >>> 5] === skipWord) bit += 32;
      else if ((bit & 7) === 0 && this.bytes[bit >>> 3] === skip) bit += 8;
      else if (((this.bytes[bit >>> 3]! >>> (bit & 7)) & 1) === wanted) return bit + this.start;
      else bit++;
    }
    return end;
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
