/**
 * The target as it is on the running system: which device, file system and folder, by names that still hold in the capture kernel.
 *
 * Device nodes are named anew at each boot, so a file system is known by its UUID and a raw partition by its PARTUUID. The path inside a file
 * system is counted from its top: on btrfs from the top-level subvolume, which is what the capture kernel mounts.
 */
import { posix } from 'node:path';
import { VmcoreError } from '../../../../base/errors.ts';
import { namesIn } from '../../../../sys/names-in.ts';
import {
  type DeviceName,
  deviceText,
  type FileSystem,
  type FileSystemTarget,
  fileSystems,
  isWrong,
  parseTarget,
  type RawTarget,
  type Target,
  targetText,
} from '../../conf/target.ts';
import type { PlaceNow } from '../plan.ts';
import { type BlockDevice, deviceNumbered, findDevice, usersOf } from './block-device.ts';
import type { LiveSystem } from './live-system.ts';
import { type Mount, mountHolding, mountsOf, resolvedPath } from './mounts.ts';
import { type Signature, signatureOf } from './signature.ts';

export interface ResolvedTarget {
  readonly target: Exclude<Target, { kind: 'path' }>;
  /** The folder on the target. */
  readonly path: string;
  readonly place: PlaceNow;
  /** What the target is written to; undefined for one that is no block device. */
  readonly device: BlockDevice | undefined;
  readonly warnings: readonly string[];
}

const isFileSystem = (type: string): type is FileSystem => fileSystems.some((name) => name === type);

/** E_FILE for what is not there, E_USAGE for what contradicts what is there, E_UNSUPPORTED for a file system that no dump is saved to. */
export async function resolveTarget(
  machine: LiveSystem,
  { target, path }: { readonly target: Target; readonly path: string },
): Promise<ResolvedTarget> {
  switch (target.kind) {
    case 'path':
      return resolvePath(machine, path);
    case 'filesystem':
      return resolveFileSystem(machine, target, path);
    case 'raw':
      return resolveRaw(machine, target, path);
    case 'ssh':
    case 'nfs':
    case 'virtiofs':
      return { target, path, place: mountedPlace(machine, target, path), device: undefined, warnings: [] };
  }
}

/** The folder `path` of the running system, on whatever holds it. */
export async function resolvePath(machine: LiveSystem, path: string): Promise<ResolvedTarget> {
  const real = resolvedPath(machine, path);
  const held = mountHolding(mountsOf(machine), real);
  if (held === undefined) {
    throw new VmcoreError('E_FILE', 'no file system holds it', { file: path, hint: 'mount /proc' });
  }
  const { mount, inside } = held;
  const place: PlaceNow = { kind: 'mounted', mountPoint: mount.mountPoint, folder: real };
  const warnings = writableWarnings(mount);
  const served = servedTarget(mount);
  if (served !== undefined) return { target: served, path: inside, place, device: undefined, warnings };
  if (!isFileSystem(mount.type)) {
    throw new VmcoreError(
      'E_UNSUPPORTED',
      `is on ${mount.mountPoint}, of type ${mount.type}, which no dump is saved to`,
      {
        file: path,
        hint: `name a folder on ${fileSystems.join(', ')}, nfs or virtiofs, or another target`,
      },
    );
  }
  const device = await deviceOfMount(machine, mount);
  const named = await nameForCapture(machine, device, mount.type);
  return {
    target: { kind: 'filesystem', fileSystem: mount.type, device: named.name },
    path: inside,
    place,
    device,
    warnings: [...warnings, ...named.warnings],
  };
}

/** What is mounted from a server or from the host, as the target that it is. */
function servedTarget({ type, source }: Mount): ResolvedTarget['target'] | undefined {
  const key = type === 'nfs' || type === 'nfs4' ? 'nfs' : type;
  if (key !== 'nfs' && key !== 'virtiofs') return undefined;
  const target = parseTarget(key, source, '');
  return isWrong(target) || target.kind === 'path' ? undefined : target;
}

/** btrfs and overlays invent device numbers; there the source is the device. */
async function deviceOfMount(machine: LiveSystem, mount: Mount): Promise<BlockDevice> {
  if (!mount.device.startsWith('0:')) return deviceNumbered(machine, mount.device);
  return findDevice(machine, { by: 'path', value: mount.source });
}

async function resolveFileSystem(
  machine: LiveSystem,
  target: FileSystemTarget,
  path: string,
): Promise<ResolvedTarget> {
  const device = await findDevice(machine, target.device);
  const mount = mountOf(machine, device);
  const named = await nameForCapture(machine, device, mount?.type);
  const actual = named.type ?? 'nothing known';
  if (!isFileSystem(actual) || !canMountAs(target.fileSystem, actual)) {
    throw new VmcoreError('E_USAGE', `holds ${actual}, not ${target.fileSystem}`, {
      file: deviceText(target.device),
      hint: isFileSystem(actual)
        ? `write "${targetText({ ...target, fileSystem: actual })}"`
        : `name a device that holds ${target.fileSystem}; lsblk -f shows what there is`,
    });
  }
  const inside = posix.join('/', mount?.root ?? '/', path);
  const place: PlaceNow =
    mount === undefined
      ? { kind: 'device', node: device.node }
      : { kind: 'mounted', mountPoint: mount.mountPoint, folder: posix.join(mount.mountPoint, path) };
  return {
    target: { kind: 'filesystem', fileSystem: actual, device: named.name },
    path: inside,
    place,
    device,
    warnings: [...(mount === undefined ? [] : writableWarnings(mount)), ...named.warnings],
  };
}

/** The drivers of ext4 mount what is older. */
const canMountAs = (wanted: FileSystem, actual: FileSystem): boolean =>
  wanted === actual || (/^ext[23]$/.test(actual) && wanted.startsWith('ext') && wanted > actual);

const mountOf = (machine: LiveSystem, device: BlockDevice): Mount | undefined =>
  mountsOf(machine).find(
    ({ device: number, source }) =>
      number === device.number || (number.startsWith('0:') && source === device.node),
  );

interface Named {
  readonly name: DeviceName;
  readonly type: string | undefined;
  readonly warnings: readonly string[];
}

/** `mountedType`: what the kernel has it mounted as, where that is known. */
async function nameForCapture(
  machine: LiveSystem,
  device: BlockDevice,
  mountedType: string | undefined,
): Promise<Named> {
  let signature: Signature;
  try {
    signature = await signatureOf(machine, device);
  } catch (error) {
    if (!(error instanceof VmcoreError) || mountedType === undefined) throw error;
    return {
      name: { by: 'path', value: device.node },
      type: mountedType,
      warnings: [
        `${device.node} will be looked for by this name, which another boot may give to another disk: ${error.message}`,
      ],
    };
  }
  refuseManyDevices(machine, device, signature);
  const { type = mountedType, uuid, partUuid } = signature;
  const names: DeviceName[] = [
    ...(uuid === undefined ? [] : [{ by: 'UUID', value: uuid } as const]),
    ...(partUuid === undefined ? [] : [{ by: 'PARTUUID', value: partUuid } as const]),
  ];
  for (const name of names) {
    // A copy of a disk has the same UUID, and would be as good a match.
    if (await leadsTo(machine, name, device)) return { name, type, warnings: [] };
  }
  return {
    name: { by: 'path', value: device.node },
    type,
    warnings: [`${device.node} has no UUID of its own: another boot may give its name to another disk`],
  };
}

async function leadsTo(machine: LiveSystem, name: DeviceName, device: BlockDevice): Promise<boolean> {
  try {
    return (await findDevice(machine, name)).number === device.number;
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    return false;
  }
}

/** A btrfs on several devices is mounted only when each has been told to the kernel. */
function refuseManyDevices(machine: LiveSystem, device: BlockDevice, { type, uuid }: Signature): void {
  if (type !== 'btrfs' || uuid === undefined) return;
  const members = namesIn(`${machine.root}/sys/fs/btrfs/${uuid}/devices`);
  if (members.length < 2) return;
  throw new VmcoreError(
    'E_UNSUPPORTED',
    `is one of ${members.length} devices of a btrfs (${members.join(', ')}), which the built-in capture image does not bring up`,
    { file: device.node, hint: 'name another target: a file system on one device, "raw", ssh or nfs' },
  );
}

async function resolveRaw(machine: LiveSystem, target: RawTarget, path: string): Promise<ResolvedTarget> {
  const device = await findDevice(machine, target.device);
  const mount = mountOf(machine, device);
  const inUse =
    mount === undefined
      ? usersOf(device).map((name) => `/dev/${name} is on it`)
      : [`it is mounted at ${mount.mountPoint}`];
  const [use] = inUse;
  if (use !== undefined) {
    throw new VmcoreError('E_USAGE', `a dump would overwrite it, and ${use}`, {
      file: deviceText(target.device),
      hint: 'name a partition that is used for nothing else',
    });
  }
  const { type, partUuid } = await signatureOf(machine, device);
  const warnings = type === undefined ? [] : [`${device.node} holds ${type}: a dump overwrites it`];
  const place: PlaceNow = { kind: 'device', node: device.node };
  const byPartition: DeviceName | undefined =
    partUuid === undefined ? undefined : { by: 'PARTUUID', value: partUuid };
  if (byPartition !== undefined && (await leadsTo(machine, byPartition, device))) {
    return { target: { kind: 'raw', device: byPartition }, path, place, device, warnings };
  }
  return {
    target: { kind: 'raw', device: { by: 'path', value: device.node } },
    path,
    place,
    device,
    warnings: [
      ...warnings,
      `${device.node} has no PARTUUID of its own: another boot may give its name to another disk, which a dump would overwrite`,
    ],
  };
}

const writableWarnings = ({ access, mountPoint }: Mount): string[] =>
  access === 'read-write' ? [] : [`${mountPoint} is mounted read-only now`];

/** Where an export or a tag is mounted, if it is: what is free there is free for the dump. */
function mountedPlace(machine: LiveSystem, target: Target, path: string): PlaceNow {
  const mount = mountsOf(machine).find((one) => {
    const served = servedTarget(one);
    return served !== undefined && targetText(served) === targetText(target);
  });
  if (mount === undefined) return { kind: 'remote' };
  return { kind: 'mounted', mountPoint: mount.mountPoint, folder: posix.join(mount.mountPoint, path) };
}
