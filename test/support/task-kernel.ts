/**
 * A synthetic kernel with tasks, in two forms: as since 5.14 (6.12's names), and as 4.18 had them.
 *
 *   0   swapper/0, swapper/1   idle tasks of two CPUs; init_task is the first
 *   1   init                   process
 *   2   kthreadd               kernel thread
 *   20  server                 process, with the threads 21 and 22 worker
 *   30  dead                   zombie
 *
 * Each task_struct has a page of its own, so that a test can lose it.
 */
import { CKernel, CTypes } from './c-types.ts';
import { directMap } from './synthetic-kernel.ts';

export type TaskForm = 'since 5.14' | '4.18';

const common = `struct list_head { struct list_head *next; struct list_head *prev; };
  struct hlist_node { struct hlist_node *next; struct hlist_node **pprev; };
  struct hlist_head { struct hlist_node *first; };
  struct cpumask { unsigned long bits[1]; };
  struct sched_info { unsigned long pcount; u64 last_arrival; };
  struct sched_entity { u64 exec_start; u64 sum_exec_runtime; };
  struct signal_struct { int live; struct list_head thread_head; };
  struct pid { int count; struct hlist_head tasks[3]; };
  struct rq { u64 clock; struct task_struct *curr; struct task_struct *idle; };`;

const task = (own: string, links: string): string => `struct task_struct {
    ${own} struct list_head tasks; struct mm_struct *mm; int exit_state; unsigned int flags; int on_cpu; int pid; int tgid;
    struct task_struct *real_parent; struct list_head thread_node; ${links} char comm[16]; struct signal_struct *signal;
    u64 utime; u64 stime; u64 start_time; struct sched_info sched_info; struct sched_entity se; };`;

const forms: Readonly<Record<TaskForm, string>> = {
  'since 5.14': `${common}
    struct thread_info { unsigned long flags; u32 cpu; };
    struct mm_struct { unsigned long total_vm; struct percpu_counter { long count; int *counters; } rss_stat[4]; };
    struct xarray { int lock; void *xa_head; };
    struct xa_node { u8 shift; struct xa_node *parent; void *slots[64]; };
    struct idr { struct xarray idr_rt; };
    struct pid_namespace { struct idr idr; };
    ${task(
      'struct thread_info thread_info; unsigned int __state; u64 start_boottime;',
      'struct pid *thread_pid; struct hlist_node pid_links[3];',
    )}`,
  '4.18': `${common}
    struct mm_struct { unsigned long total_vm; struct mm_rss_stat { long count[4]; } rss_stat; };
    struct radix_tree_root { int lock; void *rnode; };
    struct radix_tree_node { u8 shift; struct radix_tree_node *parent; void *slots[64]; };
    struct idr { struct radix_tree_root idr_rt; };
    struct pid_namespace { struct idr idr; };
    struct pid_link { struct hlist_node node; struct pid *pid; };
    struct task_rss_stat { int events; int count[4]; };
    ${task('unsigned int cpu; long state; u64 real_start_time; struct task_rss_stat rss_stat;', 'struct pid_link pids[3];')}`,
};

interface TaskSpec {
  readonly pid: number;
  readonly tgid: number;
  readonly comm: string;
  readonly parent: number;
  readonly state?: number;
  readonly exit?: number;
  readonly flags?: number;
  readonly cpu?: number;
}

const kernelThread = 0x0020_0000;
const specs: readonly TaskSpec[] = [
  { pid: 1, tgid: 1, comm: 'init', parent: 0, state: 1 },
  { pid: 2, tgid: 2, comm: 'kthreadd', parent: 0, state: 0x402, flags: kernelThread },
  { pid: 20, tgid: 20, comm: 'server', parent: 1, state: 0, cpu: 1 },
  { pid: 21, tgid: 20, comm: 'worker', parent: 1, state: 2, cpu: 1 },
  { pid: 22, tgid: 20, comm: 'worker', parent: 1, state: 1 },
  { pid: 30, tgid: 30, comm: 'dead', parent: 20, exit: 0x20 },
];

const perCpuStep = 0x1000n;

export class TaskKernel {
  readonly made: CKernel;
  readonly form: TaskForm;
  /** By pid; the idle task of CPU 0 is 0, that of CPU 1 is -1. */
  readonly tasks = new Map<number, bigint>();
  readonly symbols: Record<string, bigint>;
  /** The nodes of the table of pids: the root, and the one below it for 0 to 63. */
  readonly pidNodes: readonly [root: bigint, first: bigint];

  constructor(form: TaskForm, types = '') {
    this.form = form;
    this.made = new CKernel(new CTypes(forms[form] + types));
    const { made, tasks } = this;
    const idle = (cpu: number): TaskSpec => ({
      pid: 0,
      tgid: 0,
      comm: `swapper/${cpu}`,
      parent: 0,
      flags: kernelThread,
      cpu,
    });
    [idle(0), idle(1), ...specs].forEach((spec, i) => {
      tasks.set(i === 1 ? -1 : spec.pid, made.place('task_struct', {}, 0x1000));
    });
    tasks.forEach((address, pid) => {
      this.fill(address, pid <= 0 ? idle(-pid) : specs.find((spec) => spec.pid === pid)!);
    });
    this.linkAll();
    this.pidNodes = this.makePidTable();
    const queues = made.space(Number(perCpuStep) * 2, 0x1000);
    [this.at(0), this.at(-1)].forEach((idleTask, cpu) => {
      const curr = cpu === 0 ? idleTask : this.at(20);
      made.set('rq', queues + perCpuStep * BigInt(cpu), { curr, idle: idleTask, clock: 9_000_000_000 + cpu });
    });
    made.set('task_struct', this.at(20), { on_cpu: 1 });
    this.symbols = {
      init_task: this.at(0),
      runqueues: queues,
      init_pid_ns: this.pidNamespace,
      __per_cpu_offset: made.longs(0, perCpuStep),
      __cpu_possible_mask: made.place('cpumask', { 'bits[0]': 3 }),
    };
  }

  private pidNamespace = 0n;

  at(pid: number): bigint {
    const address = this.tasks.get(pid);
    if (address === undefined) throw new Error(`no task ${pid}`);
    return address;
  }

  /** Its member `tasks`, by which processes are linked. */
  node(pid: number): bigint {
    return this.made.member('task_struct', this.at(pid), 'tasks');
  }

  /** Takes the page of an address out of the dump. */
  lose(address: bigint): void {
    this.made.kernel.memory.lose(Number(address - directMap) / 4096, 'excluded');
  }

  /** Writes `next` (and `prev`) of a list_head. */
  smash(node: bigint, next: bigint, prev?: bigint): void {
    this.made.set('list_head', node, { next, ...(prev === undefined ? {} : { prev }) });
  }

  private fill(address: bigint, spec: TaskSpec): void {
    const { made, form } = this;
    const isNew = form === 'since 5.14';
    made.set('task_struct', address, {
      pid: spec.pid,
      tgid: spec.tgid,
      comm: spec.comm,
      real_parent: this.at(spec.parent),
      exit_state: spec.exit ?? 0,
      flags: spec.flags ?? 0,
      utime: 1_500_000_000,
      stime: 250_000_000,
      'sched_info.last_arrival': 8_000_000_000,
      'se.exec_start': 7_000_000_000,
      'se.sum_exec_runtime': 1_800_000_000,
      [isNew ? '__state' : 'state']: spec.state ?? 0,
      [isNew ? 'thread_info.cpu' : 'cpu']: spec.cpu ?? 0,
      [isNew ? 'start_boottime' : 'real_start_time']: 2_000_000_000,
    });
  }

  private linkAll(): void {
    const { made } = this;
    const leaders = specs.filter(({ pid, tgid }) => pid === tgid);
    made.link(
      this.node(0),
      leaders.map(({ pid }) => this.node(pid)),
    );
    for (const leader of leaders) {
      const signal = made.place('signal_struct');
      const threads = specs.filter(({ tgid }) => tgid === leader.pid);
      made.link(
        made.member('signal_struct', signal, 'thread_head'),
        threads.map(({ pid }) => made.member('task_struct', this.at(pid), 'thread_node')),
      );
      for (const { pid } of threads) made.set('task_struct', this.at(pid), { signal });
    }
  }

  /** Two levels, as with pids above 63. */
  private makePidTable(): [bigint, bigint] {
    const { made, form } = this;
    const isNew = form === 'since 5.14';
    const type = isNew ? 'xa_node' : 'radix_tree_node';
    const tag = isNew ? 2n : 1n;
    const root = made.place(type, { shift: 6 });
    const first = made.place(type, { shift: 0, parent: root });
    made.set(type, root, { 'slots[0]': first + tag });
    for (const { pid } of specs) {
      const links = made.member('task_struct', this.at(pid), isNew ? 'pid_links' : 'pids');
      const own = made.place('pid', { 'tasks[0].first': links });
      made.set('task_struct', this.at(pid), { [isNew ? 'thread_pid' : 'pids[0].pid']: own });
      made.set(type, first, { [`slots[${pid}]`]: own });
    }
    // A number that is only kept for a session: no task has it.
    made.set(type, first, { 'slots[40]': made.place('pid') });
    this.pidNamespace = made.place('pid_namespace', {
      [isNew ? 'idr.idr_rt.xa_head' : 'idr.idr_rt.rnode']: root + tag,
    });
    return [root, first];
  }
}
