/**
 * kallsyms where nothing names its tables (kernels before 6.0, or a vmcoreinfo that lost its lines): found by what they look like, in the kernel image.
 *
 * The tables lie one behind the other in .rodata (scripts/kallsyms.c; Linux 4.19, 6.1, 6.12, 7.2), each aligned to 8 bytes (7.x: 4):
 *
 *   since 6.4      num_syms, names, markers, token_table, token_index, addresses or offsets [, relative_base], seqs_of_names
 *   before         addresses or offsets [, relative_base], num_syms, names, markers [, seqs_of_names (6.2)], token_table, token_index   (404bad70fcf7)
 *
 * What is certain comes first: a token table has the tokens "0" to "9" one after the other, and the index behind it says where each of the 256 tokens begins.
 * From there back the markers are numbers that begin with 0 and grow slowly, the names end where the markers begin, and num_syms before the names says how
 * many there are. Then every place where addresses can be is tried. Nothing is taken that readKallsyms does not verify: names end at the markers, and _stext is
 * where vmcoreinfo says.
 */
import { alignDown, alignUp, viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asPaddr, asVaddr, type Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import { memoryPieces, placesOf } from '../memory-search.ts';
import { type Kallsyms, readKallsyms } from './kallsyms.ts';
import { openNames } from './kallsyms-names.ts';
import type { KallsymsPlaces } from './kallsyms-places.ts';

/** Text and read-only data of the largest kernels (all of allyesconfig is 200 MB). */
const imageReach = 256 * 2 ** 20;
/** Names, markers and sequence numbers in front of the token table: 2 to 4 MB today. */
const reachesBefore = [4 * 2 ** 20, 16 * 2 ** 20];
const tokens = 256;
const digits = Uint8Array.from('0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00', (char) =>
  char.charCodeAt(0),
);
const firstDigit = '0'.charCodeAt(0);
/** Of all tokens together: some 1 KB. */
const maxTable = 8192;
/** 256 names take at least 2 bytes each, and not more than 1024. */
const minGap = 0x200;
const maxGap = 0x40000;
const symbolsPerMarker = 256;
/** Numbers behind the markers may look like more of them. */
const maxExtraMarkers = 3;
/** Tables that look like markers, tried before a token table is given up. */
const maxRuns = 16;

/** Physical addresses. */
interface TokenTable {
  readonly table: number;
  readonly index: number;
}

/** Physical addresses. */
interface NameTable {
  readonly count: number;
  readonly countAt: number;
  readonly names: number;
}

/** Undefined when there is none, or nothing tells where the kernel image is. Reads nothing but the image. */
export function scanKallsyms(kernel: Kernel): Kallsyms | undefined {
  const anchor = kernel.info.symbol('_stext');
  const text = anchor === undefined ? undefined : kernel.tryTranslate(anchor)?.paddr;
  if (anchor === undefined || text === undefined) return undefined;
  // The image is contiguous.
  const vaddr = (paddr: number): Vaddr => asVaddr(anchor + BigInt(paddr - text));
  for (const table of tokenTables(kernel, text)) {
    for (const reach of reachesBefore) {
      for (const nameTable of nameTables(kernel, table, Math.max(text, table.table - reach))) {
        const places = {
          count: nameTable.count,
          names: vaddr(nameTable.names),
          tokenTable: vaddr(table.table),
          tokenIndex: vaddr(table.index),
        };
        const names = verified(() => openNames(kernel, places));
        if (names === undefined) continue;
        for (const addresses of addressPlaces(kernel, nameTable, table, vaddr)) {
          const found = verified(() => readKallsyms(kernel, { ...places, table: addresses }, names));
          if (found !== undefined) return found;
        }
      }
    }
  }
  return undefined;
}

function verified<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof VmcoreError) return undefined;
    throw error;
  }
}

function* tokenTables(kernel: Kernel, start: number): Generator<TokenTable> {
  const { dump } = kernel;
  for (const piece of memoryPieces(dump, start, start + imageReach, digits.length)) {
    for (const at of placesOf(piece.bytes, digits)) {
      const found = tokenTableAround(kernel, piece.start + at);
      if (found !== undefined) yield found;
    }
  }
}

/** `digitsAt`: where the token "0" begins, which stands at its own code. */
function tokenTableAround(kernel: Kernel, digitsAt: number): TokenTable | undefined {
  const { memory, littleEndian } = kernel.dump;
  const buffer = new Uint8Array(maxTable);
  const bytes = buffer.subarray(0, memory.read(asPaddr(digitsAt), buffer));
  const starts: number[] = [];
  let end = 0;
  for (let token = firstDigit; token < tokens; token++) {
    starts.push(end);
    const nul = bytes.indexOf(0, end);
    if (nul < 0) return undefined;
    end = nul + 1;
  }
  for (const alignment of [4, 8]) {
    const index = alignUp(digitsAt + end, alignment);
    const at = index - digitsAt;
    if (at + tokens * 2 > bytes.length) return undefined;
    const view = viewOf(bytes.subarray(at, at + tokens * 2));
    const place = (token: number): number => view.getUint16(token * 2, littleEndian);
    const base = place(firstDigit);
    if (place(0) === 0 && starts.every((start, i) => place(firstDigit + i) === base + start))
      return { table: digitsAt - base, index };
  }
  return undefined;
}

/** Everything in front of the token table that can be number, names and markers. */
function* nameTables(kernel: Kernel, { table }: TokenTable, start: number): Generator<NameTable> {
  const bytes = memoryBefore(kernel, alignDown(table, 4), start);
  const base = alignDown(table, 4) - bytes.length;
  const view = viewOf(bytes);
  const { littleEndian } = kernel.dump;
  const word = (at: number): number =>
    at >= 0 && at + 4 <= bytes.length ? view.getUint32(at, littleEndian) : 0xffff_ffff;
  for (const { at, width, length } of markerRuns(word, bytes.length)) {
    for (let markers = length; markers >= Math.max(2, length - maxExtraMarkers); markers--)
      for (const names of namesBefore(word, at, markers, word(at + (markers - 1) * width)))
        yield { count: names.count, countAt: base + names.countAt, names: base + names.names };
  }
}

interface MarkerRun {
  readonly at: number;
  /** Bytes of each: 8 until 4.19 (80ffbaa5b1bd made them 32-bit). */
  readonly width: 4 | 8;
  /** Markers. */
  readonly length: number;
}

/** Numbers that could be markers, the longest runs first: other tables that look like it are short. */
function markerRuns(word: (at: number) => number, end: number): MarkerRun[] {
  const runs: MarkerRun[] = [];
  for (const width of [4, 8] as const) {
    for (let at = 0; at < end; at += 4) {
      if (word(at) !== 0) continue;
      let length = 1;
      while (isNext(word(at + (length - 1) * width), word(at + length * width))) length++;
      if (length > 1) keepLongest(runs, { at, width, length });
    }
  }
  return runs;
}

/** `runs` stay sorted, and few. */
function keepLongest(runs: MarkerRun[], run: MarkerRun): void {
  const shorter = runs.findIndex(({ length }) => length < run.length);
  if (shorter >= 0) runs.splice(shorter, 0, run);
  else if (runs.length < maxRuns) runs.push(run);
  if (runs.length > maxRuns) runs.pop();
}

const isNext = (marker: number, next: number): boolean => next - marker >= minGap && next - marker <= maxGap;

/** `last`: what the last marker says. Places are offsets in what `word` reads. */
function* namesBefore(
  word: (at: number) => number,
  markersAt: number,
  markers: number,
  last: number,
): Generator<NameTable> {
  const nearest = alignDown(markersAt - last, 4);
  for (let names = nearest; names >= Math.max(4, nearest - maxGap); names -= 4) {
    for (const countAt of [names - 8, names - 4]) {
      const count = word(countAt);
      if (Math.ceil(count / symbolsPerMarker) !== markers) continue;
      // Aligned to 8 bytes, the upper half of the number, or what fills up, is zero.
      if (countAt === names - 4 || word(names - 4) === 0) yield { count, countAt, names };
    }
  }
}

/** All memory without a gap up to `end`, physical. */
function memoryBefore({ dump }: Kernel, end: number, start: number): Uint8Array {
  const { pageSize } = dump.memory;
  const bytes = new Uint8Array(Math.max(0, end - start));
  let at = end;
  while (at > end - bytes.length) {
    const page = Math.max(end - bytes.length, alignDown(at - 1, pageSize));
    const part = bytes.subarray(bytes.length - (end - page), bytes.length - (end - at));
    if (dump.memory.read(asPaddr(page), part) < part.length) break;
    at = page;
  }
  return bytes.subarray(bytes.length - (end - at));
}

/** Every place and encoding that one of the two orders allows. */
function* addressPlaces(
  kernel: Kernel,
  { count, countAt }: NameTable,
  { index }: TokenTable,
  vaddr: (paddr: number) => Vaddr,
): Generator<KallsymsPlaces['table']> {
  const pointer = (paddr: number): bigint | undefined => {
    const bytes = new Uint8Array(8);
    return kernel.dump.memory.read(asPaddr(paddr), bytes) === 8
      ? viewOf(bytes).getBigUint64(0, kernel.dump.littleEndian)
      : undefined;
  };
  const offsets = function* (at: number, baseAt: number): Generator<KallsymsPlaces['table']> {
    const base = pointer(baseAt);
    if (base !== undefined) yield { kind: 'offsets', at: vaddr(at), base: asVaddr(base) };
  };
  // Since 6.4: behind the index of the tokens.
  for (const alignment of [4, 8]) {
    const at = alignUp(index + tokens * 2, alignment);
    yield* offsets(at, alignUp(at + count * 4, 8));
    yield { kind: 'offsets', at: vaddr(at), base: undefined };
    yield { kind: 'addresses', at: vaddr(at) };
  }
  // Before: in front of the number of symbols.
  const baseAt = alignDown(countAt - 8, 8);
  yield* offsets(baseAt - alignUp(count * 4, 8), baseAt);
  yield { kind: 'addresses', at: vaddr(alignDown(countAt, 8) - count * 8) };
}
