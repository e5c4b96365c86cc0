/** Writes the flattened format: every write becomes a record on a stream. Layout: flattened.ts. */
import type { ByteSink } from '../base/byte-sink.ts';
import { encodeFlattenedHeader, encodeFlattenedRecord } from './flattened.ts';

/** Takes bytes one after the other: a pipe, standard output. */
export interface ByteStream {
  readonly name: string;
  /** Writes all of `bytes`, or throws. */
  write(bytes: Uint8Array): void;
}

export class FlattenedSink implements ByteSink {
  readonly name: string;
  readonly rewritable = false;
  readonly unwritten = 'zeros';
  /** Of the dump that is being flattened, bytes. */
  size = 0;
  private readonly stream: ByteStream;

  /** Writes the header. */
  constructor(stream: ByteStream) {
    this.name = stream.name;
    this.stream = stream;
    stream.write(encodeFlattenedHeader());
  }

  write(offset: number, bytes: Uint8Array): void {
    // A record of no bytes would end the stream for its readers.
    if (bytes.length === 0) return;
    this.stream.write(encodeFlattenedRecord({ offset, size: bytes.length }));
    this.stream.write(bytes);
    this.size = Math.max(this.size, offset + bytes.length);
  }

  /** Writes the end record: without it readers take the dump for cut short. */
  finish(): void {
    this.stream.write(encodeFlattenedRecord('end'));
  }
}
