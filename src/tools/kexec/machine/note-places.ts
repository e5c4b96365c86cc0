/**
 * Where the notes of the running kernel lie in physical memory: one of each CPU, which it fills at a panic, and VMCOREINFO.
 *
 * Source of truth: drivers/base/cpu.c (crash_notes, crash_notes_size) and kernel/ksysfs.c (vmcoreinfo), Linux 6.1. Addresses are
 * hexadecimal, the size of a CPU's notes is decimal, that of vmcoreinfo hexadecimal.
 */
import { VmcoreError } from '../../../base/errors.ts';

/** Physical address and size, bytes. */
export interface NotePlace {
  readonly address: number;
  readonly size: number;
}

/** The size that kexec-tools assumes where the kernel does not tell (before 3.6): MAX_NOTE_BYTES of its kexec/crashdump.h. */
const untoldNoteSize = 1024;

/** `address` is the text of crash_notes, `size` that of crash_notes_size; undefined where the kernel has no such file. */
export function parseCpuNotes(address: string, size: string | undefined, file: string): NotePlace {
  const at = parseHexadecimal(address.trim());
  const bytes = size === undefined ? untoldNoteSize : Number(size.trim());
  if (at === undefined || at === 0 || !Number.isSafeInteger(bytes) || bytes <= 0) {
    throw new VmcoreError('E_CORRUPT', `does not say where this CPU's notes are: "${address.trim()}"`, {
      file,
    });
  }
  return { address: at, size: bytes };
}

/** The text of /sys/kernel/vmcoreinfo. */
export function parseVmcoreinfoPlace(text: string, file = '/sys/kernel/vmcoreinfo'): NotePlace {
  const words = text.trim().split(/\s+/);
  const [address, size] = words.map(parseHexadecimal);
  if (words.length !== 2 || !address || !size) {
    throw new VmcoreError('E_CORRUPT', `does not say where VMCOREINFO is: "${text.trim()}"`, { file });
  }
  return { address, size };
}

function parseHexadecimal(text: string): number | undefined {
  if (!/^(0x)?[0-9a-f]+$/i.test(text)) return undefined;
  const value = Number.parseInt(text, 16);
  return Number.isSafeInteger(value) ? value : undefined;
}
