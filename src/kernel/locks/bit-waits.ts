/**
 * Waits for a bit: of a page (its lock, its writeback), or of any word (a buffer's lock, an inode that is being made).
 *
 * Source of truth: struct wait_page_queue of include/linux/pagemap.h and wait_bit_queue_entry of wait_bit.h, mm/filemap.c (Linux 4.18, 6.1, 7.2). The waiter
 * is a wait_queue_entry on the task's stack, whose func is known by its symbol: wake_page_function, wake_bit_function. Who will change the bit is not
 * recorded. wait_page_queue.folio is .page before 5.16 (df4d4f127394).
 */
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { Struct } from '../struct.ts';

export interface BitWait {
  readonly kind: 'folio lock' | 'folio writeback' | 'folio bit' | 'bit';
  /** Of the struct folio (page), or of the word. */
  readonly address: Vaddr;
}

/** The wait whose wait_queue_entry has the task's address at `place`; undefined when it is none of these. E_UNREADABLE when it is not in the dump. */
export function bitWaitAt(crashed: CrashedKernel, place: bigint): BitWait | undefined {
  const { layouts, symbols, kernel } = crashed;
  const inEntry = layouts.offset('wait_queue_entry.private');
  if (inEntry === undefined) return undefined;
  const entry = crashed.struct('wait_queue_entry', place - BigInt(inEntry));
  const wakes = entry.pointer('func');
  if (wakes === 0n || !isQueued(crashed, entry)) return undefined;
  const page = layouts.offset('wait_page_queue.wait');
  if (page !== undefined && wakes === symbols.address('wake_page_function')) {
    const queue = crashed.struct('wait_page_queue', entry.address - BigInt(page));
    return {
      kind: folioBit(crashed, queue.number('bit_nr')),
      address: queue.pointer(queue.has('folio') ? 'folio' : 'page'),
    };
  }
  const word = layouts.offset('wait_bit_queue_entry.wq_entry');
  if (word === undefined || wakes !== symbols.address('wake_bit_function')) return undefined;
  const key = crashed.struct('wait_bit_queue_entry', entry.address - BigInt(word));
  return { kind: 'bit', address: asVaddr(kernel.readPointer(key.addressOf('key.flags'))) };
}

/** What an earlier wait left on the stack is in no queue any more. */
function isQueued({ kernel }: CrashedKernel, entry: Struct): boolean {
  const node = entry.addressOf('entry');
  const next = kernel.readPointer(node);
  return next !== node && kernel.readPointer(asVaddr(next + 8n)) === node;
}

function folioBit({ layouts }: CrashedKernel, bit: number): BitWait['kind'] {
  if (bit === layouts.enumValue('pageflags', 'PG_locked')) return 'folio lock';
  return bit === layouts.enumValue('pageflags', 'PG_writeback') ? 'folio writeback' : 'folio bit';
}
