/**
 * The waiters of a lock: each is a structure on the stack of the task that waits, linked to the others and, before 7.1 always, to the lock.
 *
 * A ring is one only when its links agree in both directions all the way round, and each member lies on the stack of the task that it names; at most one
 * is not such a member: that one is in the lock.
 */
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../tasks/tasks.ts';

export interface Ring {
  /** The addresses of the members' list_heads. */
  readonly nodes: ReadonlySet<bigint>;
  /** The list_head in the lock; undefined when the lock is not in the ring. */
  readonly head: bigint | undefined;
}

/** Gives the task on whose stack an address is, when the task is at `address`. */
export type OnStackOf = (address: bigint, place: bigint) => Task | undefined;

/**
 * The ring that `start`, a list_head, is in; undefined when it is in none. `taskOffset`: from a member's list_head to its task_struct pointer. `most`:
 * more members than this there cannot be.
 */
export function walkRing(
  kernel: Kernel,
  start: bigint,
  taskOffset: bigint,
  { onStackOf, most }: { readonly onStackOf: OnStackOf; readonly most: number },
): Ring | undefined {
  const nodes = new Set<bigint>();
  let head: bigint | undefined;
  for (let node = start; ; ) {
    if (node !== start && nodes.has(node)) return undefined;
    if (isMember(kernel, node, taskOffset, onStackOf)) nodes.add(node);
    else if (head === undefined) head = node;
    else return undefined;
    if (nodes.size > most) return undefined;
    const next = readPointerIfThere(kernel, node);
    if (next === undefined || readPointerIfThere(kernel, next + 8n) !== node) return undefined;
    if (next === start) return { nodes, head };
    node = next;
  }
}

function isMember(kernel: Kernel, node: bigint, taskOffset: bigint, onStackOf: OnStackOf): boolean {
  const task = readPointerIfThere(kernel, node + taskOffset);
  return task !== undefined && onStackOf(task, node) !== undefined;
}

/** Undefined where nothing is: what looks like a waiter, or a pointer to a lock, often is none. */
export function readPointerIfThere(kernel: Kernel, address: bigint): bigint | undefined {
  if (address % 8n !== 0n || kernel.tryTranslate(asVaddr(address)) === undefined) return undefined;
  try {
    return kernel.readPointer(asVaddr(address));
  } catch (error) {
    if (error instanceof VmcoreError) return undefined;
    throw error;
  }
}
