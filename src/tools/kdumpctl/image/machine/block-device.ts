/**
 * A block device of the running system: its node, its place in sysfs, and what it is made of.
 *
 * Source of truth: Documentation/ABI/testing/sysfs-block and sysfs-block-dm (Linux 6.1); the uuid of a device-mapper device begins with who
 * made it (LVM-, CRYPT-, mpath-, part1-mpath-).
 */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { VmcoreError } from '../../../../base/errors.ts';
import { namesIn } from '../../../../sys/names-in.ts';
import { asVmcoreError } from '../../../../sys/system-error.ts';
import { type DeviceName, deviceText } from '../../conf/target.ts';
import type { LiveSystem } from './live-system.ts';

export interface BlockDevice {
  /** `/dev/vda1`, below the machine's root. */
  readonly node: string;
  /** The kernel's name: `vda1`. */
  readonly name: string;
  /** Its folder in sysfs, links resolved. */
  readonly sysfs: string;
  /** `254:1`. */
  readonly number: string;
}

const findfs = { name: 'findfs', debianPackage: 'util-linux' };
const lsblkHint = 'lsblk -f shows the devices that there are';

/** The device of that name. E_FILE when there is none, or it is no block device. */
export async function findDevice(machine: LiveSystem, device: DeviceName): Promise<BlockDevice> {
  const text = deviceText(device);
  if (device.by === 'path') return deviceAtNode(machine, device.value);
  const { status, stdout } = await machine.run(findfs, [text]);
  const node = stdout.toString().trim();
  if (status === 0 && node !== '') return deviceAtNode(machine, node);
  throw new VmcoreError('E_FILE', 'no block device has it', { file: text, hint: lsblkHint });
}

/** By a path below /dev, which may be a link. */
function deviceAtNode(machine: LiveSystem, path: string): BlockDevice {
  const file = join(machine.root, path);
  try {
    const real = realpathSync(file);
    const stat = statSync(real);
    // A recorded machine has no device nodes: there the name tells.
    const place = stat.isBlockDevice()
      ? `sys/dev/block/${major(stat.rdev)}:${minor(stat.rdev)}`
      : `sys/class/block/${basename(real).replaceAll('/', '!')}`;
    return deviceInSysfs(machine, place, path);
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot find the device', { file: path, hint: lsblkHint });
  }
}

/** By its number, `254:1`. E_FILE when there is none. */
export const deviceNumbered = (machine: LiveSystem, number: string): BlockDevice =>
  deviceInSysfs(machine, `sys/dev/block/${number}`, number);

function deviceInSysfs(machine: LiveSystem, place: string, text: string): BlockDevice {
  const link = join(machine.root, place);
  if (!existsSync(link)) {
    throw new VmcoreError('E_FILE', 'is not a block device', { file: text, hint: lsblkHint });
  }
  const sysfs = realpathSync(link);
  const name = basename(sysfs);
  return { node: `/dev/${name.replaceAll('!', '/')}`, name, sysfs, number: attribute(sysfs, 'dev') ?? '' };
}

/** dev_t as glibc has it (gnu_dev_major(), sys/sysmacros.h): major and minor interleaved. */
const major = (rdev: number): number => Number((BigInt(rdev) >> 8n) & 0xfffn);
const minor = (rdev: number): number =>
  Number((BigInt(rdev) & 0xffn) | ((BigInt(rdev) >> 12n) & 0xff_ff_ff_00n));

/** One line of sysfs; undefined when it is not there or cannot be read. */
export function attribute(folder: string, name: string): string | undefined {
  try {
    return readFileSync(join(folder, name), 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** The disk that a partition is on, or the device itself. */
export const diskOf = (sysfs: string): string =>
  existsSync(join(sysfs, 'partition')) ? dirname(sysfs) : sysfs;

/** What of the disk is in use by something else: its partitions and what is built on it, by name. */
export function usersOf({ sysfs }: BlockDevice): string[] {
  const partitions = namesIn(sysfs).filter((name) => existsSync(join(sysfs, name, 'partition')));
  const holders = namesIn(join(sysfs, 'holders'));
  return [...partitions, ...holders];
}

/** Which layers of software there are between the device and a disk, and what to do: the built-in image brings up none of them. */
export function refuseLayers(device: BlockDevice): void {
  const layer = layerOf(device.sysfs);
  if (layer === undefined) return;
  const below = namesIn(join(diskOf(device.sysfs), 'slaves'));
  const on = below.length === 0 ? '' : ` on ${below.map((name) => `/dev/${name}`).join(' and ')}`;
  throw new VmcoreError(
    'E_UNSUPPORTED',
    `is ${layer}${on}, which the built-in capture image does not bring up`,
    {
      file: device.node,
      hint: 'name another target (a plain partition, "raw" with one, ssh or nfs), or make the image with dracut, see docs/capture-image.md',
    },
  );
}

/** The folders in sysfs of the disks that it is made of, through all layers; itself where there is none. */
export function disksBelow(sysfs: string): string[] {
  const slaves = join(diskOf(sysfs), 'slaves');
  const below = namesIn(slaves);
  return below.length === 0 ? [sysfs] : below.flatMap((name) => disksBelow(realpathSync(join(slaves, name))));
}

/** In words; undefined for a device that a driver alone makes. */
function layerOf(sysfs: string): string | undefined {
  const disk = diskOf(sysfs);
  const name = basename(disk);
  const uuid = attribute(disk, 'dm/uuid');
  if (uuid !== undefined) {
    const called = attribute(disk, 'dm/name') ?? name;
    if (uuid.startsWith('LVM-')) return `the LVM volume ${called}`;
    if (uuid.startsWith('CRYPT-')) return `the encrypted (LUKS) device ${called}`;
    if (/^(part\d+-)?mpath-/.test(uuid)) return `the multipath device ${called}`;
    return `the device-mapper device ${called}`;
  }
  const level = attribute(disk, 'md/level');
  if (level !== undefined) return `the software RAID (md, ${level}) ${name}`;
  if (/\/session\d+\/target/.test(disk)) return 'an iSCSI disk';
  const transport = attribute(dirname(disk), 'transport');
  if (transport !== undefined && /\/nvme\d+\//.test(disk) && !/^(pcie|apple-nvme)$/.test(transport)) {
    return `an NVMe disk behind ${transport}`;
  }
  if (disk.includes('/devices/virtual/nvme-subsystem/')) return undefined;
  if (!disk.includes('/devices/virtual/')) return undefined;
  return `the virtual device ${name}`;
}
