import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TaskKernel } from '../../../test/support/task-kernel.ts';
import { countStates, listTasks, type TaskInfo, type TaskList } from './ps.ts';

const list = ({ made, symbols }: TaskKernel): TaskList => listTasks(made.crashed(symbols));
const find = ({ tasks }: TaskList, pid: number): TaskInfo => tasks.find((task) => task.pid === pid)!;

describe('ps', () => {
  it('has times: since the task began, on a CPU, and since then', () => {
    const all = list(new TaskKernel('since 5.14'));
    // The clock of the CPU that looked at it last is at 9.000000001 s.
    assert.deepEqual(find(all, 20).times, {
      started: 2,
      ran: 1.8,
      user: 1.5,
      system: 0.25,
      age: null,
      idle: 9.000000001 - 8,
    });
    assert.equal(all.missing.length, 1);
    assert.match(all.missing[0]!, /^the time of the crash: no symbol tk_core/);
  });

  it('has the memory of a process, of all CPUs, in each of its threads', () => {
    const kernel = new TaskKernel('since 5.14');
    const { made } = kernel;
    const counters = made.space(8);
    // File pages: 100, and 5 and -2 that CPUs have not yet added; of swap 7; of shared memory less than nothing.
    made.kernel.memory.put(Number(counters & 0xff_ffffn), Uint8Array.of(5, 0, 0, 0));
    made.kernel.memory.put(Number(counters & 0xff_ffffn) + 0x1000, Uint8Array.of(0xfe, 0xff, 0xff, 0xff));
    const mm = made.place('mm_struct', {
      total_vm: 1000,
      'rss_stat[0].count': 100,
      'rss_stat[0].counters': counters,
      'rss_stat[1].count': 20,
      'rss_stat[2].count': 7,
      'rss_stat[3].count': -3n,
    });
    for (const pid of [20, 21]) made.set('task_struct', kernel.at(pid), { mm });
    const all = list(kernel);
    const memory = { rss: 123 * 4096, swapped: 7 * 4096, vsz: 1000 * 4096 };
    assert.deepEqual(find(all, 20).memory, memory);
    assert.deepEqual(find(all, 21).memory, memory);
    assert.equal(find(all, 2).memory, null);
  });

  it('adds what threads counted for themselves before 6.2', () => {
    const kernel = new TaskKernel('4.18');
    const { made } = kernel;
    const mm = made.place('mm_struct', { 'rss_stat.count[0]': 10, 'rss_stat.count[1]': 1 });
    made.set('task_struct', kernel.at(20), { mm, 'rss_stat.count[0]': 3 });
    made.set('task_struct', kernel.at(21), { mm, 'rss_stat.count[1]': 40 });
    assert.equal(find(list(kernel), 20).memory?.rss, 54 * 4096);
  });

  it('tells whose memory is not in the dump, and shows the task', () => {
    const kernel = new TaskKernel('since 5.14');
    kernel.made.set('task_struct', kernel.at(20), { mm: 0xdead_0000_0000n });
    const all = list(kernel);
    assert.equal(find(all, 20).memory, null);
    assert.ok(all.missing.some((line) => line.startsWith('the memory of task 20: ')));
  });

  it('counts states, the most common first', () => {
    const { tasks } = list(new TaskKernel('4.18'));
    assert.deepEqual(
      countStates(tasks).map(({ state, tasks: count }) => `${state}${count}`),
      ['R3', 'S2', 'D1', 'I1', 'Z1'],
    );
  });
});
