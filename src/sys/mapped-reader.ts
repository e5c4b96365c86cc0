/**
 * Copies bytes out of /proc/vmcore by mmap(2). A read(2) of it maps and unmaps each page by itself, with a flush of the TLB; mmap does a piece of
 * some MiB at once (fs/proc/vmcore.c and arch/x86/kernel/crash_dump_64.c, Linux 6.1). In an emulated machine that is two to three times as fast,
 * the copy included.
 *
 * Dumps in files are read: from the page cache that costs the same, and a page of a file that cannot be read any more is an error then, and not
 * a SIGBUS. /proc/vmcore has no such pages: it is all there once it is mapped.
 *
 * The memory that pieces are mapped over is ours as long as the reader lives, and is never unmapped: a piece replaces the one before. So there is no
 * moment at which an ArrayBuffer lies over nothing.
 */
import { type PageExchange, pageExchange } from './libc.ts';

/** Bytes mapped at a time: as many as makedumpfile maps. A multiple of every page size. */
const pieceBytes = 4 << 20;
/** Reads of so many bytes are part of a walk through the file. */
const longRead = 64 << 10;
const wasmPage = 65536;

export class MappedReader {
  private readonly fd: number;
  private readonly size: number;
  private readonly exchange: PageExchange;
  private readonly memory: Uint8Array<ArrayBuffer>;
  private readonly address: bigint;
  /** The number of the piece that is mapped. */
  private piece: number | undefined;
  /** Where the last read ended. */
  private last = 0;

  /** Undefined where the file cannot be mapped. It is `size` bytes long, and stays so. */
  static open(fd: number, size: number): MappedReader | undefined {
    const exchange = pageExchange();
    // Tried elsewhere first: a mapping that fails over our memory may leave nothing in its place.
    return exchange?.canMap(fd, 1) === true ? new MappedReader(fd, size, exchange) : undefined;
  }

  private constructor(fd: number, size: number, exchange: PageExchange) {
    this.fd = fd;
    this.size = size;
    this.exchange = exchange;
    // The one kind of memory that is certain to be whole pages, and nobody else's.
    const { buffer } = new WebAssembly.Memory({ initial: pieceBytes / wasmPage });
    this.memory = new Uint8Array(buffer as ArrayBuffer);
    this.address = exchange.addressOf(this.memory);
  }

  /**
   * How many bytes from `offset` on were copied; what is missing has to be read. Only what looks like a walk through the file is mapped: page
   * tables and lists are looked at here and there, a page at a time, and mapping MiBs for each would cost far more than reading it.
   */
  read(offset: number, into: Uint8Array): number {
    const isOnward = offset >= this.last && offset - this.last < pieceBytes;
    this.last = offset + into.length;
    if (into.length < longRead && !isOnward && Math.floor(offset / pieceBytes) !== this.piece) return 0;
    let done = 0;
    while (done < into.length) {
      const part = this.show(offset + done, into.length - done);
      if (part === undefined) break;
      into.set(part, done);
      done += part.length;
    }
    return done;
  }

  /** The bytes from `offset` on, up to the end of their piece. Undefined beyond the file, and when the system refuses. */
  private show(offset: number, most: number): Uint8Array | undefined {
    if (offset >= this.size) return undefined;
    const piece = Math.floor(offset / pieceBytes);
    const start = piece * pieceBytes;
    const length = Math.min(pieceBytes, this.size - start);
    if (piece !== this.piece) {
      if (!this.exchange.mapFile(this.address, length, this.fd, start)) {
        // Whatever is left there now: it must stay ours.
        this.exchange.mapZeros(this.address, pieceBytes);
        this.piece = undefined;
        return undefined;
      }
      this.piece = piece;
    }
    return this.memory.subarray(offset - start, Math.min(offset - start + most, length));
  }
}
