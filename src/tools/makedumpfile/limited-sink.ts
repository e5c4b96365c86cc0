/** Sinks for makedumpfile -L (no more than so many bytes) and --dry-run (nothing at all). */
import type { ByteSink } from '../../base/byte-sink.ts';
import { VmcoreError } from '../../base/errors.ts';
import { formatSize } from '../../base/units.ts';

/** Passes on what lies within the first `limit` bytes of the file; the rest is E_NO_SPACE, as on a disk of that size. */
export class LimitedSink implements ByteSink {
  readonly name: string;
  readonly rewritable: boolean;
  readonly unwritten: ByteSink['unwritten'];
  private readonly sink: ByteSink;
  private readonly limit: number;

  constructor(sink: ByteSink, limit: number) {
    this.name = sink.name;
    this.rewritable = sink.rewritable;
    this.unwritten = sink.unwritten;
    this.sink = sink;
    this.limit = limit;
  }

  write(offset: number, bytes: Uint8Array): void {
    const room = Math.max(0, this.limit - offset);
    if (room >= bytes.length) {
      this.sink.write(offset, bytes);
      return;
    }
    this.sink.write(offset, bytes.subarray(0, room));
    throw new VmcoreError('E_NO_SPACE', `the size limit of ${formatSize(this.limit)} is reached`, {
      file: this.name,
      hint: 'give -L more, or -d a higher level',
    });
  }
}

/** Takes everything and keeps nothing but the size that the file would have. */
export class NullSink implements ByteSink {
  readonly name = '(nowhere)';
  readonly rewritable = true;
  readonly unwritten = 'zeros';
  /** Bytes. */
  size = 0;

  write(offset: number, bytes: Uint8Array): void {
    this.size = Math.max(this.size, offset + bytes.length);
  }
}
