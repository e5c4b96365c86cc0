/** Whole dump files of a small synthetic kernel, with a log and a mem_map: made byte by byte, not by our writers. */
import zlib from 'node:zlib';
import { asPaddr } from '../../src/base/units.ts';
import { describedKernel } from './described-kernel.ts';
import { elfFile } from './elf-file.ts';
import { type KdumpPageSpec, kdumpFile } from './kdump-file.ts';
import { directMap, type SyntheticKernel } from './synthetic-kernel.ts';

/** 2 MiB of RAM: 512 page frames. */
export const smallPages = 512;
export const smallLog = ['Linux version 6.1.0-test', 'Kernel panic - not syncing: sysrq triggered crash'];

export const smallKernel = (): SyntheticKernel =>
  describedKernel(`
    release  6.1.0-test
    arch     x86_64, 4 levels
    memory   0x0-0x1fffff

    page 64   buddy order 4  zero   -> out at 1 16
    page 80   cache zero            -> out at 1 2 4

    log  <5>[    1.000000] ${smallLog[0]}
    log  <0>[    2.000000] ${smallLog[1]}
  `).kernel;

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
