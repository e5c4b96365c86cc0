/** The files of a split dump, byte by byte, on top of kdump-file.ts: pages are stored, page `n` is numberedPage(n). */
import { kdumpFile, kdumpLayout } from './kdump-file.ts';
import { numberedPage } from './pages.ts';

export interface SplitSpec {
  readonly maxMapnr: number;
  /** Page frames with pages, ascending. */
  readonly pfns: readonly number[];
  /** More page frames that are RAM. */
  readonly ram: readonly number[];
  /** Where each file's page frames end. */
  readonly ends: readonly number[];
  readonly version?: number;
  readonly dumpLevel?: number;
  /** What a page frame holds; numberedPage() when not given. */
  readonly content?: (pfn: number) => Uint8Array;
}

export function splitDump(spec: SplitSpec): Uint8Array[] {
  const { maxMapnr, pfns, ram, ends, version = 6, dumpLevel = 0, content = numberedPage } = spec;
  return ends.map((end, i) => {
    const start = i === 0 ? 0 : ends[i - 1]!;
    const own = pfns.filter((pfn) => start <= pfn && pfn < end);
    const file = {
      maxMapnr,
      version,
      dumpLevel,
      ram: [...ram, ...pfns],
      pages: own.map((pfn) => ({ pfn, data: content(pfn) })),
    };
    const bytes = kdumpFile(file);
    const view = new DataView(bytes.buffer);
    view.setInt32(4096 + 12, 1, true);
    const [startAt, endAt] = version >= 6 ? [80, 88] : [16, 24];
    view.setBigUint64(4096 + startAt!, BigInt(start), true);
    view.setBigUint64(4096 + endAt!, BigInt(end), true);
    const { bitmap2At } = kdumpLayout(file);
    for (const pfn of pfns) {
      const at = bitmap2At + Math.floor(pfn / 8);
      bytes[at] = bytes[at]! | (1 << (pfn % 8));
    }
    return bytes;
  });
}
