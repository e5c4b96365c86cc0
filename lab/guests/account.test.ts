import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadAccount, memoryAccount } from './account.ts';

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

test('the account of the load is read from its event, and nothing of it may be missing', () => {
  const event =
    '{"Buffers":3772416,"Cached":199684096,"SwapCached":23175168,"Mlocked":2097152,"Dirty":25817088,"AnonPages":228823040,' +
    '"Shmem":86179840,"AnonHugePages":94371840,"ShmemHugePages":8388608,"HugePages_Total":11,"HugePages_Free":6,' +
    '"dentries":34411,"inodes":34680,"tasks":372}';
  const text = `[   30.1] vmcore: loaded {}\n[   32.294320] vmcore: account ${event}\n[   32.3] Mem-Info:\n`;
  assert.deepEqual(loadAccount(text), JSON.parse(event));
  assert.throws(() => loadAccount(text.replace('"Dirty"', '"Clean"')), /no Dirty/);
  assert.throws(() => loadAccount('[ 1.0] Linux version'), /no account/);
});
