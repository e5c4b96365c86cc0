/** One page at a time through a compressor in WebAssembly, and pages of every make for it. */
import fc from 'fast-check';
import {
  lowestOffset,
  scratchBytes,
  slackBytes,
  type WasmCompressorName,
  wasmPages,
} from '../../src/codecs/wasm.ts';

const largest = 65536;
const sizesAt = Math.ceil((lowestOffset + scratchBytes) / 64) * 64;
const inputAt = sizesAt + 64;
const outputAt = inputAt + largest;

/** Compresses a page of at most 64 KiB; undefined when it does not shrink. */
export function pageCompressor(codec: WasmCompressorName): (page: Uint8Array) => Uint8Array | undefined {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((outputAt + largest + slackBytes) / 65536) });
  const bytes = new Uint8Array(memory.buffer);
  const pages = wasmPages(memory, lowestOffset);
  return (page) => {
    bytes.set(page, inputAt);
    const size = pages.compressPages(codec, inputAt, 1, page.length, outputAt, sizesAt, 0);
    return size < page.length ? bytes.slice(outputAt, outputAt + size) : undefined;
  };
}

/** Bytes that do not repeat, the same ones for the same seed. */
export function noise(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

/** Shuffles in place, always the same way. */
export function shuffle(page: Uint8Array): Uint8Array {
  let state = 1;
  for (let i = page.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = state % (i + 1);
    [page[i], page[j]] = [page[j]!, page[i]!];
  }
  return page;
}

/** Byte values as often as the numbers of Fibonacci's: the tree of their codes is as deep as any. */
export function fibonacci(length: number): Uint8Array {
  const page = new Uint8Array(length);
  let [a, b, at] = [1, 1, 0];
  for (let value = 1; at < length; value++) {
    page.fill(value, at, at + a);
    at += a;
    [a, b] = [b, a + b];
  }
  return shuffle(page);
}

/** Noise, a run of one value, or a copy from before. */
export interface Piece {
  readonly kind: 'noise' | 'run' | 'copy';
  /** Bytes. */
  readonly size: number;
  readonly value: number;
  readonly from: number;
}

export const pieces = (maxLength: number): fc.Arbitrary<Piece[]> =>
  fc.array(
    fc.record({
      kind: fc.constantFrom('noise', 'run', 'copy'),
      size: fc.integer({ min: 1, max: 600 }),
      value: fc.nat(255),
      from: fc.nat(65535),
    }),
    { maxLength },
  );

/** The pieces one behind the other, as far as they fit; zeros behind them. */
export function pageOf(list: readonly Piece[], length: number): Uint8Array {
  const page = new Uint8Array(length);
  let at = 0;
  for (const { kind, size, value, from } of list) {
    const end = Math.min(length, at + size);
    if (kind === 'run') page.fill(value, at, end);
    else if (kind === 'copy' && at > 0) {
      for (let i = at, j = from % at; i < end; i++, j++) page[i] = page[j]!;
    } else for (let i = at; i < end; i++) page[i] = Math.imul(i + value, 2654435761) >>> 24;
    at = end;
  }
  return page;
}
