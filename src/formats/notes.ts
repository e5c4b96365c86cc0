/** What dump formats need to know from the notes before anything interprets them. */
import { isPowerOfTwo, latin1 } from '../base/bytes.ts';
import { noteNames } from './dump.ts';
import type { Note } from './elf.ts';

/** Notes of 8192 CPUs are under 8 MiB; more than this is a broken header. */
export const maxNoteBytes = 64 * 2 ** 20;

/** The VMCOREINFO note's text, without the padding NULs that /proc/vmcore leaves behind it. */
export function vmcoreinfoText(notes: readonly Note[]): string | undefined {
  const note = notes.find((candidate) => candidate.name === noteNames.vmcoreinfo);
  return note === undefined ? undefined : textWithoutPadding(note.data);
}

/** What filters erased, a line each; empty when nothing was. */
export const eraseinfoLines = (notes: readonly Note[]): string[] =>
  notes
    .filter(({ name }) => name === noteNames.eraseinfo)
    .flatMap(({ data }) => textWithoutPadding(data).split('\n'))
    .filter((line) => line !== '');

/** Text without the NULs behind it. By a loop: a pattern of NULs up to the end takes quadratic time on hostile text. */
export function textWithoutPadding(bytes: Uint8Array): string {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return latin1(bytes.subarray(0, end));
}

/** PAGESIZE= of vmcoreinfo (kernel/crash_core.c, since 2.6.24); without it, 4096. */
export function pageSizeOf(vmcoreinfo: string | undefined): number {
  const match = /^PAGESIZE=(\d+)$/m.exec(vmcoreinfo ?? '');
  const size = match ? Number(match[1]) : 4096;
  return isPowerOfTwo(size) && size >= 4096 && size <= 65536 ? size : 4096;
}
