import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryAccount } from './account.ts';

/** As Linux 6.12 prints it on arm64, with several sizes of huge pages. */
const log = `[   70.0] Mem-Info:
[   70.0] active_anon:1 inactive_anon:1 isolated_anon:1
[   71.298911] Mem-Info:
[   71.298911] active_anon:66842 inactive_anon:11657 isolated_anon:2
                active_file:13120 inactive_file:43642 isolated_file:0
                unevictable:512 dirty:7322 writeback:0
                slab_reclaimable:5628 slab_unreclaimable:5213
                mapped:13231 shmem:9707 pagetables:3504
                free:13891 free_pcp:6876 free_cma:2066
[   71.299066] Node 0 active_anon:267368kB inactive_anon:46628kB unevictable:2048kB shmem:38828kB
[   71.299153] Node 0 DMA free:55564kB boost:0kB
[   71.301199] Node 0 hugepages_total=2 hugepages_free=0 hugepages_surp=0 hugepages_size=32768kB
[   71.301229] Node 0 hugepages_total=15 hugepages_free=8 hugepages_surp=0 hugepages_size=2048kB
[   71.301422] 16 pages hwpoisoned
`;

test('the last account in the log is read, in pages', () => {
  assert.deepEqual(memoryAccount(log, 4096), {
    free: 13891,
    anonymousLists: 66842 + 11657 + 2,
    fileLists: 13120 + 43642,
    shmem: 9707,
    unevictable: 512,
    slab: 5628 + 5213,
    hugetlb: 2 * 8192 + 15 * 512,
    hwpoison: 16,
  });
});

test('a log without an account is refused by name', () => {
  assert.throws(() => memoryAccount('[ 1.0] Linux version', 4096), /no free in its Mem-Info/);
});
