import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { fakeDump } from '../../../test/support/fake-dump.ts';
import {
  filteredKernel,
  filteredPages,
  hole,
  leftOut,
  numbers,
} from '../../../test/support/filtered-kernel.ts';
import { MemorySink } from '../../../test/support/memory-sink.ts';
import { nodeZlibCodec } from '../../../test/support/node-zlib-codec.ts';
import { numberedPage } from '../../../test/support/pages.ts';
import { SparseMemory } from '../../../test/support/sparse-memory.ts';
import type { SyntheticKernel } from '../../../test/support/synthetic-kernel.ts';
import { MemorySource } from '../../base/byte-source.ts';
import { silentProgress } from '../../base/progress.ts';
import { asPaddr, asPfn } from '../../base/units.ts';
import type { Dump } from '../../formats/dump.ts';
import { openDump } from '../../formats/open.ts';
import type { MakedumpfileResult, OutputFormat } from './job.ts';
import { makedumpfile } from './makedumpfile.ts';

const kdump: OutputFormat = { kind: 'kdump', codec: undefined };
const elf: OutputFormat = { kind: 'elf' };
const ramPages = filteredPages - (hole.end - hole.start);

const run = (
  dump: Dump,
  level: number,
  format: OutputFormat,
  sink = new MemorySink(),
): Promise<MakedumpfileResult> =>
  makedumpfile({
    dump,
    level,
    format,
    outputs: [sink],
    // Workers are for large dumps; the caller's thread does the same work.
    resources: { workers: 0, bitmapBytes: 2 ** 20 },
    progress: silentProgress,
  });
const open = (sink: MemorySink): Dump =>
  openDump(new MemorySource(sink.bytes(), 'out'), { codecs: { zlib: nodeZlibCodec }, cutShort: 'refuse' });

const notes = (kernel: SyntheticKernel) => [
  { name: 'VMCOREINFO', type: 0, data: new TextEncoder().encode(kernel.dump().vmcoreinfo) },
];
const dumpOf = (kernel: SyntheticKernel): Dump => kernel.dump(notes(kernel));

function pageOf(dump: Dump, pfn: number): Uint8Array | undefined {
  const into = new Uint8Array(4096);
  return dump.memory.read(asPaddr(pfn * 4096), into) === 4096 ? into : undefined;
}

describe('makedumpfile, kdump output', () => {
  for (const level of [0, 1, 31]) {
    for (const codec of [undefined, 'zlib'] as const) {
      it(`-d ${level}, ${codec ?? 'not compressed'}: exactly the kept pages, with their bytes`, async () => {
        const { kernel } = filteredKernel();
        const source = dumpOf(kernel);
        const sink = new MemorySink();
        const result = await run(source, level, { kind: 'kdump', codec }, sink);
        const { pages, excluded } = leftOut[level]!;
        assert.deepEqual(result.excluded, excluded);
        assert.deepEqual(
          { ram: result.ram, written: result.written, lost: result.lost, unjudged: result.unjudged },
          { ram: ramPages, written: ramPages - pages.length, lost: 0, unjudged: 0 },
        );
        const written = open(sink);
        for (const pfn of numbers(0, filteredPages - 1)) {
          const isHole = pfn >= hole.start && pfn < hole.end;
          const state = isHole ? 'absent' : pages.includes(pfn) ? 'excluded' : 'present';
          assert.equal(written.memory.state(asPfn(pfn)), state, `page ${pfn}`);
          if (state === 'present') assert.deepEqual(pageOf(written, pfn), pageOf(source, pfn), `page ${pfn}`);
        }
        assert.equal(written.vmcoreinfo, source.vmcoreinfo);
        assert.equal(written.describe().dumpLevel, level);
        assert.equal(written.describe().incomplete, false);
      });
    }
  }

  it('shares zero pages from level 1 on, and counts them', async () => {
    const { kernel } = filteredKernel();
    const sizes: number[] = [];
    for (const level of [0, 1]) {
      const sink = new MemorySink();
      const { zero, written } = await run(dumpOf(kernel), level, kdump, sink);
      sizes.push(sink.bytes().length);
      if (level === 0) assert.equal(zero, 0);
      // Numbered pages and the builders' are not zero; all other RAM is.
      else assert.ok(zero > 2000 && zero < written, `${zero} zero pages of ${written}`);
      if (level === 1) assert.equal(open(sink).describe().zeroPages, zero);
    }
    assert.ok(sizes[0]! - sizes[1]! > 2000 * 4096);
  });

  it('loses one page to an error on one page, and says that the dump is not complete', async () => {
    const { kernel } = filteredKernel();
    kernel.memory.failAt(50);
    const sink = new MemorySink();
    const result = await run(dumpOf(kernel), 31, kdump, sink);
    assert.equal(result.lost, 1);
    assert.equal(result.written, ramPages - leftOut[31]!.pages.length - 1);
    const written = open(sink);
    assert.ok(written.describe().incomplete);
    assert.deepEqual(
      [49, 50, 51].map((pfn) => written.memory.state(asPfn(pfn))),
      ['present', 'lost', 'present'],
    );
  });

  it('leaves a dump that can be opened, marked incomplete, when the target is full', async () => {
    const { kernel } = filteredKernel();
    for (const end of [0x9000, 0x40000, 0x100000, 0x400000]) {
      const sink = new MemorySink();
      sink.failBeyond(end, 'E_NO_SPACE');
      await assert.rejects(run(dumpOf(kernel), 0, kdump, sink), failsWith('E_NO_SPACE'));
      const file = sink.bytes();
      if (file.length > 424) assert.equal(new DataView(file.buffer).getUint32(424, true) & 8, 8);
      if (file.length < 0x40000) continue;
      const written = open(sink);
      assert.ok(written.describe().incomplete);
      assert.deepEqual(pageOf(written, 1), numberedPage(1), `cut at ${end}`);
      assert.equal(written.memory.state(asPfn(filteredPages - 1)), 'lost');
    }
  });

  it('writes no dump that could not be read: memory beyond 2^36 page frames needs ELF', async () => {
    const memory = new SparseMemory([{ start: 2 ** 50, end: 2 ** 50 + 4096 }]);
    const sink = new MemorySink();
    await assert.rejects(
      run(fakeDump({ memory }), 1, kdump, sink),
      failsWith('E_UNSUPPORTED', /at most 2\^36/),
    );
    assert.equal(sink.writes.length, 0);
  });

  it('filters what was filtered before: nothing comes back, nothing else is lost', async () => {
    const { kernel } = filteredKernel();
    const first = new MemorySink();
    await run(dumpOf(kernel), 16, { kind: 'kdump', codec: 'zlib' }, first);
    const second = new MemorySink();
    await run(open(first), 8, kdump, second);
    const written = open(second);
    const gone = new Set([...leftOut[16]!.pages, ...leftOut[8]!.pages]);
    for (const pfn of numbers(0, hole.start - 1)) {
      assert.equal(written.memory.state(asPfn(pfn)), gone.has(pfn) ? 'excluded' : 'present', `page ${pfn}`);
    }
  });
});

describe('makedumpfile, ELF output', () => {
  it('-d 31: kept pages have their bytes, zero pages and long gaps are left out', async () => {
    const { kernel } = filteredKernel();
    // Poisoned pages forbid to close short gaps; without them all gaps under 256 pages are copied.
    const sink = new MemorySink();
    const result = await run(dumpOf(kernel), 31, elf, sink);
    const written = open(sink);
    assert.equal(result.lost, 0);
    for (const pfn of numbers(1, 511)) {
      const excluded = leftOut[31]!.pages.includes(pfn);
      assert.deepEqual(pageOf(written, pfn), excluded ? undefined : numberedPage(pfn), `page ${pfn}`);
    }
    for (const pfn of [600, 1023, 1500])
      assert.equal(written.memory.state(asPfn(pfn)), 'excluded', `page ${pfn}`);
    assert.equal(written.memory.state(asPfn(hole.start)), 'absent');
    assert.equal(written.vmcoreinfo, dumpOf(kernel).vmcoreinfo);
  });

  it('needs a source that tells its segments', async () => {
    const { kernel } = filteredKernel();
    await assert.rejects(
      run({ ...dumpOf(kernel), segments: [] }, 0, elf),
      failsWith('E_UNSUPPORTED', /cannot make ELF output/),
    );
  });

  it('writes zeros for a page that cannot be read, and stays marked incomplete', async () => {
    const { kernel } = filteredKernel();
    kernel.memory.failAt(50);
    const sink = new MemorySink();
    const { lost } = await run(dumpOf(kernel), 0, elf, sink);
    assert.equal(lost, 1);
    const written = open(sink);
    assert.ok(written.describe().incomplete);
    assert.deepEqual(pageOf(written, 50), new Uint8Array(4096));
    assert.deepEqual(pageOf(written, 51), numberedPage(51));
  });
});

describe('makedumpfile without vmcoreinfo', () => {
  const dump = fakeDump({ memory: new SparseMemory([{ start: 0, end: 16 * 4096 }]) });

  it('does levels 0 and 1', async () => {
    const { written, zero } = await run(dump, 1, kdump);
    assert.deepEqual([written, zero], [16, 16]);
  });

  it('says what it would need for the others', async () => {
    const sink = new MemorySink();
    await assert.rejects(
      run(dump, 31, kdump, sink),
      failsWith('E_NO_INFO', /level 31 needs to know the kernel/),
    );
    assert.equal(sink.writes.length, 0);
  });
});
