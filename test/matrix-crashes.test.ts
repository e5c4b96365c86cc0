/**
 * Kernels that went down in other ways than by sysrq, all that crashes.test.ts leaves out: every kernel that we promise and every way, beside what
 * the kernel printed and what its /proc said; and on Debian 12's beside drgn with the DWARF of the kernel and of the module.
 *
 * Long (a boot for each, made once and kept; 1 GB of Debian's debuginfo): `npm run test:matrix`.
 */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { before, describe, it } from 'node:test';
import { debugVmlinux } from '../lab/debug-kernel.ts';
import { type CrashGuest, type CrashWay, crashGuest, crashWays } from '../lab/guests/crash-guests.ts';
import type { GuestKernelName } from '../lab/guests/kernels.ts';
import { newestDrgn } from '../lab/peers.ts';
import { silentProgress } from '../src/base/progress.ts';
import { isKernel, itHasTheStacksThatTheKernelPrinted, type OurStack } from './support/stacks-of-guest.ts';
import { itShowsWhatExportsLeadTo, itShowsWhatTheGuestSaid } from './support/views-of-guest.ts';
import { vmcoreJson } from './support/vmcore-json.ts';

const limit = { timeout: 20 * 60_000 };
/** No NMI can be injected into an arm64 machine. Debian 11's and 12's arm64 kernels have names of functions only, which is enough for stacks. */
const waysOf: Readonly<Partial<Record<GuestKernelName, readonly CrashWay[]>>> = {
  '5.10-x86_64': crashWays,
  '5.10-arm64': ['oops', 'sysrq'],
  '6.1-x86_64': ['sysrq'],
  '6.1-arm64': ['oops'],
  '7.2-x86_64': crashWays.filter((way) => way !== 'oops'),
  '6.12-x86_64': crashWays,
  '6.12-arm64': crashWays.filter((way) => way !== 'nmi'),
};

for (const [kernel, ways] of Object.entries(waysOf) as [GuestKernelName, readonly CrashWay[]][]) {
  for (const way of ways) {
    describe(`Linux ${kernel}, ${way}: the stacks that the kernel printed`, () => {
      let guest: CrashGuest;
      before(async () => {
        guest = await crashGuest({ kernel, way }, silentProgress);
      }, limit);
      itHasTheStacksThatTheKernelPrinted(() => guest, way);
    });
  }
}

for (const [kernel, way] of [
  ['6.1-x86_64', 'sysrq'],
  ['7.2-x86_64', 'oops'],
  ['6.12-arm64', 'oops'],
] as const) {
  describe(`Linux ${kernel} with five levels of page tables, or signed return addresses: stacks and views`, () => {
    let guest: CrashGuest;
    before(async () => {
      guest = await crashGuest({ kernel, way, processors: 'all' }, silentProgress);
    }, limit);
    itHasTheStacksThatTheKernelPrinted(() => guest, way);
    if (way === 'oops') itShowsWhatTheGuestSaid(() => guest);
  });
}

for (const kernel of ['5.10-x86_64', '6.12-x86_64', '6.12-arm64'] as const) {
  describe(`Linux ${kernel}: what the machine said of itself`, () => {
    let guest: CrashGuest;
    before(async () => {
      guest = await crashGuest({ kernel, way: 'oops' }, silentProgress);
    }, limit);
    itShowsWhatTheGuestSaid(() => guest);
  });
}

for (const kernel of ['5.10-arm64', '6.1-arm64'] as const) {
  describe(`Linux ${kernel}, which has names of functions only: what the machine said of itself`, () => {
    let guest: CrashGuest;
    before(async () => {
      guest = await crashGuest({ kernel, way: 'oops' }, silentProgress);
    }, limit);
    itShowsWhatExportsLeadTo(() => guest);
  });
}

interface DrgnStacks {
  readonly cpus: readonly { readonly cpu: number; readonly pid: number; readonly pcs: readonly string[] }[];
  readonly tasks: readonly { readonly pid: number; readonly pcs: readonly string[] }[];
}

const pcsOf = ({ frames }: OurStack): string[] => frames.filter(isKernel).map(({ pc }) => pc);

for (const way of crashWays) {
  describe(`Linux 6.1-x86_64, ${way}: the stacks that drgn finds with DWARF`, () => {
    let guest: CrashGuest;
    let theirs: DrgnStacks;
    before(async () => {
      guest = await crashGuest({ kernel: '6.1-x86_64', way }, silentProgress);
      const { release, dump, module } = guest;
      const vmlinux = await debugVmlinux({ suite: 'bookworm', release, progress: silentProgress });
      const script = join(dirname(import.meta.dirname), 'lab', 'drgn-stacks.py');
      const drgn = await newestDrgn();
      const { status, stdout, stderr } = await drgn.run([script, dump, vmlinux, module]);
      assert.equal(status, 0, stderr);
      theirs = JSON.parse(stdout.toString('utf8')) as DrgnStacks;
    }, limit);

    it('of all CPUs', () => {
      const { cpus } = vmcoreJson<{ cpus: OurStack[] }>('bt', guest.dump, '-a');
      for (const { cpu, pid, pcs } of theirs.cpus) {
        const ours = cpus.find((candidate) => candidate.cpu === cpu);
        assert.equal(ours?.pid, pid);
        assert.deepEqual(pcsOf(ours!), pcs, `CPU ${cpu}`);
      }
    });

    it('of all tasks', () => {
      const { tasks } = vmcoreJson<{ tasks: OurStack[] }>('bt', guest.dump, '--all');
      const ours = new Map(tasks.map((task) => [task.pid, task]));
      assert.ok(theirs.tasks.length > 90);
      for (const { pid, pcs } of theirs.tasks) {
        const task = ours.get(pid);
        assert.ok(task !== undefined, `${pid} is there`);
        // The stack of a dead task belongs to somebody else: drgn does not look.
        const expected = task.state === 'Z' ? [] : pcs;
        assert.deepEqual(pcsOf(task), expected, `${pid} ${task.comm}`);
      }
    });
  });
}

interface OurMember {
  readonly name: string;
  readonly offset: number;
  readonly bits?: unknown;
  readonly members?: readonly OurMember[];
}

/** Names and offsets, bytes; members of unnamed structures and unions are members of what they are in. */
function* plainMembers(members: readonly OurMember[]): Generator<[string, number]> {
  for (const { name, offset, bits, members: inner } of members) {
    if (name !== '') {
      if (bits === undefined) yield [name, offset];
    } else if (inner !== undefined) yield* plainMembers(inner);
  }
}

describe('Linux 6.1-x86_64: BTF beside DWARF', () => {
  let guest: CrashGuest;
  let vmlinux = '';
  before(async () => {
    guest = await crashGuest({ kernel: '6.1-x86_64', way: 'oops' }, silentProgress);
    vmlinux = await debugVmlinux({ suite: 'bookworm', release: guest.release, progress: silentProgress });
  }, limit);

  it('sizes and offsets of structures are those that drgn finds', async () => {
    const names = [
      ...[
        'task_struct',
        'signal_struct',
        'mm_struct',
        'vm_area_struct',
        'file',
        'inode',
        'dentry',
        'super_block',
      ],
      ...[
        'mount',
        'module',
        'page',
        'zone',
        'pglist_data',
        'kmem_cache',
        'rq',
        'irq_desc',
        'sk_buff',
        'net_device',
      ],
      ...['bio', 'request_queue', 'worker_pool', 'rw_semaphore', 'pt_regs', 'printk_ringbuffer', 'cred'],
    ];
    const script = join(dirname(import.meta.dirname), 'lab', 'drgn-types.py');
    const drgn = await newestDrgn();
    const { status, stdout, stderr } = await drgn.run([script, guest.dump, vmlinux, ...names]);
    assert.equal(status, 0, stderr);
    const theirs = JSON.parse(stdout.toString('utf8')) as Record<string, { size: number; members: object }>;
    for (const name of names) {
      const { size, members } = vmcoreJson<{ size: number; members: OurMember[] }>(
        'struct',
        guest.dump,
        name,
      );
      assert.deepEqual({ size, members: Object.fromEntries(plainMembers(members)) }, theirs[name], name);
    }
  });

  it('with --vmlinux the stacks, tasks and modules are the same', () => {
    for (const [command, ...options] of [
      ['bt', '--all'],
      ['ps'],
      ['mod'],
      ['mount'],
      ['slab'],
      ['locks'],
    ] as const) {
      const without = vmcoreJson<unknown>(command, ...options, guest.dump);
      assert.deepEqual(
        vmcoreJson<unknown>(command, ...options, '--vmlinux', vmlinux, guest.dump),
        without,
        command,
      );
    }
  });
});
