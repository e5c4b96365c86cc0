import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { type TaskForm, TaskKernel } from '../../../test/support/task-kernel.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { Missing } from '../missing.ts';
import { currentTask, findTask, readTasks } from './tasks.ts';

const open = ({ made, symbols }: TaskKernel): CrashedKernel => made.crashed(symbols);

/** Pids in the order in which they come, and what is told. */
function pidsOf(kernel: TaskKernel): { pids: number[]; lines: readonly string[] } {
  const missing = new Missing();
  const tasks = [...readTasks(open(kernel), { idle: 'without', missing })];
  assert.equal(new Set(tasks.map(({ address }) => address)).size, tasks.length, 'each once');
  return { pids: tasks.map(({ pid }) => pid), lines: missing.lines };
}

const all = [1, 2, 20, 21, 22, 30];
const sorted = (pids: readonly number[]): number[] => pids.toSorted((a, b) => a - b);
const garbage = 0xffff_8880_00f0_0008n;

for (const form of ['since 5.14', '4.18'] as const satisfies readonly TaskForm[]) {
  describe(`tasks, ${form}`, () => {
    it('are idle tasks, processes and their threads, with what ps shows', () => {
      const missing = new Missing();
      const tasks = [...readTasks(open(new TaskKernel(form)), { idle: 'with', missing })];
      assert.deepEqual(missing.lines, []);
      assert.deepEqual(
        tasks.map(({ pid, tgid, ppid, comm, state, cpu, onCpu, isKernelThread }) => [
          ...[pid, tgid, ppid, comm, state, cpu],
          ...(onCpu ? ['on CPU'] : []),
          ...(isKernelThread ? ['kernel'] : []),
        ]),
        [
          [0, 0, 0, 'swapper/0', 'R', 0, 'kernel'],
          [0, 0, 0, 'swapper/1', 'R', 1, 'kernel'],
          [1, 1, 0, 'init', 'S', 0],
          [2, 2, 0, 'kthreadd', 'I', 0, 'kernel'],
          [20, 20, 1, 'server', 'R', 1, 'on CPU'],
          [21, 20, 1, 'worker', 'D', 1],
          [22, 20, 1, 'worker', 'S', 0],
          [30, 30, 20, 'dead', 'Z', 0],
        ],
      );
    });

    it('are found by CPU and by pid', () => {
      const kernel = new TaskKernel(form);
      const crashed = open(kernel);
      assert.equal(currentTask(crashed, 0).comm, 'swapper/0');
      assert.equal(currentTask(crashed, 1).address, kernel.at(20));
      const missing = new Missing();
      assert.equal(findTask(crashed, 22, missing)?.address, kernel.at(22));
      assert.equal(findTask(crashed, 0, missing)?.address, kernel.at(0));
      assert.equal(findTask(crashed, 99, missing), undefined);
    });

    it('behind a smashed link come from the other end', () => {
      const kernel = new TaskKernel(form);
      kernel.smash(kernel.node(1), garbage);
      const { pids, lines } = pidsOf(kernel);
      assert.deepEqual(pids, [1, 30, 20, 21, 22, 2]);
      assert.equal(lines.length, 1);
      assert.match(lines[0]!, /^the list of processes: the list leads from .* which does not lead back$/);
    });

    it('between two smashed links come by their pids', () => {
      const kernel = new TaskKernel(form);
      kernel.smash(kernel.node(1), garbage);
      kernel.smash(kernel.node(30), kernel.node(0), garbage);
      const { pids, lines } = pidsOf(kernel);
      assert.deepEqual(sorted(pids), all);
      assert.equal(lines.at(-1), 'the lists of tasks: 4 more were found by the table of pids');
    });

    it('in a list that goes round come once', () => {
      const kernel = new TaskKernel(form);
      kernel.smash(kernel.node(20), kernel.node(1));
      kernel.smash(kernel.node(1), kernel.node(2), kernel.node(20));
      const { pids, lines } = pidsOf(kernel);
      assert.deepEqual(sorted(pids), all);
      assert.match(lines[0]!, /^the list of processes: /);
    });

    it('whose page is missing are told, all others are there', () => {
      const kernel = new TaskKernel(form);
      kernel.lose(kernel.at(20));
      const { pids, lines } = pidsOf(kernel);
      assert.deepEqual(sorted(pids), [1, 2, 21, 22, 30]);
      assert.match(lines[0]!, /^the list of processes: physical page 0x\w+ was filtered out/);
      assert.equal(lines.at(-1), 'the lists of tasks: 2 more were found by the table of pids');
    });

    it('whose threads are smashed too are told, and found by their pids', () => {
      const kernel = new TaskKernel(form);
      const { made } = kernel;
      const thread = made.member('task_struct', kernel.at(20), 'thread_node');
      kernel.smash(thread, garbage);
      kernel.smash(made.member('task_struct', kernel.at(22), 'thread_node'), garbage, garbage);
      assert.deepEqual(sorted(pidsOf(kernel).pids), all);
    });

    it('of a damaged list without a table of pids are those that came', () => {
      const kernel = new TaskKernel(form);
      kernel.smash(kernel.node(1), garbage);
      kernel.smash(kernel.node(30), kernel.node(0), garbage);
      const root = kernel.pidNodes[0];
      kernel.made.set(form === '4.18' ? 'radix_tree_node' : 'xa_node', root, { parent: garbage });
      const { pids, lines } = pidsOf(kernel);
      assert.deepEqual(pids, [1, 30]);
      assert.ok(lines.some((line) => line.startsWith('the table of pids: ')));
    });

    it('whose parent is missing have none', () => {
      const kernel = new TaskKernel(form);
      kernel.made.set('task_struct', kernel.at(30), { real_parent: 0xdead_0000_0000_0000n });
      const missing = new Missing();
      assert.equal(findTask(open(kernel), 30, missing)?.ppid, undefined);
      assert.deepEqual(missing.lines, []);
    });
  });
}

describe('run queues', () => {
  it('with a pointer to what is no idle task have none', () => {
    const kernel = new TaskKernel('since 5.14');
    kernel.made.set('rq', kernel.symbols.runqueues!, { idle: kernel.at(30) });
    const missing = new Missing();
    const tasks = [...readTasks(open(kernel), { idle: 'with', missing })];
    assert.deepEqual(
      tasks.slice(0, 2).map(({ comm }) => comm),
      ['swapper/1', 'init'],
    );
    assert.match(missing.lines[0]!, /^the idle task of CPU 0: what is at 0x\w+ is none$/);
  });

  it('whose task says that it ran elsewhere do not tell what ran', () => {
    const kernel = new TaskKernel('since 5.14');
    kernel.made.set('rq', kernel.symbols.runqueues!, { curr: kernel.at(21) });
    assert.throws(
      () => currentTask(open(kernel), 0),
      failsWith('E_CORRUPT', /^what ran on CPU 0 says that it ran on CPU 1$/),
    );
  });
});

describe('tasks of a kernel that tells too little', () => {
  it('are no empty list', () => {
    const { made } = new TaskKernel('since 5.14');
    const tasks = readTasks(made.crashed(), { idle: 'without', missing: new Missing() });
    assert.throws(() => [...tasks], failsWith('E_NO_INFO'));
  });
});
