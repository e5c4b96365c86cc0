/**
 * What views say of memory where the tests of all views (views.test.ts) do not look: zones to the last number, beside the machine's own /proc/zoneinfo, and
 * pages beside what a filter made of them.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type CrashGuest, crashGuest } from '../lab/guests/crash-guests.ts';
import { silentProgress } from '../src/base/progress.ts';
import { vmcore } from './command.ts';
import { rawDump, savedDump, savedLog } from './rehearsal.ts';
import { vmcoreJson } from './support/vmcore-json.ts';

interface OurZone {
  readonly name: string;
  readonly startPfn: number;
  readonly spannedPages: number;
  readonly presentPages: number;
  readonly managedPages: number;
  readonly watermarks: Readonly<Record<'min' | 'low' | 'high', number>>;
}

interface OurMemory {
  readonly nodes: readonly {
    readonly node: number;
    readonly startPfn: number;
    readonly spannedPages: number;
    readonly zones: readonly OurZone[];
  }[];
}

function checkZones({ dump, witness }: CrashGuest): void {
  const { nodes } = vmcoreJson<OurMemory>('mem', dump);
  const zoneinfo = witness.files['/proc/zoneinfo'];
  assert.ok(zoneinfo !== undefined, 'the witness has it');
  const blocks = zoneinfo.split(/^Node /m).slice(1);
  const expected = blocks.flatMap((block) => {
    const [, node, zone] = /^(\d+), zone\s+(\S+)/.exec(block)!;
    const field = (name: string): number => Number(new RegExp(`^\\s+${name}\\s+(\\d+)`, 'm').exec(block)![1]);
    // Zones without memory are in /proc too.
    if (field('spanned') === 0) return [];
    return [
      {
        node: Number(node),
        name: zone,
        startPfn: field('start_pfn:'),
        spannedPages: field('spanned'),
        presentPages: field('present'),
        managedPages: field('managed'),
        watermarks: { min: field('min'), low: field('low'), high: field('high') },
      },
    ];
  });
  assert.ok(expected.length > 0);
  const ours = nodes.flatMap(({ node, zones }) =>
    zones.map(({ name, startPfn, spannedPages, presentPages, managedPages, watermarks }) => ({
      node,
      name,
      startPfn,
      spannedPages,
      presentPages,
      managedPages,
      watermarks,
    })),
  );
  assert.deepEqual(ours, expected);
}

for (const kernel of ['6.1-x86_64', '7.2-x86_64'] as const) {
  describe(`Linux ${kernel}`, () => {
    let guest: CrashGuest;
    before(
      async () => {
        guest = await crashGuest({ kernel, way: 'oops' }, silentProgress);
      },
      { timeout: 20 * 60_000 },
    );
    it('mem: zones as /proc/zoneinfo', () => checkZones(guest));
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
    const { nodes } = vmcoreJson<OurMemory>('mem', rawDump());
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

  it('prints what it has for people, and has nothing to miss', () => {
    const heads: Readonly<Record<string, RegExp>> = {
      report: /^Panic +Kernel panic - not syncing: sysrq triggered crash\n.*\n #?.*sysrq_handle_crash\+/s,
      sys: /^Node +.*\nKernel +\d/s,
      mem: /^Total +\d.*\n\nNODE +ZONE +PRESENT/s,
      slab: /^CACHE +OBJSIZE.*\ntask_struct +\d/s,
      mod: /^MODULE +BASE.*\next4 +0x[0-9a-f]{16} +\d+ +live/s,
      irq: /^IRQ +CPU0 +CPU1.*\n +0 +\d+ .*timer \(.*\nCPU +CPU0 +CPU1/s,
    };
    for (const [command, head] of Object.entries(heads)) {
      const { status, stdout, stderr } = vmcore(command, savedDump());
      assert.deepEqual([status, stderr], [0, ''], command);
      assert.match(stdout.toString('utf8'), head, command);
    }
    // Without a command it is the report.
    assert.match(vmcore(savedDump()).stdout.toString('utf8'), heads.report!);
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
