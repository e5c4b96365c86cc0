/**
 * A disk in place of the machine's own: the same kind of file system with the same UUID or LABEL, or a partition with the same PARTUUID, on the same
 * bus where QEMU has it. It is empty, and as large as the rehearsed machine needs.
 *
 * Sources: mkfs.ext4(8), mkfs.xfs(8), mkfs.btrfs(8), sfdisk(8) of util-linux 2.38.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import { requireProgram, runChecked } from '../../../sys/programs.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';
import {
  type DeviceName,
  deviceText,
  type FileSystem,
  type FileSystemTarget,
  type RawTarget,
} from '../../kdumpctl/conf/target.ts';
import type { ImagePlan } from '../../kdumpctl/image/plan.ts';
import { wholeDumpNames } from '../../kdumpctl/save/names.ts';
import { recoverRaw } from '../../kdumpctl/targets/recover-raw.ts';
import { busModules, type DiskBus } from '../devices.ts';
import { listFolder, takeFile } from '../disk.ts';
import { newestDumpBelow } from './newest-dump.ts';
import { drivenBy, type StandIn, withConf, withModules } from './stand-in.ts';

/** Which module tells that a disk is on that bus. */
const busDrivers: Readonly<Record<DiskBus, string>> = {
  nvme: 'nvme',
  virtio: 'virtio_blk',
  'virtio-scsi': 'virtio_scsi',
  ahci: 'ahci',
};

/** Where a partition begins, and what a GPT takes at the end; bytes. */
const partitionStart = 2 ** 20;
const partitionEnd = 2 ** 20;

const sfdisk = { name: 'sfdisk', debianPackage: 'fdisk' };
const dd = { name: 'dd', debianPackage: 'coreutils' };
const mount = { name: 'mount', debianPackage: 'mount' };
const umount = { name: 'umount', debianPackage: 'mount' };

/** `size`: bytes. E_NEEDS when what makes the file system is not installed, E_UNSUPPORTED for what cannot be made. */
export async function standInDisk(
  plan: ImagePlan,
  target: FileSystemTarget | RawTarget,
  folder: string,
  size: number,
): Promise<StandIn> {
  const differences: string[] = [];
  const bus = drivenBy(plan, busDrivers);
  const planned = bus === undefined ? await withModules(plan, busModules.virtio) : plan;
  if (bus === undefined) {
    differences.push(
      'QEMU has no disk controller of the kind of yours: the disk is on virtio, and the image has its modules as well',
    );
  }
  const name = standInName(target);
  if (name !== target.device) {
    differences.push(`the disk is found by ${name.by}, not as ${deviceText(target.device)}`);
  }
  const disk = join(folder, 'target.img');
  newFile(disk, size);
  const isPartition = name.by === 'PARTUUID';
  const image = isPartition ? join(folder, 'partition.img') : disk;
  if (isPartition) {
    newFile(image, size - partitionStart - partitionEnd);
    await makeTable(disk, name.value);
  }
  if (target.kind === 'filesystem') {
    await makeFileSystem(image, target.fileSystem, name);
    if (isPartition) await copySparse(image, disk, { to: partitionStart / mebibyte });
  }
  return {
    plan: withConf(planned, { ...planned.conf, target: { ...target, device: name } }),
    disks: [{ file: disk, bus: bus ?? 'virtio', access: 'read-write' }],
    network: undefined,
    differences,
    async takeDump() {
      if (isPartition) await copySparse(disk, image, { from: partitionStart / mebibyte });
      if (target.kind === 'raw') return recoverRaw(image, folder, new Date())?.file;
      return takeFrom(image, target.fileSystem, plan.conf.path, folder);
    },
    close: async () => {},
  };
}

/** A name that can be given to a disk; the node of one cannot. */
function standInName({ kind, device }: FileSystemTarget | RawTarget): DeviceName {
  if (
    device.by === 'PARTUUID' ||
    (kind === 'filesystem' && (device.by === 'UUID' || device.by === 'LABEL'))
  ) {
    return device;
  }
  return { by: kind === 'raw' ? 'PARTUUID' : 'UUID', value: randomUUID() };
}

/** Sparse, 0600. */
function newFile(path: string, size: number): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
    truncateSync(path, size);
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot make the disk', { file: path });
  }
}

/** How each mkfs takes a UUID and a label. */
const makers: Readonly<
  Partial<
    Record<
      FileSystem,
      { readonly name: string; readonly debianPackage: string; uuid(value: string): string[] }
    >
  >
> = {
  ext2: { name: 'mkfs.ext2', debianPackage: 'e2fsprogs', uuid: (value) => ['-F', '-U', value] },
  ext3: { name: 'mkfs.ext3', debianPackage: 'e2fsprogs', uuid: (value) => ['-F', '-U', value] },
  ext4: { name: 'mkfs.ext4', debianPackage: 'e2fsprogs', uuid: (value) => ['-F', '-U', value] },
  xfs: { name: 'mkfs.xfs', debianPackage: 'xfsprogs', uuid: (value) => ['-f', '-m', `uuid=${value}`] },
  btrfs: { name: 'mkfs.btrfs', debianPackage: 'btrfs-progs', uuid: (value) => ['-f', '-U', value] },
};

async function makeFileSystem(image: string, type: FileSystem, name: DeviceName): Promise<void> {
  const maker = makers[type];
  if (maker === undefined) {
    throw new VmcoreError('E_UNSUPPORTED', `a ${type} file system cannot be rehearsed`, {
      hint: 'rehearse with ext4, xfs or btrfs',
    });
  }
  const label = name.by === 'LABEL' ? ['-L', name.value] : [];
  const uuid = maker.uuid(name.by === 'UUID' ? name.value : randomUUID());
  await runChecked(requireProgram(maker), ['-q', ...label, ...uuid, image]);
}

/** One partition with that PARTUUID, which is a UUID in a GPT, and signature and number in an MBR. */
async function makeTable(disk: string, partUuid: string): Promise<void> {
  const [, signature, number] = /^([0-9a-f]{8})-(\d\d)$/i.exec(partUuid) ?? [];
  const place = `start=${partitionStart / mebibyte}MiB`;
  const lines =
    signature === undefined
      ? ['label: gpt', `${place}, uuid=${partUuid}`]
      : ['label: dos', `label-id: 0x${signature}`, `${Number(number)} : ${place}, type=83`];
  await runChecked(requireProgram(sfdisk), ['-q', disk], { input: `${lines.join('\n')}\n` });
}

const mebibyte = 2 ** 20;

/** `from` and `to`: where in the one, and in the other, MiB. Holes stay holes. */
async function copySparse(
  source: string,
  destination: string,
  { from = 0, to = 0 }: { readonly from?: number; readonly to?: number },
): Promise<void> {
  await runChecked(requireProgram(dd), [
    ...[`if=${source}`, `of=${destination}`, 'bs=1M', `skip=${from}`, `seek=${to}`],
    ...['conv=notrunc,sparse', 'status=none'],
  ]);
}

/** debugfs reads ext without being root; the others must be mounted. */
async function takeFrom(
  image: string,
  type: FileSystem,
  path: string,
  folder: string,
): Promise<string | undefined> {
  if (type.startsWith('ext')) return takeFromExt(image, path, folder);
  const mounted = join(folder, 'mounted');
  mkdirSync(mounted);
  // Its log was not replayed when the machine went down without unmounting, and is not replayed here.
  const options = ['loop', 'ro', ...(type === 'xfs' ? ['norecovery'] : [])].join(',');
  await runChecked(requireProgram(mount), ['-t', type, '-o', options, image, mounted]);
  try {
    const found = newestDumpBelow(join(mounted, path));
    if (found === undefined) return undefined;
    const taken = join(folder, 'vmcore');
    await copySparse(found, taken, {});
    return taken;
  } finally {
    await runChecked(requireProgram(umount), [mounted]);
  }
}

async function takeFromExt(image: string, path: string, folder: string): Promise<string | undefined> {
  const folders = (await listFolder(image, path)).filter(({ size }) => size === undefined);
  const newest = folders
    .map(({ name }) => name)
    .toSorted()
    .at(-1);
  if (newest === undefined) return undefined;
  const entries = await listFolder(image, join(path, newest));
  const dump = entries.find(({ name }) => wholeDumpNames.includes(name));
  if (dump === undefined) return undefined;
  const taken = join(folder, dump.name);
  await takeFile(image, join(path, newest, dump.name), dump.size ?? 0, taken);
  return taken;
}
