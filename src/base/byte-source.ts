/**
 * The one way bytes come in: a file, a Blob, an HTTP range or an array, read by offset.
 *
 * Reads are synchronous on purpose. Page tables, rings and lists are walked pointer by pointer, and a promise
 * per pointer costs more than the read. A browser runs the analysis in a worker, where Blobs (FileReaderSync) and
 * HTTP ranges can be read synchronously too.
 */
import { VmcoreError } from './errors.ts';

export interface ByteSource {
  /** What the user called it; appears in error messages. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Fills `into` from `offset` on and returns how many bytes there were; fewer than asked only at the end. */
  read(offset: number, into: Uint8Array): number;
  /**
   * The first offset from `offset` on whose byte may be other than 0: what is before lies in a hole of the file. `size` when nothing
   * follows. Not there where holes are not known.
   */
  readonly nextData?: (offset: number) => number;
  close(): void;
}

export class MemorySource implements ByteSource {
  readonly name: string;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array, name = '(memory)') {
    this.bytes = bytes;
    this.name = name;
  }

  get size(): number {
    return this.bytes.length;
  }

  read(offset: number, into: Uint8Array): number {
    const part = this.bytes.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  }

  close(): void {}
}

/** Reads exactly `length` bytes; E_TRUNCATED, naming `what`, when the source ends before that. */
export function readExact(source: ByteSource, offset: number, length: number, what: string): Uint8Array {
  // Checked before allocating: the length may come from a hostile header.
  if (offset + length > source.size) {
    throw new VmcoreError(
      'E_TRUNCATED',
      `${what} needs ${offset + length} bytes, the file has ${source.size}`,
      {
        file: source.name,
        offset,
        hint: 'copy the dump again',
      },
    );
  }
  const bytes = new Uint8Array(length);
  const got = source.read(offset, bytes);
  if (got < length) {
    throw new VmcoreError('E_TRUNCATED', `${what}: read ${got} of ${length} bytes`, {
      file: source.name,
      offset,
      hint: 'copy the dump again',
    });
  }
  return bytes;
}
