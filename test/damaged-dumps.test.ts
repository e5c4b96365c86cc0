/**
 * A real dump with damage: views give what is there and name what is missing. They never invent a frame, a task or a module, never end in
 * anything but an error of ours, and always end.
 *
 * Which pages are damaged follows from a number (xorshift32), so that a failure can be repeated.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type CrashGuest, crashGuest } from '../lab/guests/crash-guests.ts';
import { VmcoreError } from '../src/base/errors.ts';
import { PfnBitmap } from '../src/base/pfn-bitmap.ts';
import { silentProgress } from '../src/base/progress.ts';
import { asPaddr, asPfn, asVaddr } from '../src/base/units.ts';
import type { Dump } from '../src/formats/dump.ts';
import { type CrashedKernel, openCrashedKernel } from '../src/kernel/crashed-kernel.ts';
import { readStacks, type StackInfo, type Stacks } from '../src/tools/crash/bt.ts';
import { listFiles } from '../src/tools/crash/files.ts';
import { listLocks } from '../src/tools/crash/locks.ts';
import { describeMemory } from '../src/tools/crash/mem.ts';
import { listModules } from '../src/tools/crash/mod.ts';
import { listMounts } from '../src/tools/crash/mount.ts';
import { listTasks } from '../src/tools/crash/ps.ts';
import { reportCrash } from '../src/tools/crash/report.ts';
import { readRunQueues } from '../src/tools/crash/runq.ts';
import { listSlabCaches } from '../src/tools/crash/slab.ts';
import { describeSystem } from '../src/tools/crash/sys.ts';
import { readProcessMemory } from '../src/tools/crash/vm.ts';
import { open } from './rehearsal.ts';
import { damaged } from './support/damaged-memory.ts';

/** Seconds of processor time for one view of a damaged dump; a whole one takes a tenth. */
const patience = 10;

function randomNumbers(seed: number): () => number {
  let x = seed * 0x9e37_79b1 || 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}

/** What it gives; undefined when it says, as an error of ours, that it cannot. */
function answer<T>(view: () => T): T | undefined {
  const started = process.cpuUsage();
  try {
    return view();
  } catch (error) {
    if (error instanceof VmcoreError) return undefined;
    throw error;
  } finally {
    const { user, system } = process.cpuUsage(started);
    assert.ok((user + system) / 1e6 < patience, 'it took too long');
  }
}

const pcsOf = ({ frames }: StackInfo): string[] => frames.map(({ pc }) => pc);

/** Its frames are the first ones of the true stack; and when some are missing, it says why. */
function assertNothingInvented(stack: StackInfo, truth: StackInfo, who: string): void {
  const pcs = pcsOf(stack);
  assert.deepEqual(pcs, pcsOf(truth).slice(0, pcs.length), who);
  if (pcs.length < truth.frames.length)
    assert.notEqual(stack.incomplete, null, `${who} says what is missing`);
}

describe('a damaged dump', () => {
  let guest: CrashGuest;
  let dump: Dump;
  let whole: CrashedKernel;
  let truth: Stacks;
  before(
    async () => {
      guest = await crashGuest({ kernel: '6.1-x86_64', way: 'stack-overflow' }, silentProgress);
      dump = open(guest.dump);
      whole = openCrashedKernel(dump);
      truth = readStacks(whole, { of: 'CPUs and tasks' });
    },
    { timeout: 20 * 60_000 },
  );

  const present = (): number[] => {
    const bitmap = new PfnBitmap(asPfn(0), dump.memory.endPfn);
    dump.memory.markPresent(bitmap);
    return [...bitmap.runs()].flatMap(({ start, end }) =>
      Array.from({ length: end - start }, (_, i) => start + i),
    );
  };

  it('without a page in the middle of a stack: the frames above it, and why there are no more', () => {
    const [crashed] = truth.cpus;
    assert.ok(crashed!.frames.length > 40);
    // Not the page of the registers, which the walk begins in, and not the last one.
    const middle = asVaddr(BigInt(crashed!.frames[25]!.sp));
    const pfn = Math.floor(whole.kernel.translate(middle).paddr / dump.memory.pageSize);
    const kernel = openCrashedKernel(damaged(dump, { missing: new Set([pfn]) }));
    const [stack] = readStacks(kernel, { of: 'CPUs' }).cpus;
    assert.ok(stack!.frames.length > 5 && stack!.frames.length < 26, `${stack!.frames.length} frames`);
    assertNothingInvented(stack!, crashed!, 'CPU 0');
  });

  /** Symbols, types and unwind tables are in the image: without them there is little to say. */
  const outsideTheImage = (): number[] => {
    const [start, end] = ['_text', '_end'].map(
      (name) => whole.kernel.translate(whole.symbols.require(name)).paddr / dump.memory.pageSize,
    );
    return present().filter((pfn) => pfn < start! || pfn > end!);
  };

  for (let seed = 1; seed <= 4; seed++) {
    it(`without every 25th page of data or so (${seed}): partial answers, and nothing that is not so`, () => {
      const random = randomNumbers(seed);
      const missing = new Set(outsideTheImage().filter(() => random() < 0.04));
      const kernel = openCrashedKernel(damaged(dump, { missing }));
      const stacks = answer(() => readStacks(kernel, { of: 'CPUs and tasks' }));
      const byPid = new Map(truth.tasks.map((task) => [task.pid, task]));
      for (const stack of stacks?.tasks ?? []) {
        const trueStack = byPid.get(stack.pid);
        assert.ok(trueStack !== undefined, `a task ${stack.pid}`);
        assertNothingInvented(stack, trueStack, `${stack.pid} ${stack.comm}`);
      }
      const tasks = answer(() => listTasks(kernel));
      assert.ok((tasks?.tasks.length ?? 0) > 80, 'most tasks are found all the same');
      if (tasks !== undefined) {
        const truePids = new Set(listTasks(whole).tasks.map(({ pid }) => pid));
        for (const { pid } of tasks.tasks) assert.ok(truePids.has(pid), `a task ${pid}`);
        if (tasks.tasks.length < truePids.size) assert.notDeepEqual(tasks.missing, []);
      }
      const modules = answer(() => listModules(kernel));
      const trueModules = new Set(listModules(whole).modules.map(({ name, base }) => `${name} ${base}`));
      for (const { name, base } of modules?.modules ?? [])
        assert.ok(trueModules.has(`${name} ${base}`), name);
      everyOtherView(kernel);
    });
  }

  it('without every 25th page: every view ends', () => {
    const random = randomNumbers(5);
    const missing = new Set(present().filter(() => random() < 0.04));
    const kernel = openCrashedKernel(damaged(dump, { missing }));
    answer(() => readStacks(kernel, { of: 'CPUs and tasks' }));
    answer(() => listTasks(kernel));
    answer(() => listModules(kernel));
    everyOtherView(kernel);
  });

  /** Pages with a few words changed: to numbers, or to copies of other words of the page, of which pointers make loops. */
  function withNoise(pfns: readonly number[], seed: number): Map<number, Uint8Array> {
    const random = randomNumbers(100 + seed);
    const replaced = new Map<number, Uint8Array>();
    for (const pfn of pfns) {
      if (random() >= 0.02) continue;
      const page = new Uint8Array(dump.memory.pageSize);
      dump.memory.read(asPaddr(pfn * page.length), page);
      const words = new BigUint64Array(page.buffer);
      for (let i = 0; i < 24; i++) {
        const at = Math.floor(random() * words.length);
        const other = words[Math.floor(random() * words.length)]!;
        words[at] = random() < 0.5 ? other : BigInt(Math.floor(random() * 2 ** 48));
      }
      replaced.set(pfn, page);
    }
    return replaced;
  }

  for (const [where, seeds] of [
    ['data', [1, 2, 3, 4]],
    ['all memory', [5, 6]],
  ] as const) {
    for (const seed of seeds) {
      it(`with noise in every 50th page of ${where} or so (${seed}): every view ends`, () => {
        const pfns = where === 'data' ? outsideTheImage() : present();
        const kernel = answer(() => openCrashedKernel(damaged(dump, { replaced: withNoise(pfns, seed) })));
        if (kernel === undefined) return;
        answer(() => readStacks(kernel, { of: 'CPUs and tasks' }));
        answer(() => listTasks(kernel));
        answer(() => listModules(kernel));
        everyOtherView(kernel);
      });
    }
  }

  it('with a page of symbol names gone: the report still says why it went down, and what is missing', () => {
    const names = whole.kernel.translate(whole.info.requireSymbol('kallsyms_names')).paddr;
    const missing = new Set([Math.floor(names / dump.memory.pageSize) + 20]);
    const damagedDump = damaged(dump, { missing });
    const { panic, missing: lines } = reportCrash(damagedDump, openCrashedKernel);
    assert.match(panic?.message ?? '', /stack guard page was hit/);
    assert.ok(lines.some((line) => /^the stack of CPU 0: no symbol/.test(line)));
  });

  function everyOtherView(kernel: CrashedKernel): void {
    const { hold, 'open-files': files } = guest.witness.made;
    for (const view of [
      () => listMounts(kernel),
      () => listSlabCaches(kernel),
      () => describeMemory(kernel),
      () => readRunQueues(kernel),
      () => listLocks(kernel),
      () => describeSystem(kernel),
      () => listFiles(kernel, files!),
      () => readProcessMemory(kernel, hold!),
      () => reportCrash(kernel.dump, openCrashedKernel),
    ]) {
      answer<unknown>(view);
    }
  }
});
