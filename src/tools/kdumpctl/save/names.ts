/** What the files of a saved dump are called. Until one is whole and safe, its name ends in -incomplete. */
import { dumpFileName, incompleteName } from '../targets/dump-store.ts';

export const dumpNames = {
  dump: 'vmcore',
  incomplete: incompleteName('vmcore'),
  /** The log of the crashed kernel. */
  log: 'vmcore-dmesg.txt',
  /** Every byte of /proc/vmcore, asked for beside the dump, or copied when our program could not run. */
  raw: 'vmcore.elf',
  /** The log of the capture kernel, with the journal of the save. */
  captureLog: 'kexec-dmesg.log',
} as const;

/** What a whole dump can be called. */
export const wholeDumpNames: readonly string[] = [
  dumpFileName(dumpNames.dump, 'plain'),
  dumpFileName(dumpNames.dump, 'flattened'),
];
