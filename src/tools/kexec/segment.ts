/**
 * What kexec_load(2) is given: pieces of memory, and where to jump when all are in place.
 *
 * A segment becomes a struct kexec_segment { buf, bufsz, mem, memsz } (include/uapi/linux/kexec.h, Linux 6.1): the kernel copies `data` to
 * physical `address` and fills the rest of `size` with zeros. Address and size are multiples of the page size; segments do
 * not overlap; at most 16 are taken (KEXEC_SEGMENT_MAX).
 */

export type KexecArch = 'x86_64' | 'arm64';

export interface Segment {
  /** What it is, as -d prints it: `kernel`, `initrd`, `elfcorehdr`, … */
  readonly name: string;
  readonly data: Uint8Array;
  /** Physical. */
  readonly address: number;
  /** Bytes of memory it takes, not below `data.length`. */
  readonly size: number;
}

/** All that is handed to the kernel. */
export interface LoadPlan {
  readonly arch: KexecArch;
  /** Physical address of the first instruction. */
  readonly entry: number;
  readonly segments: readonly Segment[];
}

export const maxSegments = 16;
