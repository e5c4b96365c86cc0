/** Do two files have the same bytes? Told page by page, because memory differs by pages. */
import { openFile } from '../../src/sys/file-source.ts';

const pageSize = 4096;
const blockSize = 4 << 20;

export interface FileDifference {
  /** Bytes. */
  readonly sizes: readonly [number, number];
  /** Offsets of the pages of the files that differ. */
  readonly pages: readonly number[];
}

/** Undefined when they are the same. */
export function differenceOf(first: string, second: string): FileDifference | undefined {
  const [a, b] = [openFile(first), openFile(second)];
  try {
    const pages: number[] = [];
    const [left, right] = [Buffer.alloc(blockSize), Buffer.alloc(blockSize)];
    for (let offset = 0; offset < Math.min(a.size, b.size); offset += blockSize) {
      const length = Math.min(a.read(offset, left), b.read(offset, right));
      if (left.compare(right, 0, length, 0, length) === 0) continue;
      for (let at = 0; at < length; at += pageSize) {
        const end = Math.min(at + pageSize, length);
        if (left.compare(right, at, end, at, end) !== 0) pages.push(offset + at);
      }
    }
    return a.size === b.size && pages.length === 0 ? undefined : { sizes: [a.size, b.size], pages };
  } finally {
    a.close();
    b.close();
  }
}
