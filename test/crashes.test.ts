/**
 * Stacks of kernels that went down in other ways than by sysrq: an oops in a module, an overflow of the stack, an NMI, a CPU that hangs, in
 * interrupts and in a worker. Real guests (lab/guests/crash-guests.ts), and what their own kernels printed.
 *
 * The other kernels and ways: matrix-crashes.test.ts.
 */
import { before, describe } from 'node:test';
import { type CrashGuest, type CrashWay, crashGuest } from '../lab/guests/crash-guests.ts';
import type { GuestKernelName } from '../lab/guests/kernels.ts';
import { silentProgress } from '../src/base/progress.ts';
import { itHasTheStacksThatTheKernelPrinted } from './support/stacks-of-guest.ts';

const guests: readonly (readonly [GuestKernelName, CrashWay])[] = [
  ['6.1-x86_64', 'oops'],
  ['6.1-x86_64', 'nmi'],
  ['6.1-x86_64', 'hung-cpu'],
  ['6.1-x86_64', 'stack-overflow'],
  ['6.1-x86_64', 'hardirq'],
  ['6.1-x86_64', 'softirq'],
  ['6.1-x86_64', 'kworker'],
  ['7.2-x86_64', 'oops'],
];

for (const [kernel, way] of guests) {
  describe(`Linux ${kernel}, ${way}: the stacks that the kernel printed`, () => {
    let guest: CrashGuest;
    before(
      async () => {
        guest = await crashGuest({ kernel, way }, silentProgress);
      },
      { timeout: 20 * 60_000 },
    );
    itHasTheStacksThatTheKernelPrinted(() => guest, way);
  });
}
