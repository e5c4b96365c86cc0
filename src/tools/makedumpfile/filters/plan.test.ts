import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { failsWith } from '../../../../test/support/expect-error.ts';
import {
  filteredKernel,
  filteredPages,
  hole,
  leftOut,
  numbers,
} from '../../../../test/support/filtered-kernel.ts';
import { MemorySink } from '../../../../test/support/memory-sink.ts';
import { numberedPage } from '../../../../test/support/pages.ts';
import { directMap, type SyntheticKernel } from '../../../../test/support/synthetic-kernel.ts';
import { MemorySource } from '../../../base/byte-source.ts';
import { silentProgress } from '../../../base/progress.ts';
import { asPaddr, asPfn } from '../../../base/units.ts';
import { nativeCodecs } from '../../../codecs/native.ts';
import type { Dump } from '../../../formats/dump.ts';
import { eraseinfoLines } from '../../../formats/notes.ts';
import { openDump } from '../../../formats/open.ts';
import { openKdump } from '../../../formats/split.ts';
import { Kernel } from '../../../kernel/kernel.ts';
import { pageSelector } from '../filter.ts';
import type { MakedumpfileResult, OutputFormat } from '../job.ts';
import { makedumpfile } from '../makedumpfile.ts';
import { reassemble } from '../reassemble.ts';
import { type FilterPlan, PlanBuilder } from './plan.ts';
import { Ranges } from './ranges.ts';

const at = (paddr: number): bigint => directMap + BigInt(paddr);
const page = (pfn: number): bigint => at(pfn * 4096);

describe('ranges', () => {
  it('are the set of their members, in order, merged', () => {
    const range = fc.record({ start: fc.nat(60), length: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(range), fc.nat(70), fc.nat(20), (list, from, length) => {
        const ranges = new Ranges(list.map(({ start, length: n }) => ({ start, end: start + n })));
        const isIn = (value: number): boolean =>
          list.some(({ start, length: n }) => start <= value && value < start + n);
        const members = (found: Iterable<{ start: number; end: number }>): number[] =>
          [...found].flatMap(({ start, end }) => numbers(start, end - 1));
        const window = numbers(from, from + length - 1);
        assert.deepEqual(members(ranges), numbers(0, 80).filter(isIn));
        assert.deepEqual(members(ranges.within(from, from + length)), window.filter(isIn));
        assert.deepEqual(
          members(ranges.outside(from, from + length)),
          window.filter((value) => !isIn(value)),
        );
        assert.equal(ranges.touches(from, from + length), window.some(isIn));
        const merged = [...ranges];
        for (const [i, { start }] of merged.entries()) assert.ok(i === 0 || merged[i - 1]!.end < start);
      }),
    );
  });
});

const notes = (kernel: SyntheticKernel) => [
  { name: 'VMCOREINFO', type: 0, data: new TextEncoder().encode(kernel.dump().vmcoreinfo) },
];
const segments = [
  {
    type: 1,
    flags: 7,
    offset: 0,
    vaddr: directMap,
    paddr: 0,
    fileSize: filteredPages * 4096,
    memorySize: filteredPages * 4096,
  },
];
const dumpOf = (kernel: SyntheticKernel): Dump => ({ ...kernel.dump(notes(kernel)), segments });

function planOf(dump: Dump, want: (plan: PlanBuilder) => void): FilterPlan {
  const builder = new PlanBuilder(new Kernel(dump));
  want(builder);
  return builder.plan();
}

async function write(
  source: Dump,
  want: (plan: PlanBuilder) => void,
  { level = 0, format = { kind: 'kdump', codec: undefined } as OutputFormat, bitmapBytes = 2 ** 20 } = {},
): Promise<{ result: MakedumpfileResult; written: Dump; plan: FilterPlan }> {
  const sink = new MemorySink();
  const plan = planOf(source, want);
  const result = await makedumpfile({
    dump: source,
    level,
    format,
    outputs: [sink],
    resources: { workers: 0, bitmapBytes },
    progress: silentProgress,
    filters: plan,
  });
  const written = openDump(new MemorySource(sink.bytes()), { codecs: nativeCodecs(), cutShort: 'refuse' });
  return { result, written, plan };
}

const bytesOf = (dump: Dump, pfn: number): Uint8Array | undefined => {
  const into = new Uint8Array(4096);
  return dump.memory.read(asPaddr(pfn * 4096), into) === 4096 ? into : undefined;
};

describe('erasing', () => {
  for (const format of [
    { kind: 'elf' },
    { kind: 'kdump', codec: undefined },
    { kind: 'kdump', codec: 'zlib' },
  ] as const) {
    const name = format.kind === 'elf' ? 'ELF' : `kdump (${format.codec ?? 'stored'})`;
    it(`overwrites exactly the bytes that were named, across pages, in ${name}, and tells of them`, async () => {
      const source = dumpOf(filteredKernel().kernel);
      const { written, plan } = await write(
        source,
        (builder) => {
          builder.erase(at(50 * 4096 + 4000), 4096 + 200, 'a.name', 'X');
          builder.erase(at(50 * 4096 + 4090), 10, 'b', 'X');
          builder.erase(at(60 * 4096 + 8), 8, 'c.pointer', 'zeros');
        },
        { format },
      );
      for (let pfn = 0; pfn < 600; pfn++) {
        const expected = pfn === 0 ? new Uint8Array(4096) : numberedPage(pfn);
        if (pfn === 50) expected.fill(0x58, 4000);
        if (pfn === 51) expected.fill(0x58);
        if (pfn === 52) expected.fill(0x58, 0, 104);
        if (pfn === 60) expected.fill(0, 8, 16);
        const found = bytesOf(written, pfn);
        if (found !== undefined) assert.deepEqual(found, expected, `page ${pfn}`);
        else assert.ok([130, 200, 201, 388].includes(pfn), `page ${pfn} is missing`);
      }
      assert.deepEqual(eraseinfoLines(written.notes), [
        'erase a.name size 4296',
        'erase b size 10',
        'erase c.pointer nullify',
      ]);
      assert.deepEqual(plan.remarks, []);
      assert.equal(written.vmcoreinfo, source.vmcoreinfo);
    });
  }

  it('leaves the source as it is', async () => {
    const source = dumpOf(filteredKernel().kernel);
    await write(source, (builder) => builder.erase(page(50), 100, 'x', 'X'));
    assert.deepEqual(bytesOf(source, 50), numberedPage(50));
  });

  it('adds to what an earlier run told', async () => {
    const first = await write(dumpOf(filteredKernel().kernel), (builder) =>
      builder.erase(page(50), 16, 'one', 'X'),
    );
    for (const format of [{ kind: 'kdump', codec: undefined }] as const) {
      const second = await write(first.written, (builder) => builder.erase(page(51), 16, 'two', 'X'), {
        format,
      });
      assert.deepEqual(eraseinfoLines(second.written.notes), ['erase one size 16', 'erase two size 16']);
      const third = await write(second.written, () => {}, { format });
      assert.deepEqual(eraseinfoLines(third.written.notes), ['erase one size 16', 'erase two size 16']);
    }
  });

  it('is told once by a split dump, and once when it is put together', async () => {
    const source = dumpOf(filteredKernel().kernel);
    const sinks = [new MemorySink(), new MemorySink()];
    await makedumpfile({
      dump: source,
      level: 0,
      format: { kind: 'kdump', codec: undefined },
      outputs: sinks,
      resources: { workers: 0, bitmapBytes: 2 ** 20 },
      progress: silentProgress,
      filters: planOf(source, (builder) => builder.erase(page(50), 16, 'one', 'X')),
    });
    const parts = sinks.map((sink, i) => new MemorySource(sink.bytes(), `part ${i}`));
    const whole = new MemorySink();
    const options = { codecs: nativeCodecs(), cutShort: 'refuse' } as const;
    reassemble(parts, whole, options, silentProgress);
    for (const dump of [openKdump(parts, options), openDump(new MemorySource(whole.bytes()), options)]) {
      assert.deepEqual(eraseinfoLines(dump.notes), ['erase one size 16']);
      assert.equal(bytesOf(dump, 50)?.[15], 0x58);
    }
  });

  it('tells what is not there, and erases the rest', async () => {
    const { kernel } = filteredKernel();
    kernel.memory.lose(50, 'excluded');
    const { plan } = await write(dumpOf(kernel), (builder) => {
      builder.erase(page(49) + 4090n, 12, 'half', 'X');
      builder.erase(0xffff_c900_0000_0000n, 8, 'nowhere', 'X');
      builder.erase(page(hole.start), 8, 'hole', 'X');
    });
    assert.equal(plan.eraseinfo, 'erase half size 6\n');
    assert.equal(plan.erasedBytes, 6);
    assert.equal(plan.remarks.length, 3);
    assert.match(plan.remarks[0]!, /^half at 0x.*: 6 of 12 bytes were left out of the vmcore before$/);
    assert.match(plan.remarks[1]!, /^nowhere at 0xffffc90000000000: 8 of 8 bytes are not mapped$/);
    assert.match(plan.remarks[2]!, /^hole at 0x.*: 8 of 8 bytes are not in the vmcore$/);
  });

  it('refuses lengths that are none', () => {
    const source = dumpOf(filteredKernel().kernel);
    for (const length of [-1, 0.5, Number.NaN, 2 ** 40])
      assert.throws(
        () => planOf(source, (plan) => plan.erase(page(1), length, 'x', 'X')),
        failsWith('E_USAGE'),
      );
  });
});

const pagesOf = (dump: Dump): number[] =>
  numbers(0, filteredPages - 1).filter((pfn) => dump.memory.state(asPfn(pfn)) === 'present');
const allRam = numbers(0, filteredPages - 1).filter((pfn) => pfn < hole.start || pfn >= hole.end);

describe('pages of the user', () => {
  it('are kept against the level, but for poisoned and offline ones, and dropped beyond it; keeping wins', async () => {
    const { result, written } = await write(
      dumpOf(filteredKernel().kernel),
      (builder) => {
        // Free and poisoned within; half of a hugetlb page; poisoned; offline.
        builder.choose('keep', { from: page(129), to: page(132) }, 'outward');
        builder.choose('keep', { from: page(600), to: page(700) }, 'outward');
        builder.choose('keep', { from: page(200), to: page(202) }, 'outward');
        builder.choose('drop', { from: page(40), to: page(60) }, 'inward');
        builder.choose('keep', { from: page(45), to: page(46) }, 'outward');
      },
      { level: 31 },
    );
    const kept = new Set([129, 131, ...numbers(600, 699)]);
    const out = new Set([...leftOut[31]!.pages.filter((pfn) => !kept.has(pfn)), ...numbers(40, 59)]);
    out.delete(45);
    assert.deepEqual(
      pagesOf(written),
      allRam.filter((pfn) => !out.has(pfn)),
    );
    assert.equal(result.dropped, 19);
    assert.deepEqual(result.excluded, {
      cache: 10,
      cachePrivate: 1,
      user: 417,
      free: 5,
      hwpoison: 2,
      offline: 1,
    });
    assert.equal(result.written, allRam.length - out.size);
  });

  it('are the same whatever the windows', () => {
    const dump = dumpOf(filteredKernel().kernel);
    const { pages } = planOf(dump, (builder) => {
      builder.choose('keep', { from: page(130), to: page(390) }, 'outward');
      builder.choose('drop', { from: page(100), to: page(140) }, 'inward');
    });
    const select = (size: number): unknown => {
      const pass = pageSelector(dump, new Kernel(dump), 31, pages)();
      const kept: number[] = [];
      for (let start = 0; start < filteredPages; start += size) {
        const end = Math.min(filteredPages, start + size);
        for (const run of pass.select({ start: asPfn(start), end: asPfn(end) }).kept.runs())
          kept.push(...numbers(run.start, run.end - 1));
      }
      return { kept, excluded: pass.excluded, dropped: pass.dropped };
    };
    for (const size of [64, 136, 264, 520]) assert.deepEqual(select(size), select(filteredPages), `${size}`);
  });

  it('are dropped from ELF output too, where short gaps are copied otherwise', async () => {
    const { written } = await write(
      dumpOf(filteredKernel().kernel),
      (builder) => builder.choose('drop', { from: page(40), to: page(43) }, 'inward'),
      { level: 0, format: { kind: 'elf' } },
    );
    assert.deepEqual(
      [39, 40, 41, 42, 43].map((pfn) => written.memory.state(asPfn(pfn))),
      ['present', 'excluded', 'excluded', 'excluded', 'present'],
    );
  });

  it('are those that a kept range touches, and those that lie wholly in a dropped one', () => {
    const { pages } = planOf(dumpOf(filteredKernel().kernel), (builder) => {
      builder.choose('keep', { from: page(10) + 4095n, to: page(12) + 1n }, 'outward');
      builder.choose('drop', { from: page(20) + 1n, to: page(23) - 1n }, 'inward');
      builder.choose('drop', { from: page(30) + 1n, to: page(31) - 1n }, 'inward');
    });
    assert.deepEqual([...pages.keep], [{ start: 10, end: 13 }]);
    assert.deepEqual([...pages.drop], [{ start: 21, end: 22 }]);
  });
});
