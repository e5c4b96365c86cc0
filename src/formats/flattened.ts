/**
 * The flattened format of `makedumpfile -F`: a dump as it was written, for a pipe that cannot seek.
 *
 *   4096 bytes     header: "makedumpfile" padded to 16 bytes, type 1, version 1
 *   records        offset, size, then that many bytes; offsets may go backwards, and later records overwrite earlier ones
 *   end record     offset -1, size -1
 *
 * All numbers are 64-bit, big endian, whatever the machine. Source of truth: makedumpfile.h and write_buffer(), rearrange_dumpdata()
 * of makedumpfile.c (1.7.9). Opened through a view: flattened-source.ts; written: flattened-sink.ts.
 */
import { latin1, viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';

export const flattenedHeaderSize = 4096;
export const flattenedRecordSize = 16;
const signature = 'makedumpfile\0\0\0\0';
const typeOffset = 16;
const versionOffset = 24;
const flatType = 1n;
const flatVersion = 1n;
const endMark = -1n;

/** Does the file begin as a flattened dump? */
export const isFlattened = (head: Uint8Array): boolean =>
  latin1(head.subarray(0, signature.length)) === signature;

/** E_NOT_A_DUMP when it is not the header of a flattened dump; E_UNSUPPORTED for a type or version that does not exist yet. */
export function checkFlattenedHeader(header: Uint8Array, file: string): void {
  if (!isFlattened(header) || header.length < flattenedHeaderSize) {
    throw new VmcoreError('E_NOT_A_DUMP', 'not in the flattened format', {
      file,
      offset: 0,
      hint: 'give what makedumpfile -F wrote',
    });
  }
  const view = viewOf(header);
  const type = view.getBigInt64(typeOffset);
  const version = view.getBigInt64(versionOffset);
  if (type !== flatType || version !== flatVersion) {
    throw new VmcoreError('E_UNSUPPORTED', `flattened format of type ${type}, version ${version}`, {
      file,
      offset: typeOffset,
      hint: 'type 1, version 1 is read',
    });
  }
}

export function encodeFlattenedHeader(): Uint8Array {
  const bytes = new Uint8Array(flattenedHeaderSize);
  for (let i = 0; i < signature.length; i++) bytes[i] = signature.charCodeAt(i);
  const view = viewOf(bytes);
  view.setBigInt64(typeOffset, flatType);
  view.setBigInt64(versionOffset, flatVersion);
  return bytes;
}

/** Bytes `offset` to `offset + size` of the dump follow. */
export interface FlattenedRecord {
  readonly offset: number;
  readonly size: number;
}

/** The record header at `at`; "end" for the end record. E_CORRUPT when it is neither. `fileOffset` is for the message. */
export function decodeFlattenedRecord(
  view: DataView,
  at: number,
  file: string,
  fileOffset: number,
): FlattenedRecord | 'end' {
  const offset = view.getBigInt64(at);
  const size = view.getBigInt64(at + 8);
  if (offset === endMark && size === endMark) return 'end';
  if (offset < 0n || size <= 0n || offset + size > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new VmcoreError('E_CORRUPT', `a record of ${size} bytes for offset ${offset}`, {
      file,
      offset: fileOffset,
      hint: 'transfer the dump again',
    });
  }
  return { offset: Number(offset), size: Number(size) };
}

export function encodeFlattenedRecord(record: FlattenedRecord | 'end'): Uint8Array {
  const bytes = new Uint8Array(flattenedRecordSize);
  const view = viewOf(bytes);
  view.setBigInt64(0, record === 'end' ? endMark : BigInt(record.offset));
  view.setBigInt64(8, record === 'end' ? endMark : BigInt(record.size));
  return bytes;
}

/** The stream ended before its end record. `offset` is where, in the flattened stream. */
export const flattenedEndsEarly = (file: string, offset: number): VmcoreError =>
  new VmcoreError('E_TRUNCATED', 'the flattened dump has no end record: it was cut short', {
    file,
    offset,
    hint: 'transfer the dump again, or read what is there with --cut-short',
  });
