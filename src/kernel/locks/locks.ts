/**
 * Locks that tasks sleep for, and who holds them.
 *
 * Source of truth: include/linux/{mutex,rwsem,semaphore,rtmutex,percpu-rwsem}.h, kernel/locking/ (Linux 4.18, 6.1, 6.12, 7.2). What moved, and what tells:
 *   mutex      owner, with flags in its lowest three bits; waiters on wait_list, before 7.1, from first_waiter on since (25500ba7e77c)
 *   rwsem      owner with flags below, of which bit 0 says "readers"; of readers at most the last one is known, and it may have let go. count has the
 *              writer in bit 0 and readers from bit 8 on since 5.3 (64489e78004c), when owner became an atomic_long_t (94a9717b3c40)
 *   semaphore  does not know who took it; last_holder since 6.16 with CONFIG_DETECT_HUNG_TASK_BLOCKER (the last one to take it; it may have let go)
 *   rt_mutex   owner, with a flag in bit 0; in rt_mutex_base since 5.15 (830e6acc8a1c). With PREEMPT_RT all of these are rt_mutexes
 *   percpu_rwsem, completion, and bits (bit-waits.ts)   do not know
 */
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { Struct } from '../struct.ts';
import { unaliased } from '../types/types.ts';
import type { BitWait } from './bit-waits.ts';

/** A lock that is a structure of its own. */
export type LockStructure = 'mutex' | 'rwsem' | 'semaphore' | 'rt_mutex' | 'percpu_rwsem' | 'completion';
export type LockKind = LockStructure | BitWait['kind'];

export interface LockHolder {
  /** Of its task_struct, as the lock names it. */
  readonly task: Vaddr;
  /** A reader, or who took a semaphore last, may have let go since: 'perhaps'. */
  readonly holds: 'certainly' | 'perhaps';
}

export interface LockState {
  /** Undefined when the lock does not know, or nobody holds it. */
  readonly holder: LockHolder | undefined;
  /** How many readers hold a rwsem; undefined for all else, and before 5.3. */
  readonly readers: number | undefined;
}

const mutexFlags = 7n;
const rwsemFlags = 7n;
const rwsemReaders = 1n;
const rwsemWriterLocked = 1n;
const rwsemReaderShift = 8n;
const rtMutexFlags = 1n;

const structNames = {
  mutex: 'mutex',
  rwsem: 'rw_semaphore',
  semaphore: 'semaphore',
  percpu_rwsem: 'percpu_rw_semaphore',
  completion: 'completion',
} as const;

/** The structure of a lock. An rt_mutex is a struct rt_mutex_base, or rt_mutex before that was. */
export const lockStruct = (crashed: CrashedKernel, kind: LockStructure, address: bigint): Struct =>
  kind === 'rt_mutex'
    ? crashed.struct(
        crashed.layouts.struct('rt_mutex_base') === undefined ? 'rt_mutex' : 'rt_mutex_base',
        address,
      )
    : crashed.struct(structNames[kind], address);

/** E_UNREADABLE when it is not in the dump, E_NO_INFO when types do not describe it. */
export function lockState(crashed: CrashedKernel, kind: LockKind, address: bigint): LockState {
  switch (kind) {
    case 'mutex':
      return held(lockStruct(crashed, kind, address).pointer('owner') & ~mutexFlags, 'certainly');
    case 'rt_mutex':
      return held(lockStruct(crashed, kind, address).pointer('owner') & ~rtMutexFlags, 'certainly');
    case 'semaphore':
      return semaphoreState(lockStruct(crashed, kind, address));
    case 'rwsem':
      return rwsemState(lockStruct(crashed, kind, address));
    default:
      return unknown;
  }
}

const unknown: LockState = { holder: undefined, readers: undefined };

const held = (task: bigint, holds: LockHolder['holds'], readers?: number): LockState => ({
  holder: task === 0n ? undefined : { task: asVaddr(task), holds },
  readers,
});

const semaphoreState = (lock: Struct): LockState =>
  lock.has('last_holder') ? held(lock.pointer('last_holder'), 'perhaps') : unknown;

function rwsemState(lock: Struct): LockState {
  if (!lock.has('owner')) return unknown;
  const owner = lock.pointer('owner');
  const task = owner & ~rwsemFlags;
  if (!countsReaders(lock)) return held(task, (owner & rwsemReaders) === 0n ? 'certainly' : 'perhaps');
  const count = BigInt.asIntN(64, lock.pointer('count'));
  if ((count & rwsemWriterLocked) !== 0n) return held(task, 'certainly', 0);
  const readers = Number(count >> rwsemReaderShift);
  // Who read last is still named when nobody does any more.
  return held(readers === 0 ? 0n : task, 'perhaps', readers);
}

/** As since 5.3. */
export function countsReaders(lock: Struct): boolean {
  const owner = lock.layout.find('owner')?.type;
  return owner !== undefined && unaliased(owner).kind !== 'pointer';
}
