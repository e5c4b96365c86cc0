/** The report of makedumpfile --show-stats, in the lines and numbers that its users' scripts look for. */
import type { MakedumpfileResult } from './job.ts';

export interface ReportContext {
  /** One past the highest page frame of the vmcore. */
  readonly endPfn: number;
  readonly format: 'kdump' | 'elf';
  /** Size of the output, all files together. */
  readonly bytes: number;
}

/** Page counts are hexadecimal, 16 digits, as in the original (print_report() of makedumpfile.c 1.7.9). */
export function reportText(result: MakedumpfileResult, { endPfn, format, bytes }: ReportContext): string {
  const { ram, zero, excluded, dropped, written } = result;
  const hex = (pages: number): string => `0x${pages.toString(16).padStart(16, '0')}`;
  const { cache, cachePrivate, user, free, hwpoison, offline } = excluded;
  const out = zero + cache + cachePrivate + user + free + hwpoison + offline + dropped;
  // ELF output also has the short gaps between kept pages.
  const elf = (pages: number): string[] => (format === 'elf' ? [`     in ELF format : ${hex(pages)}`] : []);
  const left = format === 'elf' ? written : ram - out;
  const lines = [
    '',
    `Original pages  : ${hex(ram)}`,
    `  Excluded pages   : ${hex(out)}`,
    ...elf(ram - written),
    `    Pages filled with zero  : ${hex(zero)}`,
    `    Non-private cache pages : ${hex(cache)}`,
    `    Private cache pages     : ${hex(cachePrivate)}`,
    `    User process data pages : ${hex(user)}`,
    `    Free pages              : ${hex(free)}`,
    `    Hwpoison pages          : ${hex(hwpoison)}`,
    `    Offline pages           : ${hex(offline)}`,
    `    Extension filter pages  : ${hex(dropped)}`,
    `  Remaining pages  : ${hex(ram - out)}`,
    ...elf(written),
    ...(ram === 0 ? [] : [`  (The number of pages is reduced to ${Math.floor((left * 100) / ram)}%.)`]),
    `Memory Hole     : ${hex(endPfn - ram)}`,
    '--------------------------------------------------',
    `Total pages     : ${hex(endPfn)}`,
    `Write bytes     : ${bytes}`,
    '',
  ];
  return `${lines.join('\n')}\n`;
}
