/** What views say of memory, interrupts and the system, opened with nothing but the dump, beside what the machine's own /proc said before it went down. */
import { before, describe } from 'node:test';
import { type CrashGuest, crashGuest } from '../lab/guests/crash-guests.ts';
import { silentProgress } from '../src/base/progress.ts';
import { itTellsOfMemoryAsTheGuestDid } from './support/memory-of-guest.ts';

for (const kernel of ['6.1-x86_64', '7.2-x86_64'] as const) {
  describe(`Linux ${kernel}`, () => {
    let guest: CrashGuest;
    before(
      async () => {
        guest = await crashGuest({ kernel, way: 'oops' }, silentProgress);
      },
      { timeout: 20 * 60_000 },
    );
    itTellsOfMemoryAsTheGuestDid(() => guest, 'crasher');
  });
}
