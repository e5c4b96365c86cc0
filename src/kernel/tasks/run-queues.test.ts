import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../../test/support/c-types.ts';
import { Missing } from '../missing.ts';
import { readRunQueue } from './run-queues.ts';
import { readTask } from './tasks.ts';

const types = `struct list_head { struct list_head *next; struct list_head *prev; };
  struct rb_node { unsigned long parent; void *right; void *left; };
  struct rb_root_cached { void *rb_node; void *leftmost; };
  struct sched_entity { struct rb_node run_node; struct cfs_rq *my_q; };
  struct sched_rt_entity { struct list_head run_list; struct rt_rq *my_q; };
  struct sched_dl_entity { struct rb_node rb_node; u8 dl_server; };
  struct sched_ext_entity { struct list_head runnable_node; };
  struct task_struct { int pid; int tgid; int prio; unsigned int __state; int exit_state; unsigned int flags; char comm[16];
    struct task_struct *real_parent; struct sched_entity se; struct sched_rt_entity rt; struct sched_dl_entity dl;
    struct sched_ext_entity scx; };
  struct cfs_rq { struct rb_root_cached tasks_timeline; struct sched_entity *curr; };
  struct rt_prio_array { unsigned long bitmap[2]; struct list_head queue[100]; };
  struct rt_rq { struct rt_prio_array active; };
  struct dl_rq { struct rb_root_cached root; };
  struct scx_rq { struct list_head runnable_list; };
  struct rq { struct cfs_rq cfs; struct rt_rq rt; struct dl_rq dl; struct scx_rq scx; struct task_struct *curr; };`;

const queueEmpty = (made: CKernel, queue: bigint, type: 'rq' | 'rt_rq', path: string): void => {
  for (let i = 0; i < 100; i++) made.link(made.member(type, queue, `${path}.queue[${i}]`), []);
};

class Queue {
  readonly made = new CKernel(new CTypes(types));
  readonly queue: bigint;
  private pid = 100;
  private readonly tasks: bigint[] = [];

  constructor() {
    const { made } = this;
    this.queue = made.place('rq');
    queueEmpty(made, this.queue, 'rq', 'rt.active');
    made.link(made.member('rq', this.queue, 'scx.runnable_list'), []);
  }

  task(prio: number): bigint {
    const task = this.made.place('task_struct', { pid: this.pid++, comm: 'x', prio }, 4096);
    this.tasks.push(task);
    return task;
  }

  entity(task: bigint, path: 'se.run_node' | 'rt.run_list' | 'dl.rb_node' | 'scx.runnable_node'): bigint {
    return this.made.member('task_struct', task, path);
  }

  /** A tree of one node with others to its right. */
  tree(root: bigint, nodes: readonly bigint[]): void {
    const { made } = this;
    made.set('rb_root_cached', root, { rb_node: nodes[0] ?? 0n });
    nodes.forEach((node, i) => {
      made.set('rb_node', node, { parent: nodes[i - 1] ?? 0n, right: nodes[i + 1] ?? 0n });
    });
  }

  read(): { found: string[]; lines: readonly string[] } {
    const missing = new Missing();
    const crashed = this.made.crashed();
    const tasks = new Map(this.tasks.map((address) => [address, readTask(crashed, address)]));
    const found = Array.from(
      readRunQueue(crashed, crashed.struct('rq', this.queue), tasks, missing),
      ({ task, class: name, priority }) => `${task.pid} ${name} ${priority}`,
    );
    return { found, lines: missing.lines };
  }
}

describe('a run queue', () => {
  it('that is empty has none', () => {
    assert.deepEqual(new Queue().read(), { found: [], lines: [] });
  });

  it('has tasks of all classes; servers of a class are no tasks', () => {
    const queue = new Queue();
    const { made } = queue;
    const [fair, fairToo, urgent, deadline, server, ext] = [120, 139, 10, -1, -1, 120].map((prio) =>
      queue.task(prio),
    ) as [bigint, bigint, bigint, bigint, bigint, bigint];
    queue.tree(made.member('rq', queue.queue, 'cfs.tasks_timeline'), [
      queue.entity(fair, 'se.run_node'),
      queue.entity(fairToo, 'se.run_node'),
    ]);
    made.link(made.member('rq', queue.queue, 'rt.active.queue[10]'), [queue.entity(urgent, 'rt.run_list')]);
    made.set('task_struct', server, { 'dl.dl_server': 1 });
    queue.tree(made.member('rq', queue.queue, 'dl.root'), [
      queue.entity(deadline, 'dl.rb_node'),
      queue.entity(server, 'dl.rb_node'),
    ]);
    made.link(made.member('rq', queue.queue, 'scx.runnable_list'), [queue.entity(ext, 'scx.runnable_node')]);
    assert.deepEqual(queue.read(), {
      found: ['103 deadline -1', '102 real time 10', '100 fair 120', '101 fair 139', '105 ext 120'],
      lines: [],
    });
  });

  it('has the tasks of groups, and of the group that runs', () => {
    const queue = new Queue();
    const { made } = queue;
    const group = (task: bigint): bigint => {
      const own = made.place('cfs_rq');
      queue.tree(made.member('cfs_rq', own, 'tasks_timeline'), [queue.entity(task, 'se.run_node')]);
      return made.place('sched_entity', { my_q: own });
    };
    const waiting = group(queue.task(120));
    const running = group(queue.task(121));
    queue.tree(made.member('rq', queue.queue, 'cfs.tasks_timeline'), [waiting]);
    made.set('rq', queue.queue, { 'cfs.curr': running });
    assert.deepEqual(queue.read(), { found: ['101 fair 121', '100 fair 120'], lines: [] });
  });

  it('whose groups are in each other ends', () => {
    const queue = new Queue();
    const { made } = queue;
    const top = made.member('rq', queue.queue, 'cfs');
    queue.tree(made.member('rq', queue.queue, 'cfs.tasks_timeline'), [
      made.place('sched_entity', { my_q: top }),
    ]);
    const { found, lines } = queue.read();
    assert.deepEqual(found, []);
    assert.deepEqual(lines, ['the fair tasks of a run queue: its groups go round in a circle']);
  });

  it('with a smashed list has the others', () => {
    const queue = new Queue();
    const { made } = queue;
    const [first, second, third] = [1, 2, 3].map(() => queue.task(50)) as [bigint, bigint, bigint];
    const nodes = [first, second, third].map((task) => queue.entity(task, 'rt.run_list'));
    made.link(made.member('rq', queue.queue, 'rt.active.queue[50]'), nodes);
    made.set('list_head', nodes[0]!, { next: 0x1234n });
    const { found, lines } = queue.read();
    assert.deepEqual(found, ['100 real time 50', '102 real time 50', '101 real time 50']);
    assert.match(lines[0]!, /^the real time tasks of a run queue: /);
  });

  it('does not show what is no task', () => {
    const queue = new Queue();
    const { made } = queue;
    const nodes = [
      queue.entity(queue.task(1), 'rt.run_list'),
      made.place('task_struct'),
      made.place('list_head'),
    ];
    made.link(made.member('rq', queue.queue, 'rt.active.queue[50]'), nodes);
    const { found, lines } = queue.read();
    assert.deepEqual(found, ['100 real time 1']);
    assert.match(lines[0]!, /^the real time tasks of a run queue: what is at 0x\w+ is no task$/);
  });
});
