/** makedumpfile -R: a flattened dump that comes in by a pipe, written as the dump it stands for. */
import type { ByteSink } from '../../base/byte-sink.ts';
import { viewOf } from '../../base/bytes.ts';
import type { VmcoreError } from '../../base/errors.ts';
import {
  checkFlattenedHeader,
  decodeFlattenedRecord,
  flattenedEndsEarly,
  flattenedHeaderSize,
  flattenedRecordSize,
} from '../../formats/flattened.ts';
import { incompleteMark, markedHeadSize } from '../../formats/incomplete-mark.ts';

/** Gives bytes one after the other: a pipe, standard input. */
export interface ByteInput {
  readonly name: string;
  /** Fills `into` and returns how many bytes there were; fewer than asked only at the end. */
  read(into: Uint8Array): number;
}

const pieceSize = 1 << 20;

/**
 * Copies records to `sink` until the end record; returns the bytes written. E_NOT_A_DUMP when the stream is not flattened; E_TRUNCATED
 * when it ends without an end record: what came until then was written, and marked incomplete.
 */
export function rearrange(input: ByteInput, sink: ByteSink): number {
  const header = new Uint8Array(flattenedHeaderSize);
  checkFlattenedHeader(header.subarray(0, input.read(header)), input.name);
  const recordHeader = new Uint8Array(flattenedRecordSize);
  const view = viewOf(recordHeader);
  const piece = new Uint8Array(pieceSize);
  const head = new Uint8Array(markedHeadSize);
  let at = flattenedHeaderSize;
  let written = 0;
  for (;;) {
    if (input.read(recordHeader) < recordHeader.length) throw endsEarly();
    const record = decodeFlattenedRecord(view, 0, input.name, at);
    if (record === 'end') return written;
    at += flattenedRecordSize;
    for (let done = 0; done < record.size; ) {
      const want = Math.min(pieceSize, record.size - done);
      const got = input.read(piece.subarray(0, want));
      sink.write(record.offset + done, piece.subarray(0, got));
      if (record.offset + done < head.length) {
        head.set(piece.subarray(0, Math.min(got, head.length - record.offset - done)), record.offset + done);
      }
      done += got;
      at += got;
      written += got;
      if (got < want) throw endsEarly();
    }
  }

  function endsEarly(): VmcoreError {
    const mark = incompleteMark(head);
    if (mark !== undefined) sink.write(mark.offset, mark.bytes);
    return flattenedEndsEarly(input.name, at);
  }
}
