/**
 * Speed of the page codecs on the pages of a real dump, one thread:
 *
 *   npm run bench:codecs -- DUMP [DUMP...]
 *
 * Every codec of ours, and beside lzo and snappy the C libraries that makedumpfile calls. Runs alternate, each over all pages;
 * what is printed is the median run, and the median of the ratios of neighbouring runs, which a busy machine disturbs least. What
calling C costs from here (node:ffi) is measured with calls that do nothing, and taken off C's times.
 * Zero pages are left out: makedumpfile shares one. MB are millions of bytes of pages.
 */
import { cpus } from 'node:os';
import { PfnBitmap } from '../src/base/pfn-bitmap.ts';
import { asPaddr, asPfn } from '../src/base/units.ts';
import { nativeCodecs } from '../src/codecs/native.ts';
import type { CodecName } from '../src/codecs/page-codec.ts';
import {
  lowestOffset,
  scratchBytes,
  slackBytes,
  type WasmCompressorName,
  wasmPages,
} from '../src/codecs/wasm.ts';
import { openDump } from '../src/formats/open.ts';
import { openFile } from '../src/sys/file-source.ts';
import { addressOf } from '../src/sys/node-codecs.ts';
import { type CCodec, cCodec, keep } from './c-codecs.ts';

const sampleBytes = 32 << 20;
const rounds = 15;
const batchPages = 256;

interface Pages {
  readonly bytes: Uint8Array;
  readonly size: number;
}

/** Non-zero pages from all over the dump, at most `sampleBytes`. */
function samplePages(path: string): Pages {
  const { memory } = openDump(openFile(path), { codecs: nativeCodecs(), cutShort: 'refuse' });
  const size = memory.pageSize;
  const bitmap = new PfnBitmap(asPfn(0), memory.endPfn);
  memory.markPresent(bitmap);
  const page = Buffer.alloc(size);
  const found: number[] = [];
  const zero = Buffer.alloc(size);
  const isData = (pfn: number): boolean =>
    memory.read(asPaddr(pfn * size), page) === size && Buffer.compare(page, zero) !== 0;
  for (const { start, end } of bitmap.runs()) {
    for (let pfn: number = start; pfn < end; pfn++) if (isData(pfn)) found.push(pfn);
  }
  const count = Math.min(found.length, Math.floor(sampleBytes / size));
  const bytes = new Uint8Array(count * size);
  for (let i = 0; i < count; i++) {
    const pfn = found[Math.floor((i * found.length) / count)]!;
    memory.read(asPaddr(pfn * size), bytes.subarray(i * size, (i + 1) * size));
  }
  return { bytes, size };
}

/** One codec at work on all pages. */
interface Contestant {
  /** Returns the bytes that the pages take in a dump. */
  compress(): number;
  /** Decompresses all pages that shrank; returns how many. */
  decompress(): number;
  /** As many calls as either makes, that do nothing: what calling costs, which is not the codec's. */
  idle?(): void;
}

/** Ours, as the pipeline calls it: batches in one memory. */
function wasmContestant(name: WasmCompressorName, { bytes, size }: Pages): Contestant {
  const count = bytes.length / size;
  const sizesAt = Math.ceil((lowestOffset + scratchBytes) / 64) * 64;
  const pageAt = sizesAt + Math.ceil(count / 16) * 64;
  const inputAt = pageAt + 65536;
  const outputAt = inputAt + bytes.length;
  const end = outputAt + bytes.length + slackBytes;
  const memory = new WebAssembly.Memory({ initial: Math.ceil(end / 65536) });
  const pages = wasmPages(memory, lowestOffset);
  const all = new Uint8Array(memory.buffer);
  all.set(bytes, inputAt);
  const sizes = new Uint32Array(memory.buffer, sizesAt, count);
  const native = nativeCodecs();
  const page = all.subarray(pageAt, pageAt + size);
  // zlib and zstd are written in WebAssembly and read by C.
  const decompress = (at: number, length: number): number =>
    name === 'zlib' || name === 'zstd'
      ? native[name].decompress(all.subarray(at, at + length), page)
      : pages.decompress(name, at, length, pageAt, size);
  return {
    compress() {
      let at = outputAt;
      for (let i = 0; i < count; i += batchPages) {
        const batch = Math.min(batchPages, count - i);
        at += pages.compressPages(name, inputAt + i * size, batch, size, at, sizesAt + 4 * i, 1);
      }
      return at - outputAt;
    },
    decompress() {
      let shrunk = 0;
      let at = outputAt;
      for (const length of sizes) {
        if (length < size && decompress(at, length) === size) shrunk++;
        at += length;
      }
      return shrunk;
    },
  };
}

/** Page by page, by address. */
function cContestant({ compress, decompress }: CCodec, { bytes, size }: Pages): Contestant {
  const count = bytes.length / size;
  const output = keep(new Uint8Array(bytes.length + 2 * size + slackBytes));
  const page = keep(new Uint8Array(size));
  const [from, into, pageAt] = [addressOf(keep(bytes)), addressOf(output), addressOf(page)];
  const sizes = new Uint32Array(count);
  return {
    compress() {
      let at = 0;
      for (let i = 0; i < count; i++) {
        const length = compress(from + BigInt(i * size), size, into + BigInt(at), 2 * size);
        sizes[i] = Math.min(length, size);
        at += sizes[i]!;
      }
      return at;
    },
    decompress() {
      let shrunk = 0;
      let at = 0;
      for (const length of sizes) {
        if (length < size && decompress(into + BigInt(at), length, pageAt, size) === size) shrunk++;
        at += length;
      }
      return shrunk;
    },
    idle() {
      for (let i = 0; i < count; i++) decompress(into, 0, pageAt, size);
    },
  };
}

/** zlib and zstd of the node binary, through the page codec. */
function nativeContestant(name: CodecName, { bytes, size }: Pages): Contestant {
  const codec = nativeCodecs()[name];
  const count = bytes.length / size;
  const pages = Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
  const rooms = pages.map(() => new Uint8Array(size - 1));
  const sizes = new Uint32Array(count);
  const back = new Uint8Array(size);
  return {
    compress() {
      let total = 0;
      pages.forEach((page, i) => {
        sizes[i] = codec.compress(page, rooms[i]!);
        total += sizes[i] || size;
      });
      return total;
    },
    decompress: () =>
      rooms.filter((room, i) => sizes[i]! > 0 && codec.decompress(room.subarray(0, sizes[i]), back) === size)
        .length,
  };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

interface Times {
  readonly compress: number[];
  readonly decompress: number[];
  bytes: number;
  shrunk: number;
}

/** Seconds of every round, of all contestants in turn; a round before them is for the compilers. */
function race(contestants: readonly Contestant[], howOften: number): Times[] {
  const times = contestants.map((): Times => ({ compress: [], decompress: [], bytes: 0, shrunk: 0 }));
  const seconds = (start: number): number => (performance.now() - start) / 1000;
  for (let round = -1; round < howOften; round++) {
    contestants.forEach((contestant, i) => {
      const result = times[i]!;
      let start = performance.now();
      contestant.idle?.();
      const idle = contestant.idle === undefined ? 0 : seconds(start);
      start = performance.now();
      result.bytes = contestant.compress();
      if (round >= 0) result.compress.push(seconds(start) - idle);
      start = performance.now();
      result.shrunk = contestant.decompress();
      if (round >= 0) result.decompress.push(seconds(start) - idle);
    });
  }
  return times;
}

const row = (cells: readonly string[]): string =>
  `${cells[0]!.padEnd(12)}${cells
    .slice(1)
    .map((cell) => cell.padStart(12))
    .join('')}\n`;

function printTimes(name: string, times: Times, pages: Pages, against: Times | undefined): void {
  const speed = (bytes: number, seconds: readonly number[]): string =>
    (bytes / median(seconds) / 1e6).toFixed(0);
  const ratio = (step: 'compress' | 'decompress'): string =>
    against === undefined ? '' : median(times[step].map((own, i) => against[step][i]! / own)).toFixed(2);
  const cells = [
    speed(pages.bytes.length, times.compress),
    ratio('compress'),
    speed(times.shrunk * pages.size, times.decompress),
    ratio('decompress'),
    `${((100 * times.bytes) / pages.bytes.length).toFixed(1)}%`,
  ];
  process.stdout.write(row([name, ...cells]));
}

async function main(dumps: readonly string[]): Promise<void> {
  if (dumps.length === 0) {
    process.stderr.write('usage: npm run bench:codecs -- DUMP [DUMP...]\n');
    process.exitCode = 2;
    return;
  }
  process.stdout.write(
    `${cpus()[0]?.model}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}; MB/s, median of ${rounds}\n`,
  );
  const c = { lzo: await cCodec('lzo'), snappy: await cCodec('snappy') };
  for (const [name, codec] of Object.entries(c)) {
    process.stdout.write(`C's ${name}: ${codec?.path ?? 'not on this machine, and not to be had'}\n`);
  }
  for (const dump of dumps) {
    const pages = samplePages(dump);
    process.stdout.write(`\n${dump}: ${pages.bytes.length / pages.size} pages of ${pages.size} bytes\n`);
    process.stdout.write(row(['', 'compress', 'C = 1', 'decompress', 'C = 1', 'size']));
    for (const name of ['lzo', 'snappy'] as const) {
      const library = c[name];
      const ours = wasmContestant(name, pages);
      const [own, theirs] = race(library ? [ours, cContestant(library, pages)] : [ours], rounds);
      printTimes(name, own!, pages, theirs);
      if (theirs !== undefined) printTimes(`${name} in C`, theirs, pages, undefined);
    }
    const [zlib, zlibInC, zstd] = race(
      [wasmContestant('zlib', pages), nativeContestant('zlib', pages), nativeContestant('zstd', pages)],
      5,
    );
    printTimes('zlib', zlib!, pages, zlibInC);
    printTimes('zlib in C', zlibInC!, pages, undefined);
    printTimes('zstd in C', zstd!, pages, undefined);
  }
}

await main(process.argv.slice(2));
