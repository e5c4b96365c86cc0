/**
 * Nodes of memory and their zones.
 *
 * Source of truth: struct pglist_data and struct zone of include/linux/mmzone.h (Linux 4.18, 6.1, 7.2). What moved, and what tells:
 *   nodes        node_data[], pointers, with CONFIG_NUMA; contig_page_data, the only one, without
 *   watermarks   zone.watermark[] until 4.20, zone._watermark[] since 5.0 (a9214443c269), to which watermark_boost is added (1c30844d2dfe)
 *
 * Pages and page frames.
 */
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { Missing } from '../missing.ts';
import { readLongs, readUnsignedInt } from '../numbers.ts';
import type { Struct } from '../struct.ts';
import { readZoneCounters, type VmCounters } from './vmstat.ts';

export interface MemoryNode {
  readonly node: number;
  readonly startPfn: number;
  /** With holes. */
  readonly spannedPages: number;
  readonly presentPages: number;
  readonly zones: readonly MemoryZone[];
}

export interface MemoryZone {
  /** "DMA32", "Normal". */
  readonly name: string;
  readonly startPfn: number;
  readonly spannedPages: number;
  readonly presentPages: number;
  /** Given to the page allocator. */
  readonly managedPages: number;
  readonly watermarks: { readonly min: number; readonly low: number; readonly high: number };
  /** Free blocks of 2^0, 2^1, … pages. */
  readonly freeBlocks: readonly number[];
  readonly counters: VmCounters;
}

/** MAX_NUMNODES is 2^10 at most. */
const maxNodes = 1024;
/** MAX_NR_ZONES. */
const maxZones = 8;

/** Zones that have no memory are left out. Nodes and zones that cannot be read are noted in `missing`. */
export function readNodes(crashed: CrashedKernel, missing: Missing): MemoryNode[] {
  const addresses = missing.attempt('the nodes of memory', () => nodeAddresses(crashed)) ?? [];
  return addresses.flatMap((address) => {
    const node = missing.attempt('a node of memory', () => readNode(crashed, address, missing));
    return node ?? [];
  });
}

function nodeAddresses(crashed: CrashedKernel): bigint[] {
  const { symbols, kernel } = crashed;
  const only = symbols.address('contig_page_data');
  if (only !== undefined) return [only];
  const array = symbols.require('node_data');
  const ids = symbols.address('nr_node_ids');
  const count = ids === undefined ? 1 : Math.min(readUnsignedInt(kernel, ids), maxNodes);
  return readLongs(kernel, array, count)
    .map((_, nid) => kernel.readPointer((array + BigInt(8 * nid)) as typeof array))
    .filter((address) => address !== 0n);
}

function readNode(crashed: CrashedKernel, address: bigint, missing: Missing): MemoryNode {
  const node = crashed.struct('pglist_data', address);
  const nid = node.number('node_id');
  const size = crashed.layouts.requireSize('zone');
  const length = Math.min(crashed.layouts.length('pglist_data.node_zones') ?? 0, maxZones);
  const first = node.addressOf('node_zones');
  const zones = Array.from({ length }, (_, i) =>
    missing.attempt(`zone ${i} of node ${nid}`, () => readZone(crashed, first + BigInt(i * size))),
  );
  return {
    node: nid,
    startPfn: node.number('node_start_pfn'),
    spannedPages: node.number('node_spanned_pages'),
    presentPages: node.number('node_present_pages'),
    zones: zones.filter((zone) => zone !== undefined && zone.spannedPages > 0) as MemoryZone[],
  };
}

function readZone(crashed: CrashedKernel, address: bigint): MemoryZone {
  const zone = crashed.struct('zone', address);
  return {
    name: zone.text('name'),
    startPfn: zone.number('zone_start_pfn'),
    spannedPages: zone.number('spanned_pages'),
    presentPages: zone.number('present_pages'),
    managedPages: zone.number('managed_pages'),
    watermarks: readWatermarks(crashed, zone),
    freeBlocks: readFreeBlocks(crashed, zone),
    counters: readZoneCounters(crashed, zone.addressOf('vm_stat')),
  };
}

function readWatermarks(crashed: CrashedKernel, zone: Struct): MemoryZone['watermarks'] {
  const array = zone.addressOf(zone.has('_watermark') ? '_watermark' : 'watermark');
  const boost = zone.has('watermark_boost') ? zone.number('watermark_boost') : 0;
  // WMARK_MIN, WMARK_LOW, WMARK_HIGH.
  const [min = 0, low = 0, high = 0] = readLongs(crashed.kernel, array, 3).map((mark) => mark + boost);
  return { min, low, high };
}

/** NR_PAGE_ORDERS. */
const maxOrders = 32;

function readFreeBlocks(crashed: CrashedKernel, zone: Struct): number[] {
  const { layouts } = crashed;
  const size = layouts.requireSize('free_area');
  const orders = Math.min(layouts.length('zone.free_area') ?? 0, maxOrders);
  const first = zone.addressOf('free_area');
  return Array.from({ length: orders }, (_, order) =>
    crashed.struct('free_area', first + BigInt(order * size)).number('nr_free'),
  );
}
