/**
 * What a kernel itself counted just before its panic, out of its log: sysrq m (show_mem(), mm/show_mem.c, Linux 6.12), pages; and what
 * first-common.sh read in /proc.
 */
import { parseJournalLine } from '../../src/tools/kdumpctl/journal.ts';

export interface MemoryAccount {
  readonly free: number;
  /** On the lists of anonymous memory, tmpfs included. */
  readonly anonymousLists: number;
  readonly fileLists: number;
  readonly shmem: number;
  readonly unevictable: number;
  /** Slab pages, and allocations that were too large for a slab. */
  readonly slab: number;
  /** Base pages in hugetlb pages, used and free. */
  readonly hugetlb: number;
  readonly hwpoison: number;
}

/** The account in a kernel's log, or an error that names what is missing. */
export function memoryAccount(log: string, pageSize: number): MemoryAccount {
  const info = log.slice(log.lastIndexOf('Mem-Info:'));
  const number = (key: string): number => {
    const match = new RegExp(`\\b${key}:(\\d+)(?!\\d*kB)`).exec(info);
    if (match === null) throw new Error(`the log has no ${key} in its Mem-Info`);
    return Number(match[1]);
  };
  let hugetlb = 0;
  for (const match of info.matchAll(/hugepages_total=(\d+).*hugepages_size=(\d+)kB/g)) {
    hugetlb += Number(match[1]) * ((Number(match[2]) * 1024) / pageSize);
  }
  return {
    free: number('free'),
    anonymousLists: number('active_anon') + number('inactive_anon') + number('isolated_anon'),
    fileLists: number('active_file') + number('inactive_file') + number('isolated_file'),
    shmem: number('shmem'),
    unevictable: number('unevictable'),
    slab: number('slab_reclaimable') + number('slab_unreclaimable'),
    hugetlb,
    hwpoison: Number(/(\d+) pages hwpoisoned/.exec(info)?.[1] ?? 0),
  };
}

/** Lines of /proc/meminfo (proc(5)). */
const meminfoKeys = [
  'AnonPages',
  'AnonHugePages',
  'Buffers',
  'Cached',
  'Dirty',
  'HugePages_Total',
  'HugePages_Free',
  'Mlocked',
  'Shmem',
  'ShmemHugePages',
  'SwapCached',
] as const;
/** First numbers of /proc/sys/fs/dentry-state and inode-nr; threads of /proc/loadavg. */
const otherKeys = ['dentries', 'inodes', 'tasks'] as const;

/** Bytes; huge pages, names and tasks by number. */
export type LoadAccount = Readonly<Record<(typeof meminfoKeys)[number] | (typeof otherKeys)[number], number>>;

/** The account event in a kernel's log, or an error that names what is missing. */
export function loadAccount(log: string): LoadAccount {
  const events = log.split('\n').map(parseJournalLine);
  const account = events.findLast((event) => event?.name === 'account')?.fields;
  if (account === undefined) throw new Error('the log has no account of the load');
  const numbers = [...meminfoKeys, ...otherKeys].map((key) => {
    const value = account[key];
    if (typeof value !== 'number') throw new Error(`the account has no ${key}`);
    return [key, value] as const;
  });
  return Object.fromEntries(numbers) as LoadAccount;
}
