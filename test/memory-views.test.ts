/** What views say of memory, interrupts and the system, opened with nothing but the dump, beside what the machine's own /proc said before it went down. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type CrashGuest, crashGuest } from '../lab/guests/crash-guests.ts';
import { silentProgress } from '../src/base/progress.ts';
import { rawDump, savedDump, savedLog } from './rehearsal.ts';
import { itTellsOfMemoryAsTheGuestDid } from './support/memory-of-guest.ts';
import { vmcoreJson } from './support/vmcore-json.ts';

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

interface OurPages {
  readonly pages: readonly {
    readonly pfn: number;
    readonly inDump: string;
    readonly use: { readonly kind: string; readonly type?: string } | null;
  }[];
  readonly missing: readonly string[];
}

/** What level 31 leaves out (makedumpfile(8)): free pages, the page cache, memory of processes. */
const filtered = /^(free|file|anonymous|typed hugetlb)$/;

describe('the rehearsed dump', () => {
  it('pages: what a filter left out is what pages says it may, and nothing else', () => {
    const { nodes } = vmcoreJson<{ nodes: { startPfn: number; spannedPages: number }[] }>('mem', rawDump());
    const { startPfn, spannedPages } = nodes[0]!;
    // Some 2000 of them, all over memory.
    const step = Math.floor(spannedPages / 2000) | 1;
    const pfns = Array.from({ length: Math.floor(spannedPages / step) }, (_, i) => `${startPfn + i * step}`);
    const { pages, missing } = vmcoreJson<OurPages>('pages', savedDump(), ...pfns);
    assert.deepEqual(missing, []);
    const kinds = new Set<string>();
    for (const { pfn, inDump, use } of pages) {
      // A hole, which the kernel knows nothing of.
      if (use === null) continue;
      const kind = use.type === undefined ? use.kind : `${use.kind} ${use.type}`;
      kinds.add(kind);
      if (inDump === 'excluded') assert.match(kind, filtered, `page frame ${pfn}`);
      // What a CPU keeps at hand is free, and no filter can tell; pages with private data stay as user data does not.
      if (filtered.test(kind) && inDump === 'present')
        assert.ok(['free', 'file', 'anonymous'].includes(kind), `page frame ${pfn} is ${kind}`);
    }
    for (const kind of ['free', 'file', 'slab', 'kernel image', 'reserved', 'kernel'])
      assert.ok(kinds.has(kind), `${kind} among ${[...kinds].join(', ')}`);
  });

  it('report: why, and where', () => {
    const { panic, crashed, missing } = vmcoreJson<{
      panic: { message: string };
      crashed: { comm: string; frames: { symbol: string }[] };
      missing: string[];
    }>('report', savedDump());
    assert.deepEqual(missing, []);
    assert.ok(savedLog().includes(panic.message), panic.message);
    assert.ok(crashed.frames.some(({ symbol }) => symbol === 'sysrq_handle_crash'));
  });
});
