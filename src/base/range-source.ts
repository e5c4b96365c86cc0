/**
 * A ByteSource over something that gives a range of bytes at a price a request: a web server, a Blob in another thread. Bytes are had in blocks and
 * kept, the ones used longest ago are dropped, and what is read onward is fetched in ever longer pieces, as a kernel's read-ahead does.
 */
import type { ByteSource } from './byte-source.ts';

/** From `start` up to `end`, offsets in bytes. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/** Where the bytes are. */
export interface ByteRanges {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** The bytes from `start` up to `end`, all of them. Throws when they cannot be had. */
  fetch(start: number, end: number): Uint8Array;
  close(): void;
}

/** A page of a dump, its neighbours and its descriptors are seldom further apart, and a request for less costs as much time. */
const blockSize = 64 * 1024;
/** 32 MiB: the answers of a session. */
const maxBlocks = 512;
/** Blocks of a request: the first of a walk, and the longest (2 MiB). */
const firstAhead = 2;
const mostAhead = 32;
/** Bytes of the first request of a walk. */
export const firstRequest = firstAhead * blockSize;

export class RangeSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  private readonly ranges: ByteRanges;
  /** A Map keeps insertion order: the first key is the one used longest ago. */
  private readonly blocks = new Map<number, Uint8Array>();
  /** Number of the block behind the last request, and how many blocks are asked for when the walk gets there. */
  private expected = -1;
  private ahead = firstAhead;

  constructor(ranges: ByteRanges) {
    this.ranges = ranges;
    this.name = ranges.name;
    this.size = ranges.size;
  }

  read(offset: number, into: Uint8Array): number {
    // Headers can name offsets that no file has.
    const end = Math.min(offset + into.length, this.size);
    for (let at = offset; at < end; ) {
      const index = Math.floor(at / blockSize);
      const block = this.block(index, Math.floor((end - 1) / blockSize));
      const inBlock = at - index * blockSize;
      const part = block.subarray(inBlock, inBlock + end - at);
      into.set(part, at - offset);
      at += part.length;
    }
    return Math.max(0, end - offset);
  }

  close(): void {
    this.blocks.clear();
    this.ranges.close();
  }

  /** A block; when it is not there, it is fetched with those behind it up to `last`, and more when this is a walk. */
  private block(index: number, last: number): Uint8Array {
    const hit = this.blocks.get(index);
    if (hit !== undefined) {
      this.blocks.delete(index);
      this.blocks.set(index, hit);
      return hit;
    }
    this.ahead = index === this.expected ? Math.min(this.ahead * 2, mostAhead) : firstAhead;
    const wanted = Math.min(Math.max(this.ahead, last - index + 1), mostAhead);
    let count = 1;
    while (count < wanted && !this.blocks.has(index + count)) count++;
    this.expected = index + count;
    const start = index * blockSize;
    const bytes = this.ranges.fetch(start, Math.min(start + count * blockSize, this.size));
    for (let at = 0; at < bytes.length; at += blockSize) {
      if (this.blocks.size >= maxBlocks) this.blocks.delete(this.blocks.keys().next().value!);
      // A copy: a part of the answer would keep all of it.
      this.blocks.set(index + at / blockSize, bytes.slice(at, at + blockSize));
    }
    return this.blocks.get(index)!;
  }
}
