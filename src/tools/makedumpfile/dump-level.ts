/** Dump levels: which kinds of pages are left out (makedumpfile(8), -d). */
import { PageKind } from '../../kernel/memory/page-kind.ts';

/** Bits of a dump level. */
export const DumpLevel = { zero: 1, cache: 2, cachePrivate: 4, user: 8, free: 16 } as const;
export const maxDumpLevel = 31;

/** Reads "31"; undefined when it is not a level. */
export function parseDumpLevel(text: string): number | undefined {
  const level = /^\d{1,2}$/.test(text) ? Number(text) : -1;
  return level >= 0 && level <= maxDumpLevel ? level : undefined;
}

/** The kinds a level leaves out, as bits 1 << kind. Poisoned and offline pages are never read, at any level. */
export function excludedKinds(level: number): number {
  let kinds = (1 << PageKind.hwpoison) | (1 << PageKind.offline);
  // Bit 4 takes all cache pages, as makedumpfile does: "cache with private" is tested after, and includes, "cache".
  if ((level & (DumpLevel.cache | DumpLevel.cachePrivate)) !== 0) kinds |= 1 << PageKind.cache;
  if ((level & DumpLevel.cachePrivate) !== 0) kinds |= 1 << PageKind.cachePrivate;
  if ((level & DumpLevel.user) !== 0) kinds |= 1 << PageKind.user;
  if ((level & DumpLevel.free) !== 0) kinds |= 1 << PageKind.free;
  return kinds;
}
