/** Searching physical memory for what no symbol tells: in pieces of a megabyte, whatever the size of the dump. */
import { asPaddr } from '../base/units.ts';
import type { Dump } from '../formats/dump.ts';
import { presentRuns } from './present-runs.ts';

const pieceSize = 2 ** 20;

export interface MemoryPiece {
  /** Physical address of its first byte. */
  readonly start: number;
  /** Good until the next piece is asked for. */
  readonly bytes: Uint8Array;
}

/**
 * All memory in [start, end), physical, that the dump holds, ascending. Pieces of the same run overlap by `overlap` bytes, so that nothing of that length is
 * cut. A page that cannot be read is stepped over.
 */
export function* memoryPieces(
  dump: Dump,
  start: number,
  end: number,
  overlap: number,
): Generator<MemoryPiece> {
  const piece = new Uint8Array(pieceSize);
  for (const run of presentRuns(dump, start, end)) {
    for (let at = run.start; at < run.end; ) {
      const want = piece.subarray(0, Math.min(pieceSize, run.end - at));
      const got = dump.memory.read(asPaddr(at), want);
      yield { start: at, bytes: piece.subarray(0, got) };
      at += got < want.length ? got + dump.memory.pageSize : pieceSize - overlap;
    }
  }
}

/** Where `wanted` begins in `bytes`, ascending. */
export function* placesOf(bytes: Uint8Array, wanted: Uint8Array): Generator<number> {
  const first = wanted[0]!;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    let matched = 1;
    while (matched < wanted.length && bytes[at + matched] === wanted[matched]) matched++;
    if (matched === wanted.length) yield at;
  }
}
