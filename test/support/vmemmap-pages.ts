/** Where the struct pages of a dump's kernel lie. */
import { asVaddr } from '../../src/base/units.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { readMemMap } from '../../src/kernel/memory/mem-map.ts';
import { open } from '../rehearsal.ts';

/** The page frames that the vmemmap is mapped to. */
export function vmemmapPages(path: string): ReadonlySet<number> {
  const dump = open(path);
  try {
    const kernel = new Kernel(dump);
    const { pageSize } = dump.memory;
    const structSize = BigInt(kernel.info.requireSize('page'));
    const pages = new Set<number>();
    for (const { start, end, address } of readMemMap(kernel)) {
      const last = address + BigInt(end - start) * structSize;
      for (let at: bigint = address; at < last; at += BigInt(pageSize)) {
        const mapping = kernel.tryTranslate(asVaddr(at));
        if (mapping !== undefined) pages.add(Math.floor(mapping.paddr / pageSize));
      }
    }
    return pages;
  } finally {
    dump.source.close();
  }
}
