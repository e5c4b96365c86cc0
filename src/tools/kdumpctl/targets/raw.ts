/**
 * A block device without a file system as the target: the dump as a flattened stream, from the first byte of the device on, which is what
 * `makedumpfile -R` reads from it and what the next start of the service takes off it (recover-raw.ts).
 *
 * The stream on the device always ends where the dump does, whatever else lies behind it from before: after each record there are 16 bytes of zeros,
 * which are no record, and the next record takes their place only when its bytes are there, its header last. So a save that is killed leaves
 * a dump that is cut short, and nothing of an older dump is taken for a part of it.
 */
import { closeSync, constants, fstatSync, fsyncSync, openSync, writeSync } from 'node:fs';
import type { ByteSink } from '../../../base/byte-sink.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { formatSize } from '../../../base/units.ts';
import {
  encodeFlattenedHeader,
  encodeFlattenedRecord,
  flattenedHeaderSize,
  flattenedRecordSize,
} from '../../../formats/flattened.ts';
import { deviceSize } from '../../../sys/block-device.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';
import { type RawTarget, targetText } from '../conf/target.ts';
import type { Journal } from '../journal.ts';
import type { DumpStore, DumpWriter } from './dump-store.ts';
import { findDevice } from './find-device.ts';
import type { StorePlace } from './store-place.ts';

/** No dump of a kernel is smaller: a device of this size was not meant. Bytes. */
const leastDevice = 4 << 20;

/**
 * E_FILE when the device does not appear, E_NO_SPACE when it is too small for any dump, E_EXISTS when it is in use, mounted for one. Whether
 * a dump fits is known only when it was written, but free() tells what there is.
 */
export async function openRaw(target: RawTarget, place: StorePlace, journal: Journal): Promise<DumpStore> {
  const device = await findDevice(target.device, place, journal);
  return rawStore(device, targetText(target));
}

/** `device` may be a file too. `target` is for people. */
export function rawStore(device: string, target: string): DumpStore {
  const file = openExclusively(device);
  const { size } = file;
  if (size < leastDevice) {
    closeSync(file.fd);
    throw new VmcoreError('E_NO_SPACE', `no dump fits into ${formatSize(size)}`, {
      file: device,
      hint: 'name a partition that is as large as the memory of the machine',
    });
  }
  return {
    place: target,
    free: () => size,
    saveFile: async () => false,
    beginDump: async (name, shape) =>
      shape === 'plain' ? plainWriter(file, name) : flattenedWriter(file, name),
    close: async () => closeSync(file.fd),
  };
}

interface RawDevice {
  readonly name: string;
  readonly fd: number;
  /** Bytes. */
  readonly size: number;
}

/** O_EXCL without O_CREAT: the kernel refuses a device that is mounted or part of another (man 2 open). */
function openExclusively(device: string): RawDevice {
  try {
    const probe = openSync(device, constants.O_RDONLY);
    const stat = fstatSync(probe);
    const size = stat.isFile() ? stat.size : deviceSize(probe);
    closeSync(probe);
    return { name: device, fd: openSync(device, constants.O_WRONLY | constants.O_EXCL), size };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EBUSY') {
      throw new VmcoreError('E_EXISTS', 'is in use: mounted, or part of another device', {
        file: device,
        hint: 'name a partition that nothing else uses',
        cause,
      });
    }
    throw asVmcoreError(cause, 'cannot open', { file: device });
  }
}

function writeAt({ fd, name, size }: RawDevice, offset: number, bytes: Uint8Array): void {
  // A file would grow, a device would not.
  if (offset + bytes.length > size) {
    throw new VmcoreError('E_NO_SPACE', `the dump does not fit into ${formatSize(size)}`, {
      file: name,
      offset,
      hint: 'name a larger partition, or a higher dump level',
    });
  }
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
    } catch (cause) {
      throw asVmcoreError(cause, 'cannot write', { file: name, offset: offset + done });
    }
  }
}

function sync({ fd, name }: RawDevice): void {
  try {
    fsyncSync(fd);
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot bring to disk', { file: name });
  }
}

/** The bytes as they are. It has no header that says where it ends, so nothing takes it off the device by itself. */
function plainWriter(device: RawDevice, name: string): DumpWriter {
  return {
    sink: {
      name: device.name,
      rewritable: true,
      unwritten: 'unknown',
      write: (offset, bytes) => writeAt(device, offset, bytes),
    },
    async finish() {
      sync(device);
      return name;
    },
  };
}

const guard = new Uint8Array(flattenedRecordSize);

function flattenedWriter(device: RawDevice, name: string): DumpWriter {
  let at = flattenedHeaderSize;
  // The header last: until then, what an earlier dump left there is no dump any more.
  writeAt(device, 0, new Uint8Array(flattenedHeaderSize + flattenedRecordSize));
  writeAt(device, 0, encodeFlattenedHeader());
  const sink: ByteSink = {
    name: device.name,
    rewritable: false,
    unwritten: 'zeros',
    write(offset, bytes) {
      // A record of no bytes is none.
      if (bytes.length === 0) return;
      const dataAt = at + flattenedRecordSize;
      writeAt(device, dataAt, bytes);
      writeAt(device, dataAt + bytes.length, guard);
      writeAt(device, at, encodeFlattenedRecord({ offset, size: bytes.length }));
      at = dataAt + bytes.length;
    },
  };
  return {
    sink,
    async finish(outcome) {
      // Without its end record, it is known to be cut short.
      if (outcome === 'complete') writeAt(device, at, encodeFlattenedRecord('end'));
      sync(device);
      return name;
    },
  };
}
