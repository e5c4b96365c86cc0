/**
 * At the next start of the service: the dump that the capture kernel left on a raw device becomes a file, and its header is wiped, so that it is not
 * taken off twice. The device is only read until the file is safe. Layout: raw.ts.
 */
import {
  closeSync,
  constants,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ByteSource } from '../../../base/byte-source.ts';
import { viewOf } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { formatSize } from '../../../base/units.ts';
import {
  decodeFlattenedRecord,
  flattenedHeaderSize,
  flattenedRecordSize,
  isFlattened,
} from '../../../formats/flattened.ts';
import { FileSink, syncDirectoryOf } from '../../../sys/file-sink.ts';
import { openFileUnmapped } from '../../../sys/file-source.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';
import { type ByteInput, rearrange } from '../../makedumpfile/rearrange.ts';
import { folderName, makeDumpFolder } from './dump-folder.ts';
import { incompleteName } from './dump-store.ts';

export interface RecoveredDump {
  /** vmcore, or vmcore-incomplete in the dump's own folder. */
  readonly file: string;
  readonly outcome: 'complete' | 'incomplete';
  /** Of the dump, as it came off the device. */
  readonly bytes: number;
}

/**
 * Takes the flattened dump off `device` (a node, or a file) into a folder of its own below `folder`. Undefined when there is none. E_NO_SPACE when
 * it does not fit there: nothing is left behind then, and the dump stays on the device.
 */
export function recoverRaw(device: string, folder: string, now: Date): RecoveredDump | undefined {
  const source = openFileUnmapped(device);
  let recovered: RecoveredDump;
  try {
    const stream = findStream(source);
    if (stream === undefined) return undefined;
    recovered = copyOut(source, stream, folder, now);
  } finally {
    source.close();
  }
  wipeHeader(device);
  return recovered;
}

/** A flattened dump, from byte 0 of a device on. */
interface Stream {
  /** Behind the end record or, where there is none, behind the last whole record. */
  readonly end: number;
  readonly isWhole: boolean;
  /** Bytes in its records. */
  readonly bytes: number;
}

/** Goes from record to record, to where they end: whatever comes behind is of another time. */
function findStream(source: ByteSource): Stream | undefined {
  const head = new Uint8Array(flattenedHeaderSize);
  if (source.read(0, head) < head.length || !isFlattened(head)) return undefined;
  const header = new Uint8Array(flattenedRecordSize);
  let at = flattenedHeaderSize;
  let bytes = 0;
  while (source.read(at, header) === header.length) {
    const record = recordAt(header, source.name, at);
    if (record === 'end') return { end: at + flattenedRecordSize, isWhole: true, bytes };
    if (record === undefined || at + flattenedRecordSize + record.size > source.size) break;
    at += flattenedRecordSize + record.size;
    bytes += record.size;
  }
  return { end: at, isWhole: false, bytes };
}

function recordAt(
  header: Uint8Array,
  file: string,
  offset: number,
): ReturnType<typeof decodeFlattenedRecord> | undefined {
  try {
    return decodeFlattenedRecord(viewOf(header), 0, file, offset);
  } catch (error) {
    if (error instanceof VmcoreError && error.code === 'E_CORRUPT') return undefined;
    throw error;
  }
}

function copyOut(source: ByteSource, stream: Stream, parent: string, now: Date): RecoveredDump {
  const folder = makeDumpFolder(parent, folderName('127.0.0.1', now), parent);
  const incomplete = join(folder, incompleteName(dump));
  try {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < stream.bytes) throw noRoom(parent, stream.bytes);
    copyRecords(source, stream, incomplete);
  } catch (error) {
    // The dump is still on the device.
    rmSync(folder, { recursive: true });
    throw error;
  }
  const file = stream.isWhole ? join(folder, dump) : incomplete;
  if (stream.isWhole) renameSync(incomplete, file);
  syncDirectoryOf(file);
  return { file, outcome: stream.isWhole ? 'complete' : 'incomplete', bytes: stream.bytes };
}

const dump = 'vmcore';

const noRoom = (folder: string, bytes: number): VmcoreError =>
  new VmcoreError('E_NO_SPACE', `no room for the dump of ${formatSize(bytes)} that is on the raw device`, {
    file: folder,
    hint: 'free some space and start the service again',
  });

function copyRecords(source: ByteSource, { end, isWhole }: Stream, file: string): void {
  const sink = new FileSink(file, 'refuse');
  try {
    rearrange(upTo(source, end), sink);
  } catch (error) {
    const isCut = !isWhole && error instanceof VmcoreError && error.code === 'E_TRUNCATED';
    if (!isCut) {
      sink.discard();
      throw error;
    }
  }
  sink.finish('disk');
}

/** The first `end` bytes of a source, as a stream. */
function upTo(source: ByteSource, end: number): ByteInput {
  let at = 0;
  return {
    name: source.name,
    read(into) {
      const got = source.read(at, into.subarray(0, Math.min(into.length, end - at)));
      at += got;
      return got;
    },
  };
}

/** Zeros over what makes it a dump, safe on the disk. */
function wipeHeader(device: string): void {
  try {
    const fd = openSync(device, constants.O_WRONLY);
    try {
      writeSync(fd, new Uint8Array(flattenedHeaderSize), 0, flattenedHeaderSize, 0);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    throw asVmcoreError(cause, 'the dump was taken off it, but cannot be marked as such', { file: device });
  }
}
