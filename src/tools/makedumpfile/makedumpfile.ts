/**
 * makedumpfile: reads a dump, leaves out what the dump level names, and writes the rest as kdump-compressed or ELF.
 *
 *   select    which pages to keep (filter.ts)
 *   copy      batches of kept pages (copy-pages.ts)
 *   write     one of the writers of formats/
 */
import type { ByteSink } from '../../base/byte-sink.ts';
import { isZero } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { PfnBitmap } from '../../base/pfn-bitmap.ts';
import type { Progress } from '../../base/progress.ts';
import type { PageCodec } from '../../codecs/page-codec.ts';
import { cpuNotes, type Dump } from '../../formats/dump.ts';
import { ElfWriter } from '../../formats/elf-writer.ts';
import type { Utsname } from '../../formats/kdump-header.ts';
import { KdumpWriter } from '../../formats/kdump-writer.ts';
import { Kernel } from '../../kernel/kernel.ts';
import { readUtsname } from '../../kernel/utsname.ts';
import { copyPages } from './copy-pages.ts';
import { DumpLevel } from './dump-level.ts';
import { type ExcludedCounts, needsKernel, type Selection, selectPages } from './filter.ts';

/** What the pages become. */
export type OutputFormat =
  | { readonly kind: 'kdump'; readonly codec: PageCodec | undefined }
  | { readonly kind: 'elf' };

export interface MakedumpfileResult {
  readonly pageSize: number;
  /** Page frames of RAM. */
  readonly ram: number;
  /** Pages in the output, zero pages included where the format shares them. */
  readonly written: number;
  /** Pages of zeros: one shared page in kdump output, left out of ELF output; 0 when the level keeps them apart. */
  readonly zero: number;
  readonly excluded: ExcludedCounts;
  /** Pages that could not be read. */
  readonly lost: number;
  /** Pages kept because their struct page was not in the dump. */
  readonly unjudged: number;
}

/** In ELF output, gaps shorter than this are copied too: a program header each would cost more (PFN_EXCLUDED in makedumpfile.c 1.7.9). */
const minElfGap = 256;

/**
 * Writes the filtered dump to `sink`. When it throws, what was written is marked incomplete and is as readable as it can be.
 * Lost pages do not throw: they are counted, and leave the output marked incomplete.
 */
export function makedumpfile(
  dump: Dump,
  sink: ByteSink,
  level: number,
  format: OutputFormat,
  progress: Progress,
): MakedumpfileResult {
  const kernel = openKernel(dump, level);
  const selection = selectPages(dump, kernel, level, progress);
  return format.kind === 'kdump'
    ? writeKdump(dump, kernel, selection, sink, level, format.codec, progress)
    : writeElf(dump, selection, sink, level, progress);
}

function openKernel(dump: Dump, level: number): Kernel | undefined {
  if (dump.vmcoreinfo !== undefined) return new Kernel(dump);
  if (!needsKernel(level)) return undefined;
  throw new VmcoreError(
    'E_NO_INFO',
    `dump level ${level} needs to know the kernel, and the dump has no VMCOREINFO note`,
    {
      file: dump.source.name,
      hint: 'use -d 1, which needs no knowledge of the kernel',
    },
  );
}

function writeKdump(
  dump: Dump,
  kernel: Kernel | undefined,
  selection: Selection,
  sink: ByteSink,
  level: number,
  codec: PageCodec | undefined,
  progress: Progress,
): MakedumpfileResult {
  const { pageSize } = dump.memory;
  const kept = selection.kept.count();
  const writer = new KdumpWriter(sink, {
    utsname: utsnameOf(dump, kernel),
    timestamp: Math.floor(Date.now() / 1000),
    pageSize,
    littleEndian: dump.littleEndian,
    cpus: cpuNotes(dump.notes).length,
    physBase: kernel?.info.number('phys_base') ?? kernel?.info.number('PHYS_OFFSET') ?? 0n,
    // What an earlier run left out stays out.
    dumpLevel: level | (dump.describe().dumpLevel ?? 0),
    notes: dump.notes,
    ram: selection.ram,
    kept: selection.kept,
    codec,
  });
  const shareZeros = (level & DumpLevel.zero) !== 0;
  let zero = 0;
  let lost = 0;
  progress.step('Copying pages', kept);
  const sinkOfPages = {
    page(page: Uint8Array, words: Int32Array): void {
      if (shareZeros && isZero(words)) {
        zero++;
        writer.addZeroPage();
      } else writer.addPage(page);
    },
    lost(): void {
      lost++;
      writer.addLostPage();
    },
  };
  try {
    copyPages(dump.memory, selection.kept, sinkOfPages, progress);
  } catch (error) {
    flushQuietly(writer);
    throw error;
  }
  if (lost > 0) writer.flush();
  else writer.finish();
  return { ...resultOf(dump, selection), written: kept - lost, zero, lost };
}

function writeElf(
  dump: Dump,
  selection: Selection,
  sink: ByteSink,
  level: number,
  progress: Progress,
): MakedumpfileResult {
  if (dump.segments.length === 0) {
    throw new VmcoreError('E_UNSUPPORTED', `cannot make ELF output from a ${dump.format} dump`, {
      file: dump.source.name,
      hint: 'give -E the ELF vmcore itself',
    });
  }
  const zero = (level & DumpLevel.zero) === 0 ? 0 : excludeZeroPages(dump, selection.kept, progress);
  const { hwpoison, offline } = selection.excluded;
  // Bridging a gap reads what is in it: never across memory that must not be read.
  if (hwpoison + offline === 0) bridgeGaps(selection);
  const written = selection.kept.count();
  const writer = new ElfWriter(sink, {
    arch: dump.arch,
    pageSize: dump.memory.pageSize,
    littleEndian: dump.littleEndian,
    notes: dump.notes,
    segments: dump.segments,
    kept: selection.kept,
  });
  let lost = 0;
  const blank = new Uint8Array(dump.memory.pageSize);
  progress.step('Copying pages', written);
  try {
    copyPages(
      dump.memory,
      selection.kept,
      {
        page: (page) => writer.addPage(page),
        lost: () => {
          // ELF has no way to say that one page is missing; the file as a whole stays marked incomplete.
          lost++;
          writer.addPage(blank);
        },
      },
      progress,
    );
  } catch (error) {
    flushQuietly(writer);
    throw error;
  }
  if (lost > 0) writer.flush();
  else writer.finish();
  return { ...resultOf(dump, selection), written: written - lost, zero, lost };
}

/** On the way out with an error: what is buffered may still fit; the first error is the one to tell. */
function flushQuietly(writer: { flush(): void }): void {
  try {
    writer.flush();
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
  }
}

const resultOf = (
  dump: Dump,
  selection: Selection,
): Pick<MakedumpfileResult, 'pageSize' | 'ram' | 'excluded' | 'unjudged'> => ({
  pageSize: dump.memory.pageSize,
  ram: selection.ram.count(),
  excluded: selection.excluded,
  unjudged: selection.unjudged,
});

/** ELF headers come before the data, so zero pages have to be known first: one reading pass. Returns how many there were. */
function excludeZeroPages(dump: Dump, kept: PfnBitmap, progress: Progress): number {
  const found = new PfnBitmap(kept.start, kept.end);
  const order = pfnsOf(kept);
  let zero = 0;
  progress.step('Looking for zero pages', kept.count());
  copyPages(
    dump.memory,
    kept,
    {
      page: (_, words) => {
        const pfn = order.next().value!;
        if (!isZero(words)) return;
        zero++;
        found.setRange(pfn, pfn + 1);
      },
      lost: () => void order.next(),
    },
    progress,
  );
  for (const { start, end } of found.runs()) kept.clearRange(start, end);
  return zero;
}

function* pfnsOf(bitmap: PfnBitmap): Generator<number, undefined> {
  for (const { start, end } of bitmap.runs()) for (let pfn: number = start; pfn < end; pfn++) yield pfn;
}

/** Fills gaps of fewer than `minElfGap` pages that are RAM throughout. */
function bridgeGaps({ kept, ram }: Selection): void {
  let previousEnd: number | undefined;
  for (const { start, end } of [...kept.runs()]) {
    if (previousEnd !== undefined && start - previousEnd < minElfGap && ram.nextGap(previousEnd) >= start) {
      kept.setRange(previousEnd, start);
    }
    previousEnd = end;
  }
}

/** E_UNREADABLE must not cost the dump: without the kernel's own words, the architecture is known at least. */
function utsnameOf(dump: Dump, kernel: Kernel | undefined): Utsname {
  const fallback = {
    sysname: 'Linux',
    nodename: '',
    release: kernel?.info.text('OSRELEASE') ?? '',
    version: '',
    machine: dump.arch === 'x86_64' ? 'x86_64' : 'aarch64',
    domainname: '',
  };
  if (kernel === undefined) return fallback;
  try {
    return readUtsname(kernel);
  } catch (error) {
    if (error instanceof VmcoreError) return fallback;
    throw error;
  }
}
