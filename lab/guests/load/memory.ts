/**
 * Memory of a guest as its kernel gives it out: mmap(2), madvise(2) and mlock(2) through node:ffi. For the guests of the lab only:
 * the program itself calls C in src/sys/ alone.
 *
 * Numbers: include/uapi/asm-generic/mman-common.h and mman.h (Linux 6.1), the same on x86_64 and arm64. Sizes are bytes.
 */

type Ffi = typeof import('node:ffi');

const protection = { readWrite: 3 } as const;
const mapFlags = {
  shared: 0x01,
  private: 0x02,
  anonymous: 0x20,
  noReserve: 0x4000,
  hugetlb: 0x4_0000,
} as const;

export const Advice = {
  mergeable: 12,
  hugepage: 14,
  nohugepage: 15,
  /** Writes the pages to swap (5.4). */
  pageout: 21,
  /** Moves the page elsewhere and marks the old one as broken hardware (2.6.33). */
  softOffline: 101,
} as const;
export type Advice = (typeof Advice)[keyof typeof Advice];

export interface Mapping {
  readonly address: bigint;
  readonly bytes: Buffer;
}

export type MappingKind =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'hugetlb' }
  /** Only addresses: touching it is up to the caller, one piece at a time. */
  | { readonly kind: 'reserved' }
  | { readonly kind: 'file'; readonly fd: number };

/** toArrayBuffer of a larger one would be more than a Buffer may have. */
export const largestMapping = 2 ** 30;

export class GuestMemory {
  readonly pageSize: number;
  private readonly ffi: Ffi;
  private readonly mmap: (
    address: bigint,
    size: bigint,
    protection: number,
    flags: number,
    fd: number,
    offset: bigint,
  ) => bigint;
  private readonly munmap: (address: bigint, size: bigint) => number;
  private readonly madvise: (address: bigint, size: bigint, advice: number) => number;
  private readonly mlock: (address: bigint, size: bigint) => number;

  constructor() {
    this.ffi = process.getBuiltinModule('node:ffi') as Ffi;
    const libc = new this.ffi.DynamicLibrary(null);
    // void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
    this.mmap = libc.getFunction('mmap', {
      arguments: ['uint64', 'uint64', 'int32', 'int32', 'int32', 'int64'],
      return: 'uint64',
    });
    // int munmap(void *addr, size_t length)
    this.munmap = libc.getFunction('munmap', { arguments: ['uint64', 'uint64'], return: 'int32' });
    // int madvise(void *addr, size_t length, int advice)
    this.madvise = libc.getFunction('madvise', { arguments: ['uint64', 'uint64', 'int32'], return: 'int32' });
    // int mlock(const void *addr, size_t len)
    this.mlock = libc.getFunction('mlock', { arguments: ['uint64', 'uint64'], return: 'int32' });
    // int getpagesize(void)
    this.pageSize = Number(libc.getFunction('getpagesize', { arguments: [], return: 'int32' })());
  }

  /** Throws when the kernel has none to give. */
  map(size: number, of: MappingKind = { kind: 'anonymous' }): Mapping {
    const flags =
      of.kind === 'file'
        ? mapFlags.shared
        : mapFlags.private |
          mapFlags.anonymous |
          (of.kind === 'hugetlb' ? mapFlags.hugetlb : of.kind === 'reserved' ? mapFlags.noReserve : 0);
    const fd = of.kind === 'file' ? of.fd : -1;
    const address = this.mmap(0n, BigInt(size), protection.readWrite, flags, fd, 0n);
    if (address === 0xffff_ffff_ffff_ffffn) throw new Error(`mmap of ${size} bytes (${of.kind}) failed`);
    return { address, bytes: Buffer.from(this.ffi.toArrayBuffer(address, size, false)) };
  }

  /** `bytes` of it must not be touched any more. */
  unmap({ address, bytes }: Mapping): void {
    this.munmap(address, BigInt(bytes.length));
  }

  /** False when the kernel does not take the advice for this part of the mapping. */
  advise({ address }: Mapping, advice: Advice, start: number, size: number): boolean {
    return this.madvise(address + BigInt(start), BigInt(size), advice) === 0;
  }

  lock({ address, bytes }: Mapping): boolean {
    return this.mlock(address, BigInt(bytes.length)) === 0;
  }

  /** Reads one byte of every page. */
  touch(bytes: Buffer): number {
    let sum = 0;
    for (let at = 0; at < bytes.length; at += this.pageSize) sum += bytes[at]!;
    return sum;
  }
}
