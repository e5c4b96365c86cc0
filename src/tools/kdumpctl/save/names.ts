/** What the files of a saved dump are called. Until one is whole and safe, its name ends in -incomplete. */
export const dumpNames = {
  dump: 'vmcore',
  incomplete: 'vmcore-incomplete',
  /** The log of the crashed kernel. */
  log: 'vmcore-dmesg.txt',
  /** Every byte of /proc/vmcore, asked for beside the dump, or copied when our program could not run. */
  raw: 'vmcore.elf',
  /** The log of the capture kernel, with the journal of the save. */
  captureLog: 'kexec-dmesg.log',
} as const;
