/**
 * Builds the kernel that a description tells of (docs/synthetic-kernels.md): its memory as its release would have left it, and what a
 * filter must make of it.
 *
 * The kernel's own structures lie in the upper half of its last memory range; described pages cannot. Reading a page that must never be read
 * fails, as it would on a machine where the memory is broken or gone.
 */
import type { DescribedPages } from './described-pages.ts';
import { placeKallsyms } from './kallsyms-tables.ts';
import { type KernelDescription, parseKernel } from './kernel-description.ts';
import { MemMap, type SectionSizes } from './mem-map.ts';
import { isSince } from './page-releases.ts';
import { numberedPage } from './pages.ts';
import { PrintkLog } from './printk-log.ts';
import { PrintkRing } from './printk-ring.ts';
import { SyntheticKernel } from './synthetic-kernel.ts';

export interface DescribedKernel {
  readonly description: KernelDescription;
  readonly kernel: SyntheticKernel;
  readonly memMap: MemMap;
  /** The log as dmesg shows it. */
  readonly dmesg: string;
  /** Page frames that a level leaves out, ascending, as the description says. Bit 1 leaves out only those described as zero. */
  leftOut(level: number): number[];
}

export function describedKernel(text: string): DescribedKernel {
  const description = parseKernel(text);
  const { release, machine, ram, pages, log } = description;
  const pageSize = machine.arch === 'x86_64' ? 4096 : machine.pageSize;
  const last = ram.at(-1)!;
  const firstFree = last.start + Math.ceil((last.end - last.start) / 2 / pageSize) * pageSize;
  const kernel = new SyntheticKernel({ release, machine, ram, firstFree });
  const memMap = new MemMap(release);
  for (const page of pages) placePages(kernel, memMap, page, firstFree);
  memMap.placeForRam(kernel, description.model, sectionSizes(description));
  placeName(kernel);
  if (log.length > 0) placeLog(kernel, description);
  if (description.symbols.length > 0) placeSymbols(kernel, description);
  for (const [key, value] of description.vmcoreinfo) {
    if (value === undefined) delete kernel.info[key];
    else kernel.info[key] = value;
  }
  if (kernel.allocatedEnd > last.end) {
    throw new Error(
      `the kernel's own structures need ${kernel.allocatedEnd - last.end} more bytes of memory`,
    );
  }
  const expected = new Map(
    pages.flatMap((page) => framesOf(page).map((pfn) => [pfn, page.expected] as const)),
  );
  for (const [pfn, answer] of expected) if (answer === 'never read') kernel.memory.failAt(pfn);
  return {
    description,
    kernel,
    memMap,
    dmesg: log.map(({ shown }) => `${shown}\n`).join(''),
    leftOut: (level) =>
      [...expected]
        .filter(([, answer]) => answer === 'never read' || answer.some((bit) => (level & bit) !== 0))
        .map(([pfn]) => pfn)
        .toSorted((a, b) => a - b),
  };
}

const framesOf = ({ first, count }: DescribedPages): number[] =>
  Array.from({ length: count }, (_, i) => first + i);

function placePages(kernel: SyntheticKernel, memMap: MemMap, page: DescribedPages, firstFree: number): void {
  const { first, count, order, kind, spec } = page;
  const { pageSize } = kernel.memory;
  const end = (first + count) * pageSize;
  const last = kernel.ram.at(-1)!;
  if (end > firstFree && first * pageSize < last.end) {
    throw new Error(
      `page frame ${first} is where the kernel's own structures are, from ${firstFree / pageSize} on`,
    );
  }
  if (kind === 'compound' || kind === 'hugetlb') {
    memMap.compound(first, order ?? 0, spec, kind === 'hugetlb');
  } else if (kind === 'buddy') memMap.set(first, spec);
  else for (const pfn of framesOf(page)) memMap.set(pfn, spec);
  if (page.isZero) return;
  for (const pfn of framesOf(page)) kernel.memory.put(pfn * pageSize, numberedPage(pfn, pageSize));
}

/** arch/{x86,arm64}/include/asm/sparsemem.h: arm64's sections became smaller in 5.12 (f0b13ee23241). */
function sectionSizes({ release, machine, ram, model, sectionBits }: KernelDescription): SectionSizes {
  // A table of all sections is for machines with few.
  if (model === 'static') return { sectionBits: sectionBits ?? 27, physicalBits: 36 };
  if (machine.arch === 'x86_64') {
    return { sectionBits: sectionBits ?? 27, physicalBits: machine.levels === 5 ? 52 : 46 };
  }
  const own = !isSince(release, '5.12') ? 30 : machine.pageSize === 65536 ? 29 : 27;
  // CONFIG_ARM64_PA_BITS: built for the memory that there is.
  const isHigh = ram.some(({ end }) => end > 2 ** 48);
  return { sectionBits: sectionBits ?? own, physicalBits: isHigh ? 52 : 48 };
}

/** init_uts_ns, which makedumpfile looks for before anything else: struct new_utsname has six strings of 65 bytes. */
function placeName(kernel: SyntheticKernel): void {
  const machine = kernel.space.arch === 'x86_64' ? 'x86_64' : 'aarch64';
  // Behind a reference count, until that became part of struct ns_common.
  const nameAt = isSince(kernel.release, '5.11') ? 0 : 4;
  const bytes = new Uint8Array(nameAt + 6 * 65);
  ['Linux', 'synthetic', kernel.release, '#1 SMP', machine, '(none)'].forEach((name, i) => {
    new TextEncoder().encodeInto(name, bytes.subarray(nameAt + 65 * i, nameAt + 65 * i + 64));
  });
  kernel.addInfo({
    'SYMBOL(init_uts_ns)': kernel.placeVariable(bytes),
    'OFFSET(uts_namespace.name)': nameAt,
  });
}

function placeLog(kernel: SyntheticKernel, { release, log }: KernelDescription): void {
  const withCaller = log.some(({ caller }) => caller !== undefined);
  const old = new PrintkLog({ size: 4096, withCaller: withCaller && isSince(release, '5.1') });
  const ring = new PrintkRing({ dataBits: 12, fit: isSince(release, '6.18') ? 'since 6.18' : 'until 6.17' });
  for (const { text, time, caller = 0, dictionary } of log) {
    old.add({ text, time, caller, dictionary: dictionary.join('\0') });
    ring.add({ text, time, caller });
  }
  (isSince(release, '5.10') ? ring : old).placeIn(kernel);
}

/** Absolute numbers for per-CPU symbols are x86_64's; offsets from each place came in 7.0. */
function placeSymbols(kernel: SyntheticKernel, { release, symbols }: KernelDescription): void {
  if (!isSince(release, '6.0')) throw new Error(`vmcoreinfo leads to kallsyms since 6.0, not in ${release}`);
  const start = kernel.space.imageStart;
  const placed = symbols.map(({ inImage, address, ...symbol }) => ({
    ...symbol,
    address: inImage ? start + address : address,
  }));
  const x86 = kernel.space.arch === 'x86_64' ? 'absolute-percpu' : 'base-relative';
  placeKallsyms(kernel, placed, { encoding: isSince(release, '7.0') ? 'place-relative' : x86 });
}
