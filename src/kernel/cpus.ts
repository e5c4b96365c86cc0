/**
 * CPUs by the masks that the kernel keeps: __cpu_possible_mask and its like (kernel/cpu.c, since 4.5, 5aec01b834fd), bits in words of 64.
 *
 * A mask is as long as CONFIG_NR_CPUS says, up to 8192 bits; bits from nr_cpu_ids on are 0. Without types that variable says how long it is at least.
 */
import { alignUp, viewOf } from '../base/bytes.ts';
import type { Vaddr } from '../base/units.ts';
import type { Kernel } from './kernel.ts';
import { readUnsignedInt } from './numbers.ts';
import type { Layouts } from './types/layouts.ts';

/** NR_CPUS of the largest configuration. */
const maxCpus = 8192;

/**
 * The numbers of the CPUs in the mask at an address, ascending. `count` is the address of nr_cpu_ids. E_NO_INFO when neither that nor types are known,
 * E_UNREADABLE when it is not in the dump.
 */
export function readCpuMask(kernel: Kernel, layouts: Layouts, mask: Vaddr, count?: Vaddr): number[] {
  const known = layouts.size('cpumask');
  const ids = known !== undefined || count === undefined ? 0 : readUnsignedInt(kernel, count);
  const size = known ?? (ids > 0 && ids <= maxCpus ? alignUp(ids, 64) / 8 : layouts.requireSize('cpumask'));
  const view = viewOf(kernel.read(mask, size));
  const cpus: number[] = [];
  for (let word = 0; word * 8 < size; word++) {
    const bits = view.getBigUint64(word * 8, kernel.dump.littleEndian);
    if (bits === 0n) continue;
    for (let bit = 0; bit < 64; bit++) if (((bits >> BigInt(bit)) & 1n) === 1n) cpus.push(word * 64 + bit);
  }
  return cpus;
}
