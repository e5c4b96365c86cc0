import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describedKernel } from '../../../test/support/described-kernel.ts';
import { fakeDump } from '../../../test/support/fake-dump.ts';
import { SparseMemory } from '../../../test/support/sparse-memory.ts';
import { openCrashedKernel } from '../../kernel/crashed-kernel.ts';
import type { CpuStack, FrameInfo } from './bt.ts';
import { reportCrash, whereItWas, withCrashed } from './report.ts';

const logged = (...texts: string[]) =>
  describedKernel(
    [
      'release 6.1.0-test',
      'arch x86_64',
      'memory 0x0-0xffffff',
      ...texts.map((text, i) => `log <0>[${(i + 1).toFixed(6)}] ${text}`),
    ].join('\n'),
  ).kernel.dump();

const report = (...texts: string[]) => reportCrash(logged(...texts), openCrashedKernel);

const frame = (symbol: string | null): FrameInfo => ({
  symbol,
  offset: 1,
  pc: '0x1',
  sp: '0x2',
  module: null,
  found: 'orc',
  interrupted: false,
  registers: null,
});

describe('a report', () => {
  it('has what the container says when the dump has no vmcoreinfo, and says that nothing else is to be had, once', () => {
    const dump = fakeDump({ memory: new SparseMemory([{ start: 0, end: 8192 }]) });
    const { dump: info, missing, ...rest } = reportCrash(dump, openCrashedKernel);
    assert.equal(info.pages.ram, 2);
    assert.deepEqual(rest, {
      panic: null,
      where: null,
      log: [],
      system: null,
      crashed: null,
      cpus: [],
      memory: null,
    });
    assert.equal(missing.length, 1);
    assert.match(missing[0]!, /has no VMCOREINFO note/);
  });

  it('has the log of a kernel whose vmcoreinfo was found in memory, too', () => {
    const found = logged('Kernel panic - not syncing: test');
    const without = { ...found, vmcoreinfo: undefined };
    const { panic, dump } = reportCrash(without, () => openCrashedKernel(found));
    assert.equal(panic?.message, 'Kernel panic - not syncing: test');
    assert.equal(dump.release, '6.1.0-test');
  });

  it('tells what it can without symbols and types, and what is missing', () => {
    const { panic, system, crashed, cpus, memory, missing } = report('Kernel panic - not syncing: test');
    assert.equal(panic?.message, 'Kernel panic - not syncing: test');
    assert.equal(system?.machine, 'x86_64');
    assert.deepEqual([crashed, cpus, memory?.total, system?.uptimeSeconds], [null, [], null, null]);
    const whats = missing.map((line) => line.split(':')[0]);
    for (const what of ['the time', 'the load average', 'the counters of memory', 'the stacks'])
      assert.ok(whats.includes(what), what);
    assert.equal(new Set(missing).size, missing.length);
  });

  it('shows the log up to the panic, not what came after', () => {
    const before = Array.from({ length: 20 }, (_, i) => `line ${i}`);
    const { log } = report(...before, 'Kernel panic - not syncing: test', 'Rebooting');
    assert.deepEqual(
      log.map(({ text }) => text),
      [...before.slice(9), 'Kernel panic - not syncing: test'],
    );
    assert.equal(log.at(-1)?.time, 21);
  });

  it('shows the log up to what led to the panic', () => {
    const { log, panic } = report(
      'first',
      'BUG: kernel NULL pointer dereference, address: 0000000000000000',
      'Oops: 0002 [#1] SMP',
      'Kernel panic - not syncing: Fatal exception',
    );
    assert.deepEqual(
      log.map(({ text }) => text),
      ['first', 'BUG: kernel NULL pointer dereference, address: 0000000000000000'],
    );
    assert.equal(panic?.cause?.time, 2);
  });

  it('shows the end of the log of a kernel that did not panic', () => {
    assert.deepEqual(
      report('first', 'last').log.map(({ text }) => text),
      ['first', 'last'],
    );
  });

  it('knows by the log who crashed where no variable tells, if that CPU ran what the log says', () => {
    const stack = (cpu: number, pid: number, crashed = false): CpuStack => ({
      cpu,
      crashed,
      pid,
      comm: null,
      frames: [],
      end: 'incomplete',
      incomplete: null,
      user: null,
      remarks: [],
    });
    const says = (line: string) => [
      { time: 1, text: 'CPU: 0 PID: 7 Comm: earlier Not tainted' },
      { time: 2, text: 'Unable to handle kernel NULL pointer dereference' },
      { time: 2.5, text: line },
      { time: 3, text: 'CPU: 0 PID: 7 Comm: later Not tainted' },
    ];
    const panic = { time: 2, cause: null };
    const crashedOf = (cpus: readonly CpuStack[]) =>
      cpus.filter(({ crashed }) => crashed).map(({ cpu }) => cpu);
    const cpus = [stack(0, 7), stack(1, 247)];
    for (const line of ['CPU: 1 PID: 247 Comm: crasher Tainted: G', 'CPU: 1 UID: 0 PID: 247 Comm: crasher'])
      assert.deepEqual(crashedOf(withCrashed(cpus, says(line), panic)), [1]);
    assert.deepEqual(crashedOf(withCrashed(cpus, says('CPU: 1 PID: 248 Comm: gone'), panic)), []);
    assert.deepEqual(crashedOf(withCrashed(cpus, says('CPU: 1 PID: 247 Comm: crasher'), null)), []);
    assert.deepEqual(
      crashedOf(
        withCrashed([stack(0, 7, true), stack(1, 247)], says('CPU: 1 PID: 247 Comm: crasher'), panic),
      ),
      [0],
    );
  });

  it('finds where a CPU was behind the functions that end a crash', () => {
    const places: [string[], string][] = [
      [['__crash_kexec', 'panic', 'sysrq_handle_crash'], 'sysrq_handle_crash'],
      [['__crash_kexec', 'vpanic', 'panic', 'panic_in_timer'], 'panic_in_timer'],
      [
        [
          '__crash_kexec',
          'panic',
          'nmi_panic.cold',
          'unknown_nmi_error.cold',
          'exc_nmi',
          'end_repeat_nmi',
          'spin',
        ],
        'spin',
      ],
      [
        [
          '__crash_kexec',
          'panic',
          'nmi_panic',
          'panic_bad_stack',
          'handle_bad_stack',
          '__bad_stack',
          'recurse',
        ],
        'recurse',
      ],
      [['write_to_null', 'panic'], 'write_to_null'],
      [['panic_print_sys_info', 'panic'], 'panic_print_sys_info'],
      [['panic'], 'panic'],
    ];
    for (const [symbols, place] of places) assert.equal(whereItWas(symbols.map(frame))?.symbol, place);
    assert.equal(whereItWas([frame('panic'), frame(null)])?.symbol, null);
    assert.equal(whereItWas([]), undefined);
  });
});
