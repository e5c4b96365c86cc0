/** Copies a dump as it is into a new file (0600). Zeros become holes where the file system has them. */
import type { ByteSource } from '../../base/byte-source.ts';
import { alignDown, isZero } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import type { Progress } from '../../base/progress.ts';
import { FileSink, type IfExists } from '../../sys/file-sink.ts';

const blockSize = 4 << 20;
/** What one hole or one write is about: file systems have holes of whole blocks. */
const holeSize = 64 << 10;

/** E_EXISTS, E_FILE, E_NO_SPACE, E_TRUNCATED; then no file is left behind. */
export function copyDump(source: ByteSource, path: string, ifExists: IfExists, progress: Progress): void {
  const sink = new FileSink(path, ifExists);
  try {
    progress.step('copy', source.size);
    const words = new Int32Array(blockSize / 4);
    const block = new Uint8Array(words.buffer);
    const lastBlock = alignDown(Math.max(0, source.size - 1), blockSize);
    for (let offset = 0; offset < source.size; offset += blockSize) {
      if (sink.unwritten === 'zeros' && source.nextData !== undefined) {
        offset = Math.min(alignDown(source.nextData(offset), blockSize), lastBlock);
      }
      const bytes = block.subarray(0, Math.min(blockSize, source.size - offset));
      if (source.read(offset, bytes) < bytes.length) {
        throw new VmcoreError('E_TRUNCATED', 'became shorter while it was read', {
          file: source.name,
          offset,
        });
      }
      // The last byte is always written: it gives the file its size.
      if (sink.unwritten !== 'zeros' || offset === lastBlock) sink.write(offset, bytes);
      else writeWithHoles(sink, offset, words);
      progress.advance(offset + bytes.length);
    }
  } catch (error) {
    sink.discard();
    throw error;
  }
  sink.finish('cache');
}

/** Writes runs of pieces that are not all zeros. */
function writeWithHoles(sink: FileSink, offset: number, words: Int32Array<ArrayBuffer>): void {
  let start: number | undefined;
  for (let at = 0; at <= blockSize; at += holeSize) {
    const isHole = at === blockSize || isZero(words.subarray(at / 4, (at + holeSize) / 4));
    if (!isHole) start ??= at;
    else if (start !== undefined) {
      sink.write(offset + start, new Uint8Array(words.buffer, start, at - start));
      start = undefined;
    }
  }
}
