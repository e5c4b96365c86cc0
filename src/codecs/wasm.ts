/**
 * lzo, snappy, and the compression of zlib and zstd, in WebAssembly: one call for a batch of pages, in a memory that threads may share. Runs in
 * browsers.
 *
 * The code is AssemblyScript, in assembly/; its compiled form is in wasm-modules.ts, twice, because a module that imports a shared
 * memory takes no other, and a browser without cross-origin isolation cannot make a shared one. What is named `input`, `output`,
 * `sizes`, `flags` and `scratch` below are byte offsets in the memory, none below `lowestOffset`. An instance belongs to one
 * thread; threads that share a memory have a scratch area each.
 *
 * Whatever the data, nothing outside the areas that a call names is written. The areas themselves are the caller's to get right:
 * the memory's end is the only bound that WebAssembly sets, and an area that reaches beyond it throws a WebAssembly.RuntimeError.
 */
import type { CodecName, PageCodec, PageCodecs } from './page-codec.ts';
import { ownMemoryModule, sharedMemoryModule } from './wasm-modules.ts';
import { zstdConstants } from './zstd-tables.ts';

/** What assembly/pages.ts calls them. */
const compressors = { lzo: 0, snappy: 1, zlib: 2, zstd: 3 } as const;
export type WasmCompressorName = keyof typeof compressors;
export type WasmCodecName = Extract<CodecName, 'lzo' | 'snappy'>;

/** Where the constants of zstd are in the scratch (`symbolsOfRunsAt` of assembly/zstd-scratch.ts). */
const zstdConstantsAt = 169728;
/** Bytes of scratch that an instance needs (`zstdScratch` of assembly/zstd-scratch.ts). */
export const scratchBytes = 178000;
/**
 * Bytes beyond `count * pageSize` that compressPages may write at `output`: what a page can grow by before it is found not to
 * shrink (at most one byte in 23 for lzo, in 61 for snappy, 200 in all for zstd, none for zlib), and a wide store.
 */
export const slackBytes = 4096;
/** The largest page of any kernel we read (arm64 with 64K pages). */
const maxPage = 65536;
/** No area that a call names begins below this offset. */
export const lowestOffset = 64;

export interface WasmPages {
  /**
   * Compresses `count` pages of `pageSize` bytes (a multiple of 64, at most 65536) from `input` to `output`, packed one after the
   * other. `output` has room for `count * pageSize + slackBytes`. Writes a u32 for each page to `sizes`: 0 for a page of zeros, of
   * which nothing is written (only when `skipZeros` is 1), `pageSize` for a page stored as it is because it does not shrink, else
   * the compressed size. Returns the bytes written, slack not counted. The same pages always give the same bytes.
   */
  compressPages(
    codec: WasmCompressorName,
    input: number,
    count: number,
    pageSize: number,
    output: number,
    sizes: number,
    skipZeros: 0 | 1,
  ): number;
  /** Decompresses `length` bytes to at most `room` bytes. Returns their number; 0 when the data is not valid, or of nothing. */
  decompress(codec: WasmCodecName, input: number, length: number, output: number, room: number): number;
  /** Writes a byte for each page to `flags`: 1 when it is all zeros. Returns the number of those. `pageSize` is a multiple of 64. */
  findZeroPages(input: number, count: number, pageSize: number, flags: number): number;
}

type Decompress = (input: number, length: number, output: number, room: number) => number;
interface Exports {
  readonly prepareScratch: (scratch: number) => void;
  readonly compressPages: (
    codec: number,
    input: number,
    count: number,
    pageSize: number,
    output: number,
    sizes: number,
    skipZeros: number,
    scratch: number,
  ) => number;
  readonly lzoDecompress: Decompress;
  readonly snappyDecompress: Decompress;
  readonly findZeroPages: WasmPages['findZeroPages'];
}

/** `scratch` is the offset, a multiple of 16, of `scratchBytes` bytes of this thread's own. */
export function wasmPages(memory: WebAssembly.Memory, scratch: number): WasmPages {
  const isShared = globalThis.SharedArrayBuffer !== undefined && memory.buffer instanceof SharedArrayBuffer;
  const module = new WebAssembly.Module(
    Uint8Array.fromBase64(isShared ? sharedMemoryModule : ownMemoryModule),
  );
  // The exports of assembly/pages.ts, which the compiler of that file checked.
  const code = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports;
  new Uint8Array(memory.buffer, scratch).set(zstdConstants(), zstdConstantsAt);
  code.prepareScratch(scratch);
  const decompress = { lzo: code.lzoDecompress, snappy: code.snappyDecompress };
  return {
    // Offsets above 2 GiB come back negative.
    compressPages: (codec, input, count, pageSize, output, sizes, skipZeros) =>
      code.compressPages(compressors[codec], input, count, pageSize, output, sizes, skipZeros, scratch) >>> 0,
    decompress: (codec, input, length, output, room) => decompress[codec](input, length, output, room) >>> 0,
    findZeroPages: code.findZeroPages,
  };
}

/** The lzo and snappy page codecs, with a small memory of their own that is made on first use. Pages of up to 64 KiB. */
export function wasmCodecs(): Pick<Required<PageCodecs>, WasmCodecName> {
  let pages: OwnPages | undefined;
  const own = (): OwnPages => {
    pages ??= new OwnPages();
    return pages;
  };
  const codec = (name: WasmCodecName): PageCodec => ({
    name,
    compress: (page, into) => own().compress(name, page, into),
    decompress: (data, page) => own().decompress(name, data, page),
  });
  return { lzo: codec('lzo'), snappy: codec('snappy') };
}

/** One page in, one page out, through copies: scratch | size | input | output. */
class OwnPages {
  private static readonly sizeAt = lowestOffset + scratchBytes;
  private static readonly inputAt = OwnPages.sizeAt + 64;
  private static readonly outputAt = OwnPages.inputAt + maxPage;
  private readonly bytes: Uint8Array;
  private readonly pages: WasmPages;

  constructor() {
    const memory = new WebAssembly.Memory({
      initial: Math.ceil((OwnPages.outputAt + maxPage + slackBytes) / 65536),
    });
    this.bytes = new Uint8Array(memory.buffer);
    this.pages = wasmPages(memory, lowestOffset);
  }

  compress(codec: WasmCodecName, page: Uint8Array, into: Uint8Array): number {
    const { sizeAt, inputAt, outputAt } = OwnPages;
    if (page.length > maxPage) return 0;
    this.bytes.set(page, inputAt);
    const size = this.pages.compressPages(codec, inputAt, 1, page.length, outputAt, sizeAt, 0);
    if (size >= page.length || size > into.length) return 0;
    into.set(this.bytes.subarray(outputAt, outputAt + size));
    return size;
  }

  decompress(codec: WasmCodecName, data: Uint8Array, page: Uint8Array): number {
    const { inputAt, outputAt } = OwnPages;
    // Nothing that was stored compressed is larger than its page.
    if (data.length > maxPage) return 0;
    this.bytes.set(data, inputAt);
    const room = Math.min(page.length, maxPage);
    const size = this.pages.decompress(codec, inputAt, data.length, outputAt, room);
    page.set(this.bytes.subarray(outputAt, outputAt + size));
    return size;
  }
}
