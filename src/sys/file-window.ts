/**
 * A window onto a file: its pages instead of those of some memory of ours, by mmap(2).
 *
 * Looking at pages costs a third of reading them when they are in the page cache, and far less where a read maps and unmaps each page by itself, as
 * that of /proc/vmcore does (fs/proc/vmcore.c, Linux 6.1).
 *
 * What keeps this safe:
 *   - The memory is never unmapped. A file is mapped over it, then another part of the file, at last zeros; so there is no moment at which an
 *     ArrayBuffer lies over nothing, and a view kept too long sees wrong bytes and does not crash.
 *   - Only whole pages that the file has when they are mapped. They are brought in at once, so that a page that cannot be read, or that is
 *     cut off in the meantime, is an error and not a SIGBUS; who reads instead learns which.
 */
import { fstatSync } from 'node:fs';
import type { Window } from '../base/byte-source.ts';
import { alignDown, alignUp } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import { type PageExchange, pageExchange } from './libc.ts';

/** What a page table maps in one go, when the page cache has it in one piece; a multiple of every page size. */
const alignment = 2 ** 21;

/** Bytes of memory that a window of `length` bytes is opened with, wherever that memory begins. */
export const windowMemory = (length: number): number => Math.ceil(length / alignment + 1) * alignment;

export class FileWindow implements Window {
  private readonly fd: number;
  private readonly exchange: PageExchange;
  /** Aligned, as is its address. */
  private readonly memory: Uint8Array<ArrayBuffer>;
  private readonly address: bigint;
  /** What is shown, bytes of the file. */
  private start = 0;
  private end = 0;

  /** Undefined where the file cannot be mapped, or `memory` is too small. The file stays open as long as the window. */
  static open(fd: number, memory: Uint8Array<ArrayBuffer>): FileWindow | undefined {
    const exchange = pageExchange();
    // Tried elsewhere first: a mapping that fails over our memory may leave nothing in its place.
    if (exchange?.canMap(fd, 1) !== true) return undefined;
    const misplaced = Number(exchange.addressOf(memory) % BigInt(alignment));
    const skipped = misplaced === 0 ? 0 : alignment - misplaced;
    const length = Math.floor((memory.length - skipped) / alignment) * alignment;
    if (length <= 0) return undefined;
    return new FileWindow(fd, exchange, memory.subarray(skipped, skipped + length));
  }

  private constructor(fd: number, exchange: PageExchange, memory: Uint8Array<ArrayBuffer>) {
    this.fd = fd;
    this.exchange = exchange;
    this.memory = memory;
    this.address = exchange.addressOf(memory);
  }

  /** Are they shown now? */
  shows(offset: number, length: number): boolean {
    return offset >= this.start && offset + length <= this.end;
  }

  show(offset: number, length: number): Uint8Array<ArrayBuffer> | undefined {
    if (!this.shows(offset, length)) {
      // What begins in what is shown and ends beyond it: to move for that would be to map everything twice, piece after piece.
      if (this.shows(offset, 1) || !this.move(offset, length)) return undefined;
    }
    return this.memory.subarray(offset - this.start, offset - this.start + length);
  }

  /** As `show`, but only as far as it goes on without moving: 1 byte at least, and `most` at most. */
  showSome(offset: number, most: number): Uint8Array<ArrayBuffer> | undefined {
    if (!this.shows(offset, 1) && !this.move(offset, 1)) return undefined;
    return this.memory.subarray(offset - this.start, Math.min(offset + most, this.end) - this.start);
  }

  clear(): void {
    if (this.end === this.start) return;
    this.start = 0;
    this.end = 0;
    if (this.exchange.mapZeros(this.address, this.memory.length)) return;
    throw new VmcoreError('E_IO', 'the system took memory away and gives none back', {
      hint: 'free some memory, or use --non-mmap',
    });
  }

  /**
   * Shows the aligned pieces that the bytes lie in; and where they go on from what was shown, as many more in that direction as there is room for.
   * Downward is common: a kernel that boots takes memory from the top.
   */
  private move(offset: number, length: number): boolean {
    const { size } = fstatSync(this.fd);
    let start = alignDown(offset, alignment);
    let end = alignUp(offset + length, alignment);
    const room = this.memory.length;
    if (offset + length > size || end - start > room) return false;
    if (start === this.end) end = start + room;
    else if (end === this.start) start = Math.max(0, end - room);
    const mapped = Math.min(end, size) - start;
    // What was shown and is not covered now would stay in memory.
    if (this.end - this.start > mapped) this.clear();
    this.start = start;
    this.end = start + mapped;
    if (this.exchange.mapFile(this.address, mapped, this.fd, start)) {
      const error = this.exchange.populate(this.address, mapped);
      // EINVAL: a kernel before 5.14, or memory of a device, as all of /proc/vmcore is: that is there once it is mapped.
      if (error === undefined || error.name === 'EINVAL') return true;
    }
    this.clear();
    return false;
  }
}
