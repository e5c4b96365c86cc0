/**
 * How many pages of each kind we find in a dump, beside what its kernel had counted itself a moment before it crashed.
 *
 * For arm64 this is the only judge that needs no debuginfo: no makedumpfile reads Debian's arm64 kernels. (drgn, with DWARF, counted
 * the same pages to the last one on 6.12 and 7.2.) Between the count and the crash a kernel still moves a few pages: see `slack`.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { memoryAccount } from '../lab/guests/account.ts';
import { type GuestKernelName, guestDump, guestKernels } from '../lab/guests/guests.ts';
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
    let excluded: Excluded;
    before(
      async () => {
        raw = (await guestDump({ kernel: name, memory }, silentProgress, new AbortController().signal)).raw;
        account = memoryAccount(vmcore('dmesg', raw).stdout.toString('latin1'), 4096);
        const run = vmcore('makedumpfile', '-q', '--json', '--dry-run', '-d', '31', raw, '/dev/null');
        assert.equal(run.status, 0, run.stderr);
        excluded = (JSON.parse(run.stdout.toString()) as { excluded: Excluded }).excluded;
      },
      { timeout: 30 * 60_000 },
    );

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
