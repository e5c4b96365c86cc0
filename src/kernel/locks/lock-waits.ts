/**
 * What a sleeping task waits for.
 *
 * Newer kernels write it down: task_struct.blocker (6.16, CONFIG_DETECT_HUNG_TASK_BLOCKER; blocker_mutex in 6.15), task_struct.blocked_on (a mutex; the
 * waiter, with CONFIG_DEBUG_MUTEXES only, before 6.17, 44e4e0297c3c), task_struct.pi_blocked_on (an rt_mutex). Otherwise it is on the task's stack: a waiter, which
 * names the task and is linked to the lock's other waiters and to the lock (struct mutex_waiter and so on).
 *
 * Nothing is guessed: a waiter is one when its ring holds together (waiter-ring.ts), the lock bears it out, and it lies on the frame of a function that
 * waits for locks of that kind. Since 7.1 a lock points to its first waiter and is not in the ring itself: then it is what a word of the stack points to
 * whose first waiter is in this ring.
 *
 * Source of truth: include/linux/{hung_task,swait,wait}.h, kernel/locking/ (Linux 4.18, 6.1, 6.12, 7.2).
 */
import { viewOf } from '../../base/bytes.ts';
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { Missing } from '../missing.ts';
import type { Frame } from '../stacks/frame.ts';
import { type StackArea, taskStack } from '../stacks/stack-areas.ts';
import type { Struct } from '../struct.ts';
import type { Task } from '../tasks/tasks.ts';
import { bitWaitAt } from './bit-waits.ts';
import { countsReaders, type LockKind, lockStruct } from './locks.ts';
import { type OnStackOf, type Ring, readPointerIfThere, walkRing } from './waiter-ring.ts';

export interface Wait {
  readonly kind: LockKind;
  readonly lock: Vaddr;
  /** Of rwsem and percpu_rwsem. */
  readonly mode: 'read' | 'write' | undefined;
  /** The kernel wrote it down ('blocker', 'blocked_on', 'pi_blocked_on'), or it was found on the stack. */
  readonly found: 'blocker' | 'blocked_on' | 'pi_blocked_on' | 'stack';
}

/** BLOCKER_TYPE_MUTEX and so on, in the lowest bits of task_struct.blocker. */
const blockerTypes = [
  { kind: 'mutex', mode: undefined },
  { kind: 'semaphore', mode: undefined },
  { kind: 'rwsem', mode: 'read' },
  { kind: 'rwsem', mode: 'write' },
] as const;
const blockerMask = 3n;

/**
 * For each kind: the waiter, where its list and its task are in it, where the lock's list begins, and the functions that wait with it, as they are called
 * without .constprop and the like.
 */
const forms = [
  {
    kind: 'mutex',
    waiter: 'mutex_waiter',
    list: 'list',
    task: 'task',
    head: 'wait_list',
    functions: /^_*(ww_)?mutex_lock/,
  },
  {
    kind: 'rwsem',
    waiter: 'rwsem_waiter',
    list: 'list',
    task: 'task',
    head: 'wait_list',
    functions: /^(rwsem_down_|_*down_(read|write))/,
  },
  {
    kind: 'semaphore',
    waiter: 'semaphore_waiter',
    list: 'list',
    task: 'task',
    head: 'wait_list',
    functions: /^_*down(_common|_interruptible|_killable|_timeout)?(\.|$)/,
  },
  {
    kind: 'completion',
    waiter: 'swait_queue',
    list: 'task_list',
    task: 'task',
    head: 'wait.task_list',
    functions: /^_*wait_for_(common|completion)/,
  },
  {
    kind: 'percpu_rwsem',
    waiter: 'wait_queue_entry',
    list: 'entry',
    task: 'private',
    head: 'waiters.head',
    functions: /^percpu_rwsem_wait|^_*percpu_down_/,
  },
] as const;
type Form = (typeof forms)[number];

/** WQ_FLAG_CUSTOM: percpu_rwsem_wait() marks readers with it (5.7, 7f26482a872c). */
const percpuReader = 4;
const mutexHasWaiters = 1n;
const rwsemHasWaiters = 2n;

/** What the innermost of these functions waits for, when it is one that waits for locks: as it is called, not as it was found. */
export function lockOfFunctions(names: Iterable<string>): Form['kind'] | undefined {
  for (const name of names) {
    const form = forms.find(({ functions }) => functions.test(name));
    if (form !== undefined) return form.kind;
  }
  return undefined;
}

/** The frames of a task's stack, innermost first. */
export type FramesOf = (task: Task) => readonly Frame[];

export class LockWaits {
  private readonly crashed: CrashedKernel;
  private readonly tasks: ReadonlyMap<bigint, Task>;
  private readonly framesOf: FramesOf;
  private readonly areas = new Map<bigint, StackArea | undefined>();
  private readonly onStackOf: OnStackOf = (address, place) => {
    const task = this.tasks.get(address);
    const area = task === undefined ? undefined : this.areaOf(task);
    return area !== undefined && place >= area.start && place < area.end ? task : undefined;
  };

  /** `tasks`: all of them, by the address of their task_struct. */
  constructor(crashed: CrashedKernel, tasks: ReadonlyMap<bigint, Task>, framesOf: FramesOf) {
    this.crashed = crashed;
    this.tasks = tasks;
    this.framesOf = framesOf;
  }

  /** Undefined when it waits for no lock, or for none of these kinds. E_UNREADABLE when its stack is not in the dump. */
  of(task: Task): Wait | undefined {
    return this.writtenDown(task) ?? this.onStack(task);
  }

  private writtenDown({ struct, address }: Task): Wait | undefined {
    const waiter = struct.has('pi_blocked_on') ? struct.follow('pi_blocked_on') : undefined;
    if (waiter !== undefined && waiter.pointer('task') === address && this.isInTree(waiter))
      return { kind: 'rt_mutex', lock: waiter.pointer('lock'), mode: undefined, found: 'pi_blocked_on' };
    const blocker = struct.has('blocker') ? struct.pointer('blocker') : 0n;
    const type = blockerTypes[Number(blocker & blockerMask)];
    const lock = asVaddr(blocker & ~blockerMask);
    if (type !== undefined && this.hasWaiter(type.kind, lock, address))
      return { ...type, lock, found: 'blocker' };
    for (const member of ['blocked_on', 'blocker_mutex']) {
      const mutex = struct.has(member) ? struct.follow(member) : undefined;
      if (mutex?.layout.name === 'mutex' && this.hasWaiter('mutex', mutex.address, address))
        return { kind: 'mutex', lock: mutex.address, mode: undefined, found: 'blocked_on' };
    }
    return undefined;
  }

  /** Whether an rt_mutex_waiter is in the tree of its lock: the top of its tree is the lock's root. */
  private isInTree(waiter: Struct): boolean {
    const { kernel } = this.crashed;
    // tree_entry before 6.5 (f7853c342418).
    const links = new Set<bigint>([waiter.addressOf(waiter.has('tree.entry') ? 'tree.entry' : 'tree_entry')]);
    for (const node of links) {
      const parent = readPointerIfThere(kernel, node);
      if (parent === undefined || links.size > maxDepth) return false;
      if ((parent & ~colourBits) === 0n)
        return (
          readPointerIfThere(
            kernel,
            lockStruct(this.crashed, 'rt_mutex', waiter.pointer('lock')).addressOf('waiters'),
          ) === node
        );
      links.add(parent & ~colourBits);
    }
    return false;
  }

  /** Whether a task is among the waiters of a lock: what is written down may be of the past. */
  private hasWaiter(kind: 'mutex' | 'semaphore' | 'rwsem', lock: bigint, task: bigint): boolean {
    if (lock === 0n) return false;
    const form = forms.find((one) => one.kind === kind)!;
    const found = new Missing().attempt('', () => {
      const struct = lockStruct(this.crashed, kind, lock);
      const first = struct.pointer(struct.has('first_waiter') ? 'first_waiter' : form.head);
      const ring = this.ringAt(form, first + (struct.has('first_waiter') ? this.inWaiter(form).list : 0n));
      const { list, task: inTask } = this.inWaiter(form);
      return [...(ring?.nodes ?? [])].some(
        (node) => this.crashed.kernel.readPointer(asVaddr(node - list + inTask)) === task,
      );
    });
    return found === true;
  }

  private onStack(task: Task): Wait | undefined {
    const area = this.areaOf(task);
    const { struct } = task;
    const sp = struct.pointer(struct.has('thread.cpu_context.sp') ? 'thread.cpu_context.sp' : 'thread.sp');
    if (area === undefined || sp < area.start || sp >= area.end) return undefined;
    const words = this.wordsOf(sp, area.end);
    for (const [i, word] of words.entries()) {
      if (word !== task.address) continue;
      const place = sp + BigInt(8 * i);
      const bit = new Missing().attempt('', () => bitWaitAt(this.crashed, place));
      if (bit !== undefined) return { kind: bit.kind, lock: bit.address, mode: undefined, found: 'stack' };
      const waits = forms.flatMap((form) => this.waitAt(form, place, words) ?? []);
      if (waits.length === 0) continue;
      const names = this.functionsAt(task, place);
      const wait = waits.find(({ kind }) => {
        const form = forms.find((one) => one.kind === kind);
        return names.some((name) => form?.functions.test(name));
      });
      if (wait !== undefined) return wait;
    }
    return undefined;
  }

  /** The wait for a lock of a kind whose waiter has the task's address at `place`; undefined when no such waiter is there. */
  private waitAt(form: Form, place: bigint, words: readonly bigint[]): Wait | undefined {
    return new Missing().attempt('', () => {
      const { list, task } = this.inWaiter(form);
      const waiter = this.crashed.struct(form.waiter, place - task);
      const ring = this.ringAt(form, waiter.address + list);
      const lock = ring === undefined ? undefined : this.lockOf(form, ring, words);
      if (lock === undefined || !this.bearsOut(form.kind, lock)) return undefined;
      const isReader =
        form.kind === 'rwsem'
          ? waiter.number('type') !== 0
          : form.kind === 'percpu_rwsem' && (waiter.number('flags') & percpuReader) !== 0;
      const hasMode = form.kind === 'rwsem' || form.kind === 'percpu_rwsem';
      return {
        kind: form.kind,
        lock: asVaddr(lock),
        mode: hasMode ? (isReader ? 'read' : 'write') : undefined,
        found: 'stack',
      };
    });
  }

  /** By the ring's head, or by its first waiter. */
  private lockOf(form: Form, { head, nodes }: Ring, words: readonly bigint[]): bigint | undefined {
    const none = lockStruct(this.crashed, form.kind, 0n);
    if (none.has(form.head)) return head === undefined ? undefined : head - none.addressOf(form.head);
    if (head !== undefined || !none.has('first_waiter')) return undefined;
    const { list } = this.inWaiter(form);
    const inLock = none.addressOf('first_waiter');
    return words.find((word) => {
      const first = word < kernelSpace ? undefined : readPointerIfThere(this.crashed.kernel, word + inLock);
      return first !== undefined && nodes.has(first + list);
    });
  }

  /** What a lock says of itself when tasks wait for it. */
  private bearsOut(kind: Form['kind'], address: bigint): boolean {
    const lock = lockStruct(this.crashed, kind, address);
    switch (kind) {
      case 'mutex':
        return (lock.pointer('owner') & mutexHasWaiters) !== 0n;
      case 'rwsem':
        return !countsReaders(lock) || (lock.pointer('count') & rwsemHasWaiters) !== 0n;
      case 'semaphore':
        return lock.number('count') === 0;
      case 'completion':
        return lock.number('done') === 0;
      case 'percpu_rwsem':
        return true;
    }
  }

  private ringAt(form: Form, node: bigint): Ring | undefined {
    const { list, task } = this.inWaiter(form);
    return walkRing(this.crashed.kernel, node, task - list, {
      onStackOf: this.onStackOf,
      most: this.tasks.size,
    });
  }

  private inWaiter(form: Form): { readonly list: bigint; readonly task: bigint } {
    const { layouts } = this.crashed;
    return {
      list: BigInt(layouts.requireOffset(`${form.waiter}.${form.list}`)),
      task: BigInt(layouts.requireOffset(`${form.waiter}.${form.task}`)),
    };
  }

  /** The function on whose frame a place of the stack is, and its neighbours: where exactly a frame begins depends on the architecture. */
  private functionsAt(task: Task, place: bigint): string[] {
    const frames = this.framesOf(task);
    const at = frames.findLastIndex(({ sp }) => sp <= place);
    return frames.slice(Math.max(0, at - 1), at + 2).flatMap(({ symbol }) => symbol ?? []);
  }

  private areaOf(task: Task): StackArea | undefined {
    if (!this.areas.has(task.address))
      this.areas.set(
        task.address,
        new Missing().attempt('', () => taskStack(this.crashed, task.struct)),
      );
    return this.areas.get(task.address);
  }

  private wordsOf(start: bigint, end: bigint): bigint[] {
    const view = viewOf(this.crashed.kernel.read(asVaddr(start), Number(end - start)));
    return Array.from({ length: view.byteLength >> 3 }, (_, i) =>
      view.getBigUint64(8 * i, this.crashed.dump.littleEndian),
    );
  }
}

/** Of a red-black tree (rbtree.ts). */
const colourBits = 3n;
const maxDepth = 128;
/** Where the kernel's half of the address space begins, on any of its machines. */
const kernelSpace = 0xffff_0000_0000_0000n;
