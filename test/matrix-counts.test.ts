/**
 * How many pages of each kind we find in a dump, beside what its kernel had counted itself a moment before it crashed.
 *
 * For arm64 this is the only judge that needs no debuginfo: no makedumpfile reads Debian's arm64 kernels. (drgn, with DWARF, counted
 * the same pages to the last one on 6.12 and 7.2.) Between the count and the crash a kernel still moves a few pages: see `slack`.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type LoadAccount, loadAccount, memoryAccount } from '../lab/guests/account.ts';
import { guestDump } from '../lab/guests/guests.ts';
import { type GuestKernelName, guestKernels } from '../lab/guests/kernels.ts';
import { silentProgress } from '../src/base/progress.ts';
import { Kernel } from '../src/kernel/kernel.ts';
import { vmcore } from './command.ts';
import { open } from './rehearsal.ts';
import { countMarks } from './support/census.ts';

const memory = 2 ** 30;
/** Pages that may change hands meanwhile: each processor keeps a few aside before they are on a list, and the panic takes some. */
const slack = 256;
/** What the kernel counts as slab and is not marked so: blocks too large for a slab, before 6.14 without any mark. */
const unmarkedSlab = 0.1;

interface Excluded {
  readonly free: number;
  readonly cache: number;
  readonly cachePrivate: number;
  readonly user: number;
}

function assertNear(ours: number, kernels: number, most: number, what: string): void {
  assert.ok(Math.abs(ours - kernels) <= most, `${what}: ${ours} pages, the kernel counted ${kernels}`);
}

for (const name of Object.keys(guestKernels) as GuestKernelName[]) {
  describe(`Linux ${name}`, () => {
    let raw = '';
    let account: ReturnType<typeof memoryAccount>;
    let load: LoadAccount;
    let excluded: Excluded;
    before(
      async () => {
        raw = (await guestDump({ kernel: name, memory }, silentProgress, new AbortController().signal)).raw;
        const log = vmcore('dmesg', raw).stdout.toString('latin1');
        account = memoryAccount(log, 4096);
        load = loadAccount(log);
        const run = vmcore('makedumpfile', '-q', '--json', '--dry-run', '-d', '31', raw, '/dev/null');
        assert.equal(run.status, 0, run.stderr);
        excluded = (JSON.parse(run.stdout.toString()) as { excluded: Excluded }).excluded;
      },
      { timeout: 30 * 60_000 },
    );

    it('the machine was at work: there is much of everything, by the counters of its kernel', (t) => {
      t.diagnostic(JSON.stringify(load));
      const MiB = 2 ** 20;
      const atLeast: readonly (readonly [what: string, there: number, least: number])[] = [
        ['plain anonymous memory', load.AnonPages - load.AnonHugePages, 64 * MiB],
        ['transparent huge pages', load.AnonHugePages, 32 * MiB],
        ['hugetlb pages in use', load.HugePages_Total - load.HugePages_Free, 4],
        ['free hugetlb pages', load.HugePages_Free, 4],
        ['tmpfs', load.Shmem, 24 * MiB],
        ['huge pages of a tmpfs', load.ShmemHugePages, 4 * MiB],
        ['clean page cache', load.Cached - load.Shmem - load.Dirty, 32 * MiB],
        ['dirty page cache', load.Dirty, 8 * MiB],
        ['page cache with private data, pages', excluded.cachePrivate, 1000],
        ['buffers of file systems', load.Buffers, 2 * MiB],
        ['swap cache', load.SwapCached, 8 * MiB],
        ['locked memory', load.Mlocked, 2 * MiB],
        ['dentries', load.dentries, 20_000],
        ['inodes', load.inodes, 20_000],
        ['tasks', load.tasks, 300],
      ];
      for (const [what, there, least] of atLeast) assert.ok(there >= least, `${what}: ${there}`);
    });

    it('free pages', () => assertNear(excluded.free, account.free, slack, 'free'));

    it('page cache, with and without private data, tmpfs included', () => {
      assert.ok(excluded.cachePrivate > 1000, `${excluded.cachePrivate} with private data`);
      const kernels = account.fileLists + account.shmem;
      assertNear(excluded.cache + excluded.cachePrivate, kernels, slack, 'cache');
    });

    it('anonymous and hugetlb pages', () => {
      // Locked memory of the load is anonymous and on a list of its own; tmpfs is on the lists of anonymous memory.
      const anonymous = account.anonymousLists + account.unevictable - account.shmem;
      assertNear(excluded.user, anonymous + account.hugetlb, slack, 'user');
    });

    it('hugetlb, slab and poisoned pages', () => {
      const dump = open(raw);
      const census = countMarks(new Kernel(dump));
      dump.source.close();
      assert.ok(account.hugetlb > 0);
      assert.equal(census.hugetlb, account.hugetlb);
      assert.equal(census.hwpoison, account.hwpoison);
      assert.ok(
        census.slab <= account.slab + slack,
        `${census.slab} slab pages, the kernel: ${account.slab}`,
      );
      assertNear(census.slab, account.slab, unmarkedSlab * account.slab + slack, 'slab');
    });
  });
}
