/**
 * A doubly linked list of the kernel that may be damaged: followed forwards as far as it holds together, then backwards from its head, so that what is
 * behind a smashed link is found too. Only what two pointers agree on (next->prev is where it came from) is taken for a member: nothing is invented.
 *
 * A list that another CPU was changing when the machine stopped looks damaged for the same reason; all its members are found.
 */
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, hex } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import type { Missing } from '../missing.ts';

/** More members than any list of tasks, files or mounts has (PID_MAX_LIMIT is 2^22). */
const maxMembers = 2 ** 22;

/** struct list_head { next, prev }. */
const directions = [
  { onward: 0n, back: 8n, name: 'forwards' },
  { onward: 8n, back: 0n, name: 'backwards' },
] as const;

/** The nodes of the list_head at `head`, each once. Where it breaks is noted as "WHAT: why". */
export function* walkDamagedList(
  kernel: Kernel,
  head: bigint,
  what: string,
  missing: Missing,
): Generator<bigint, 'whole' | 'damaged'> {
  const seen = new Set<bigint>([head]);
  for (const { onward, back, name } of directions) {
    let from = head;
    for (;;) {
      const step = missing.attempt(what, () => {
        const node = kernel.readPointer(asVaddr(from + onward));
        // The second way ends at what the first way found.
        if (seen.has(node) && (node === head || name === 'backwards')) return 'end';
        const damage = seen.has(node)
          ? 'goes round without coming back to its head'
          : seen.size > maxMembers
            ? 'does not end'
            : kernel.readPointer(asVaddr(node + back)) === from
              ? undefined
              : `leads from ${hex(from)} to ${hex(node)}, which does not lead back`;
        if (damage !== undefined) throw new VmcoreError('E_CORRUPT', `the list ${damage}`);
        return node;
      });
      if (step === undefined) break;
      if (step === 'end') {
        if (name === 'forwards') return 'whole';
        break;
      }
      seen.add(step);
      yield step;
      from = step;
    }
  }
  return 'damaged';
}
