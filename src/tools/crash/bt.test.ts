import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crashedStacks } from '../../../test/support/crashed-stacks.ts';
import { failsWith } from '../../../test/support/expect-error.ts';
import { readStacks } from './bt.ts';

describe('readStacks', () => {
  it('is of the CPU that crashed when nothing else is asked for', () => {
    const { made, user } = crashedStacks();
    const { cpus, tasks, missing } = readStacks(made.open(), { of: 'crashing CPU' });
    assert.deepEqual([cpus.length, tasks, missing], [1, [], []]);
    const [{ frames, ...cpu }] = cpus as [(typeof cpus)[0]];
    assert.equal(cpu.user?.rip, '0x401000');
    assert.deepEqual(
      { ...cpu, user: 0 },
      {
        cpu: 0,
        crashed: true,
        pid: 5,
        comm: 'sh\u001b[2J',
        end: 'user mode',
        incomplete: null,
        user: 0,
        remarks: [],
      },
    );
    assert.equal(frames[0]?.registers?.rsp, `0x${(user - 8n).toString(16)}`);
    assert.deepEqual(frames[1], {
      symbol: 'entry',
      offset: 0x25,
      pc: `0x${(made.firstFunction + 0x25n).toString(16)}`,
      sp: `0x${user.toString(16)}`,
      module: null,
      found: 'orc',
      interrupted: false,
      registers: null,
    });
  });

  it('is of all CPUs, and of every task', () => {
    const crashed = crashedStacks().made.open();
    const all = readStacks(crashed, { of: 'CPUs and tasks' });
    assert.deepEqual(
      all.cpus.map(({ cpu, pid, crashed, frames, end }) => [cpu, pid, crashed, frames.length, end]),
      [
        [0, 5, true, 2, 'user mode'],
        [1, 6, false, 0, 'user mode'],
      ],
    );
    assert.deepEqual(
      all.tasks.map(({ pid, end }) => [pid, end]),
      [
        [5, 'user mode'],
        [6, 'user mode'],
        [7, 'incomplete'],
      ],
    );
    assert.deepEqual(readStacks(crashed, { of: 'CPUs' }), { ...all, tasks: [] });
  });

  it('is of tasks by their pids', () => {
    const crashed = crashedStacks().made.open();
    const { cpus, tasks } = readStacks(crashed, { of: 'pids', pids: [7, 5] });
    assert.deepEqual([cpus, tasks.map(({ pid }) => pid)], [[], [7, 5]]);
    assert.throws(() => readStacks(crashed, { of: 'pids', pids: [77] }), failsWith('E_USAGE', /no task 77/));
  });

  it('is of all CPUs when none crashed', () => {
    const { made } = crashedStacks();
    const crashed = made.open();
    const { paddr } = crashed.kernel.translate(crashed.symbols.require('crashing_cpu'));
    made.kernel.memory.put(paddr, new Uint8Array(4).fill(0xff));
    const { cpus } = readStacks(made.reopen(), { of: 'crashing CPU' });
    assert.deepEqual(
      cpus.map(({ cpu, crashed: isCrashed }) => [cpu, isCrashed]),
      [
        [0, false],
        [1, false],
      ],
    );
  });

  it('says what is missing when there are no types', () => {
    const { made } = crashedStacks();
    made.open();
    made.kernel.addInfo({ 'SYMBOL(__stop_BTF)': 0n });
    made.kernel.memory.put(made.typesAt, new Uint8Array(4));
    assert.throws(
      () => readStacks(made.reopen(), { of: 'CPUs' }),
      failsWith('E_NO_INFO', /nothing tells the size of cpumask/),
    );
  });
});
