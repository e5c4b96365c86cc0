/** Whole dump files of a small synthetic kernel, with a log and a mem_map: made byte by byte, not by our writers. */
import zlib from 'node:zlib';
import { asPaddr } from '../../src/base/units.ts';
import { elfFile } from './elf-file.ts';
import { type KdumpPageSpec, kdumpFile } from './kdump-file.ts';
import { MemMap } from './mem-map.ts';
import { PrintkRing } from './printk-ring.ts';
import { directMap, SyntheticKernel } from './synthetic-kernel.ts';

/** 2 MiB of RAM: 512 page frames. */
export const smallPages = 512;
export const smallLog = ['Linux version 6.1.0-test', 'Kernel panic - not syncing: sysrq triggered crash'];

export function smallKernel(): SyntheticKernel {
  const kernel = new SyntheticKernel({ ram: [{ start: 0, end: smallPages * 4096 }], firstFree: 0x8_0000 });
  const ring = new PrintkRing();
  smallLog.forEach((text, i) => {
    ring.add({ text, time: BigInt(i + 1) * 1_000_000_000n });
  });
  ring.placeIn(kernel);
  new MemMap('6.1')
    .free(64, 4)
    .set(80, { flags: ['lru'] })
    .placeIn(kernel, [0]);
  return kernel;
}

/** The memory in two segments, the second with more room than bytes. */
export function smallElf(kernel = smallKernel()): Uint8Array {
  const data = new Uint8Array(smallPages * 4096);
  kernel.memory.read(asPaddr(0), data);
  const split = 0x4_0000;
  return elfFile({
    notes: kernel.notes,
    segments: [
      { paddr: 0, vaddr: directMap, data: data.subarray(0, split) },
      { paddr: split, vaddr: directMap + BigInt(split), data: data.subarray(split), memorySize: data.length },
    ],
  });
}

/** Pages that are not zero, every second one deflated; zero pages are excluded. */
export function smallKdump(kernel = smallKernel()): Uint8Array {
  const pages: KdumpPageSpec[] = [];
  for (let pfn = 0; pfn < smallPages; pfn++) {
    const page = new Uint8Array(4096);
    kernel.memory.read(asPaddr(pfn * 4096), page);
    if (page.every((byte) => byte === 0)) continue;
    pages.push(
      pages.length % 2 === 0
        ? { pfn, data: page }
        : { pfn, data: new Uint8Array(zlib.deflateSync(page)), flags: 1 },
    );
  }
  return kdumpFile({
    maxMapnr: smallPages,
    ram: Array.from({ length: smallPages }, (_, pfn) => pfn),
    pages,
    notes: kernel.notes,
    status: 1,
    dumpLevel: 1,
    cpus: 2,
  });
}
