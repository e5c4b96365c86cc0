/**
 * The kernel's counters of memory, by the names of its enums: zone_stat_item and node_stat_item of include/linux/mmzone.h (Linux 4.18, 6.1, 7.2). They say
 * which array a counter is in; some moved from zones to nodes (NR_KERNEL_STACK_KB and NR_PAGETABLE in 5.11).
 *
 * The sums of all zones and nodes, vm_zone_stat and vm_node_stat of mm/vmstat.c, as global_node_page_state() reads them: what each CPU has yet to add is
 * left out, as it is in /proc/meminfo, and a sum that is below zero for that reason is 0. Pages, but for names that end in _KB, which are KiB.
 */
import { VmcoreError } from '../../base/errors.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import { readLongs } from '../numbers.ts';
import type { EnumType } from '../types/types.ts';

export type VmCounters = ReadonlyMap<string, number>;

/** Enumerators that are no counters, but mark where some begin or end. */
const marks = /^(NR_LRU_BASE|NR_ZONE_LRU_BASE|WORKINGSET_\w+_BASE|NR_VM_\w+_STAT_ITEMS)$/;

/** E_NO_INFO without types and symbols, E_UNREADABLE when they are not in the dump. */
export function readVmCounters(crashed: CrashedKernel): VmCounters {
  const { symbols } = crashed;
  return new Map([
    ...countersAt(crashed, 'zone_stat_item', symbols.require('vm_zone_stat')),
    ...countersAt(crashed, 'node_stat_item', symbols.require('vm_node_stat')),
  ]);
}

/** Those of one zone: an array of atomic_long_t, zone.vm_stat. */
export const readZoneCounters = (crashed: CrashedKernel, vmStat: bigint): VmCounters =>
  countersAt(crashed, 'zone_stat_item', vmStat);

/** More counters than there will be. */
const maxItems = 4096;

function countersAt(
  crashed: CrashedKernel,
  name: 'zone_stat_item' | 'node_stat_item',
  array: bigint,
): Map<string, number> {
  const items = [...requireEnum(crashed, name).values()].filter(
    ([item, index]) => !marks.test(item) && index >= 0n && index < maxItems,
  );
  const count = Math.max(0, ...items.map(([, index]) => Number(index) + 1));
  const values = readLongs(crashed.kernel, array, count);
  return new Map(items.map(([item, index]) => [item, Math.max(0, values[Number(index)] ?? 0)]));
}

function requireEnum(crashed: CrashedKernel, name: string): EnumType {
  const found = crashed.layouts.enumeration(name);
  if (found !== undefined) return found;
  throw new VmcoreError('E_NO_INFO', `nothing tells of enum ${name}`, {
    file: crashed.dump.source.name,
    hint: 'give the vmlinux of this kernel with --vmlinux',
  });
}
