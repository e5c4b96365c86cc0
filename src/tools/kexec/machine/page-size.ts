/** The page size of the running kernel, from the auxiliary vector of this process: pairs of 64-bit words (include/uapi/linux/auxvec.h). */

import { u64, viewOf } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import type { KernelFiles } from './kernel-files.ts';

/** AT_PAGESZ. */
const pageSizeTag = 6;

/** Bytes; undefined when the vector does not tell. */
export function pageSizeIn(vector: Uint8Array): number | undefined {
  const view = viewOf(vector);
  for (let at = 0; at + 16 <= vector.length; at += 16) {
    if (u64(view, at, true) === pageSizeTag) return u64(view, at + 8, true);
  }
  return undefined;
}

/** Bytes. E_NO_INFO when the kernel does not tell. */
export function pageSize(files: KernelFiles): number {
  const size = pageSizeIn(files.bytes('proc/self/auxv'));
  if (size !== undefined) return size;
  throw new VmcoreError('E_NO_INFO', 'does not tell the page size', {
    file: files.path('proc/self/auxv'),
    hint: 'mount /proc',
  });
}
