/**
 * kdump-compressed dumps, of one file or of several: `makedumpfile --split` writes each range of page frames to a file of its own. Every
 * file carries the bitmaps of the whole dump, and the descriptors and data of its own page frames.
 *
 * Source of truth: kdump_sub_header's split, start_pfn and end_pfn, and reassemble_kdump_pages() of makedumpfile.c (1.7.9).
 */
import type { ByteSource } from '../base/byte-source.ts';
import { VmcoreError } from '../base/errors.ts';
import type { PfnBitmap } from '../base/pfn-bitmap.ts';
import { asPaddr, asPfn, hex, type Paddr, type Pfn, type PfnRange } from '../base/units.ts';
import { codecFlags, codecNames } from '../codecs/page-codec.ts';
import type { Dump, OpenOptions, PageCounts, PageState, PhysicalMemory } from './dump.ts';
import { JoinedSource } from './joined-source.ts';
import { type KdumpFile, openKdumpFile } from './kdump-file.ts';
import { kdumpStatus } from './kdump-header.ts';

/** A file of a split dump, and the page frames it holds. */
export interface KdumpPart extends PfnRange {
  readonly file: KdumpFile;
}

export interface KdumpParts {
  /** Ascending. */
  readonly parts: readonly KdumpPart[];
  /** Runs of page frames that no part holds, with pages of the dump among them. */
  readonly missing: readonly PfnRange[];
}

/**
 * Opens all files of a dump and puts them in order. E_USAGE when they do not belong together; E_TRUNCATED when one is missing, unless
 * `cutShort` is "accept".
 */
export function openKdumpParts(sources: readonly ByteSource[], options: OpenOptions): KdumpParts {
  const files: KdumpFile[] = [];
  for (const source of sources) files.push(openKdumpFile(source, options, files[0]));
  const parts = files.map((file) => partOf(file, files.length > 1)).sort((a, b) => a.start - b.start);
  const { dumped } = parts[0]!.file.bitmaps;
  const missing: PfnRange[] = [];
  let at = asPfn(0);
  const addGap = (end: Pfn): void => {
    if (dumped.countRange(at, end) > 0) missing.push({ start: at, end });
  };
  for (const [i, part] of parts.entries()) {
    if (part.start < at) {
      throw new VmcoreError('E_USAGE', `holds page frames that ${parts[i - 1]!.file.source.name} holds too`, {
        file: part.file.source.name,
        hint: 'give each part of the dump once',
      });
    }
    addGap(part.start);
    at = asPfn(Math.min(part.end, dumped.end));
  }
  addGap(dumped.end);
  if (missing.length > 0 && options.cutShort === 'refuse') {
    throw new VmcoreError('E_TRUNCATED', `a part of a split dump is missing: ${rangesText(missing)}`, {
      file: sources.map(({ name }) => name).join(', '),
      hint: 'name all its parts, or read what is there with --cut-short',
    });
  }
  return { parts, missing };
}

/** One dump out of all its files; one file is a whole dump or a part. Errors as `openKdumpParts`. */
export function openKdump(sources: readonly ByteSource[], options: OpenOptions): Dump {
  const { parts, missing } = openKdumpParts(sources, options);
  const first = parts[0]!.file;
  const { header, arch } = first;
  const memory = parts.length === 1 ? first.memory : new SplitMemory(parts);
  const compression = codecNames.find((name) => (header.status & codecFlags[name]) !== 0) ?? 'none';
  const version = `kdump-compressed, version ${header.version}`;
  const vmemmap = (header.status & kdumpStatus.vmemmapExcluded) === 0 ? 'all' : 'used';
  const inParts =
    (parts.length === 1 ? version : `${version}, in ${parts.length} parts`) +
    (vmemmap === 'all' ? '' : ', without struct pages of pages left out');
  return {
    format: 'kdump',
    arch,
    source: sources.length === 1 ? first.source : new JoinedSource(parts.map(({ file }) => file.source)),
    littleEndian: header.littleEndian,
    memory,
    notes: first.notes,
    vmcoreinfo: first.vmcoreinfo,
    segments: [],
    describe: () => ({
      format: 'kdump',
      detail: missing.length === 0 ? inParts : `${inParts}, without ${rangesText(missing)}`,
      arch,
      pageSize: header.blockSize,
      dumpLevel: header.dumpLevel,
      vmemmap,
      incomplete: missing.length > 0 || parts.some(({ file }) => file.incomplete),
      compression,
      cpus: header.cpus,
      // Counted only when asked for: it looks at every descriptor.
      get zeroPages() {
        return countZeroPages(parts);
      },
    }),
  };
}

/** Undefined when there are too many pages in a part. */
function countZeroPages(parts: readonly KdumpPart[]): number | undefined {
  let sum = 0;
  for (const { file } of parts) {
    const count = file.memory.countZeroPages();
    if (count === undefined) return undefined;
    sum += count;
  }
  return sum;
}

function partOf(file: KdumpFile, mustBePart: boolean): KdumpPart {
  const { split, maxMapnr } = file.header;
  if (split === undefined && mustBePart) {
    throw new VmcoreError('E_USAGE', 'is not a part of a split dump', {
      file: file.source.name,
      hint: 'give one dump, or all files that makedumpfile --split wrote',
    });
  }
  return { start: asPfn(split?.start ?? 0), end: asPfn(split?.end ?? maxMapnr), file };
}

const rangesText = (ranges: readonly PfnRange[]): string =>
  `page frames ${ranges.map(({ start, end }) => `${hex(start)}-${hex(end - 1)}`).join(', ')}`;

class SplitMemory implements PhysicalMemory {
  readonly pageSize: number;
  readonly endPfn: Pfn;
  private readonly parts: readonly KdumpPart[];

  constructor(parts: readonly KdumpPart[]) {
    this.parts = parts;
    this.pageSize = parts[0]!.file.memory.pageSize;
    this.endPfn = parts[0]!.file.memory.endPfn;
  }

  read(paddr: Paddr, into: Uint8Array): number {
    let done = 0;
    while (done < into.length) {
      const part = this.partAt(Math.floor((paddr + done) / this.pageSize));
      // The last part answers for what comes after it.
      const end = part === this.parts.at(-1) ? Infinity : part.end * this.pageSize;
      const want = Math.min(into.length - done, end - (paddr + done));
      const got = part.file.memory.read(asPaddr(paddr + done), into.subarray(done, done + want));
      done += got;
      if (got < want) break;
    }
    return done;
  }

  state(pfn: Pfn): PageState {
    return this.partAt(pfn).file.memory.state(pfn);
  }

  markRam(into: PfnBitmap): void {
    this.parts[0]!.file.memory.markRam(into);
  }

  markPresent(into: PfnBitmap): void {
    this.parts[0]!.file.memory.markPresent(into);
  }

  countPages(): PageCounts {
    return this.parts[0]!.file.memory.countPages();
  }

  ramRanges(): Iterable<PfnRange> {
    return this.parts[0]!.file.memory.ramRanges();
  }

  /** The part that holds a page frame, or any: each knows of every page frame whether it is RAM, and says "lost" of others'. */
  private partAt(pfn: number): KdumpPart {
    return this.parts.find(({ end }) => pfn < end) ?? this.parts.at(-1)!;
  }
}
