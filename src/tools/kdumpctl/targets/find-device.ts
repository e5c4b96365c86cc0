/**
 * The block device that a name means, waited for: disks appear seconds after their driver is loaded, behind a storage network later still. There is
 * no udev in the capture kernel, so no /dev/disk either.
 *
 * File systems are found by their superblocks, partitions by what the kernel says of them (PARTNAME and, in newer kernels, PARTUUID in their uevent file)
 * and else by their table. A device that cannot be read is passed over: it may be another that is meant.
 */
import { lstatSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import { type PartitionTable, readPartitionTable } from '../../../formats/partitions.ts';
import { openFileUnmapped } from '../../../sys/file-source.ts';
import { namesIn } from '../../../sys/names-in.ts';
import { type DeviceName, deviceText } from '../conf/target.ts';
import type { Journal } from '../journal.ts';
import { waitFor } from './limited.ts';
import type { BlockingCall, StorePlace } from './store-place.ts';
import { type FileSystemNames, fileSystemsOn } from './superblocks.ts';

/** A disk array that starts with the machine takes the better part of a minute; who waits longer waits for nothing. Milliseconds. */
export const deviceLimit = 90_000;
/** A disk that is reset and asked again fails after three minutes (SCSI: 30 s for a command, and five more attempts), and then the next one is read. Seconds. */
const readLimit = 200;

/** The path of its node. E_FILE when there is none after `deviceLimit` milliseconds; the message says which there were. */
export async function findDevice(
  name: DeviceName,
  { deviceLimit: limit, blocking }: Pick<StorePlace, 'deviceLimit' | 'blocking'>,
  journal: Journal,
): Promise<string> {
  const wanted = withoutUdev(name);
  const first = look(wanted, blocking);
  if (first !== undefined) return first;
  journal.event('target-wait', { device: deviceText(name), limit: limit / 1000 });
  const found = await waitFor(() => look(wanted, blocking), limit, 500);
  if (found !== undefined) return found;
  throw new VmcoreError('E_FILE', `no such device after ${limit / 1000} s; there are: ${presentDevices()}`, {
    file: deviceText(name),
    hint: 'check that the disk is there, and that the capture image has the modules for it',
  });
}

const udevFolders: Readonly<Record<string, DeviceName['by']>> = {
  '/dev/disk/by-uuid': 'UUID',
  '/dev/disk/by-label': 'LABEL',
  '/dev/disk/by-partuuid': 'PARTUUID',
  '/dev/disk/by-partlabel': 'PARTLABEL',
};

/** What a link of udev's stands for: udev writes what is not harmless in a name as \xNN. */
export function withoutUdev(name: DeviceName): DeviceName {
  const by = udevFolders[dirname(name.value)];
  if (name.by !== 'path' || by === undefined) return name;
  const text = basename(name.value).replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return { by, value: Buffer.from(text, 'latin1').toString() };
}

function look({ by, value }: DeviceName, blocking: BlockingCall): string | undefined {
  switch (by) {
    case 'path':
      return statSync(value, { throwIfNoEntry: false })?.isBlockDevice() ? value : undefined;
    case 'UUID':
      return findFileSystem(({ uuid }) => uuid === value.toLowerCase(), blocking);
    case 'LABEL':
      return findFileSystem(({ label }) => label === value, blocking);
    case 'PARTUUID':
      return findPartition('uuid', (uuid) => uuid.toLowerCase() === value.toLowerCase(), blocking);
    case 'PARTLABEL':
      return findPartition('label', (label) => label === value, blocking);
  }
}

const blockFolder = '/sys/class/block';

/** `etherd!e0.0` of sysfs is /dev/etherd/e0.0 (device_get_devnode() in drivers/base/core.c, Linux 6.1). */
const nodeOf = (name: string): string => join('/dev', name.replaceAll('!', '/'));

function findFileSystem(
  isMeant: (names: FileSystemNames) => boolean,
  blocking: BlockingCall,
): string | undefined {
  for (const name of blockDevices()) {
    const link = join(blockFolder, name);
    // Without a medium; and a floppy drive takes seconds to say so.
    if (sysfsNumber(join(link, 'size')) === 0 || /^fd\d/.test(name)) continue;
    if (isPartOfAnother(link)) continue;
    const node = nodeOf(name);
    if (blocking(`reading ${node}`, readLimit, () => fileSystemsOn(node)).some(isMeant)) return node;
  }
  return undefined;
}

/**
 * Is something built on the device at `link` of sysfs, or on the disk that it is a partition of? A member of a RAID and a path of a multipath device show
 * the file system too, but only what is built on them can be mounted.
 */
export function isPartOfAnother(link: string): boolean {
  // Not by join(), which would take ".." for the folder that the link is in, and not for the disk's.
  return [`${link}/holders`, `${link}/../holders`].some((folder) => namesIn(folder).length > 0);
}

/** What the kernel calls the two in a partition's uevent file. */
const told = { uuid: 'PARTUUID', label: 'PARTNAME' } as const;

/** Looks at partitions only; a table is read where the kernel does not tell, and once for all partitions of its disk. */
function findPartition(
  by: keyof typeof told,
  isMeant: (name: string) => boolean,
  blocking: BlockingCall,
): string | undefined {
  const tables = new Map<string, PartitionTable | undefined>();
  const nameInTable = (name: string, number: number): string | undefined => {
    const disk = diskOf(name);
    if (!tables.has(disk)) {
      tables.set(
        disk,
        blocking(`reading ${nodeOf(disk)}`, readLimit, () => tableOf(disk)),
      );
    }
    return tables.get(disk)?.find((partition) => partition.number === number)?.[by];
  };
  for (const name of blockDevices()) {
    const number = sysfsNumber(join(blockFolder, name, 'partition'));
    if (number === undefined) continue;
    if (isMeant(uevent(name).get(told[by]) ?? nameInTable(name, number) ?? '')) return nodeOf(name);
  }
  return undefined;
}

const blockDevices = (): readonly string[] => namesIn(blockFolder);

/** The names of the disks and partitions of this machine that are not memory, for messages. */
function presentDevices(): string {
  const names = blockDevices().filter((name) => !/^(loop|ram|zram|fd)\d/.test(name));
  return names.length === 0 ? 'none' : names.join(', ');
}

/** /sys/class/block/vda1 leads to …/block/vda/vda1. */
const diskOf = (partition: string): string => basename(dirname(realpathSync(join(blockFolder, partition))));

function sysfsNumber(path: string): number | undefined {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const value = Number(readFileSync(path, 'latin1').trim());
  return Number.isInteger(value) ? value : undefined;
}

function uevent(name: string): ReadonlyMap<string, string> {
  const text = readFileSync(join(blockFolder, name, 'uevent'), 'utf8');
  const lines = text.split('\n').map((line): [string, string] => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)];
  });
  return new Map(lines);
}

/** Undefined when the disk has none that we read, or does not let itself be read. */
function tableOf(disk: string): PartitionTable | undefined {
  const sectorSize = sysfsNumber(join(blockFolder, disk, 'queue/logical_block_size')) ?? 512;
  try {
    const source = openFileUnmapped(nodeOf(disk));
    try {
      return readPartitionTable(source, sectorSize);
    } finally {
      source.close();
    }
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    return undefined;
  }
}
