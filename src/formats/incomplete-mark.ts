/**
 * The bytes by which a dump says that it is incomplete, for those who see it pass by and do not open it. Where they are: kdump-header.ts,
 * elf-core.ts.
 */
import { viewOf } from '../base/bytes.ts';
import { isElf } from './elf.ts';
import { elfIncompleteFlag } from './elf-core.ts';
import { isKdump } from './kdump-file.ts';
import { isLittleEndianKdump, kdumpStatus, kdumpStatusOffset } from './kdump-header.ts';

/** So much of a dump's beginning says what it is, and has the mark. */
export const markedHeadSize = 512;

export interface IncompleteMark {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

const elfFlagsOffset = 48;

/** What to write into the dump that begins with `head` (at least `markedHeadSize` bytes); undefined when it is none that has such a mark. */
export function incompleteMark(head: Uint8Array): IncompleteMark | undefined {
  const view = viewOf(head);
  if (isKdump(head)) {
    return markAt(view, kdumpStatusOffset, kdumpStatus.incomplete, isLittleEndianKdump(view));
  }
  // e_ident[EI_DATA] is 1 for the little end first.
  if (isElf(head)) return markAt(view, elfFlagsOffset, elfIncompleteFlag, head[5] === 1);
  return undefined;
}

function markAt(head: DataView, offset: number, flag: number, littleEndian: boolean): IncompleteMark {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, head.getUint32(offset, littleEndian) | flag, littleEndian);
  return { offset, bytes };
}
