/** What dump formats need to know from the notes before anything interprets them. */
import { isPowerOfTwo, latin1 } from '../base/bytes.ts';
import { noteNames } from './dump.ts';
import type { Note } from './elf.ts';

/** The VMCOREINFO note's text, without the padding NULs that /proc/vmcore leaves behind it. */
export function vmcoreinfoText(notes: readonly Note[]): string | undefined {
  const note = notes.find((candidate) => candidate.name === noteNames.vmcoreinfo);
  return note === undefined ? undefined : latin1(note.data).replace(/\0+$/, '');
}

/** PAGESIZE= of vmcoreinfo (kernel/crash_core.c, since 2.6.24); without it, 4096. */
export function pageSizeOf(vmcoreinfo: string | undefined): number {
  const match = /^PAGESIZE=(\d+)$/m.exec(vmcoreinfo ?? '');
  const size = match ? Number(match[1]) : 4096;
  return isPowerOfTwo(size) && size >= 4096 && size <= 65536 ? size : 4096;
}
