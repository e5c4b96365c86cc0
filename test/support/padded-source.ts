/** A file that claims to be as large as a lie in its headers needs, zeros behind its real bytes: what a sparse file looks like. */
import type { ByteSource } from '../../src/base/byte-source.ts';

export class PaddedSource implements ByteSource {
  readonly name = 'padded.vmcore';
  readonly size: number;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array, size: number) {
    this.bytes = bytes;
    this.size = size;
  }

  read(offset: number, into: Uint8Array): number {
    const length = Math.max(0, Math.min(into.length, this.size - offset));
    into.fill(0, 0, length);
    into.set(this.bytes.subarray(offset, offset + length));
    return length;
  }

  close(): void {}
}
