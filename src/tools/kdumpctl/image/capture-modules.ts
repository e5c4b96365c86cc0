/** Which kernel modules a plan asks for, by what the target is on and what the machine has. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import { namesIn } from '../../../sys/names-in.ts';
import type { KdumpConf } from '../conf/kdump-conf.ts';
import type { Target } from '../conf/target.ts';
import type { NetworkPlan } from '../targets/network-plan.ts';
import { runtimeModules } from './capture-image.ts';
import { type BlockDevice, disksBelow, refuseLayers } from './machine/block-device.ts';
import { type CaptureModules, driversOf } from './machine/drivers.ts';
import type { LiveSystem } from './machine/live-system.ts';
import type { Watchdogs } from './machine/watchdogs.ts';
import { loadOrder, type ModuleIndex, type ModuleToLoad, resolve } from './modules.ts';
import type { ImageRequest } from './plan.ts';

/** What one target needs; one that the machine falls back to counts like the first. */
export interface TargetNeeds {
  readonly target: Target;
  /** What it is written to; undefined for one that is no block device. */
  readonly device: BlockDevice | undefined;
  /** The network cards' folders in sysfs. */
  readonly cards: readonly string[];
  readonly network: NetworkPlan | undefined;
}

/**
 * In load order. E_UNSUPPORTED for a device that needs more than drivers, unless a generator brings it up, E_NEEDS for a module that the capture kernel
 * lacks.
 */
export function captureModules(
  machine: LiveSystem,
  kernel: CaptureModules,
  targets: readonly TargetNeeds[],
  watchdogs: Watchdogs,
  {
    conf,
    bringUp = 'image',
  }: Pick<ImageRequest, 'bringUp'> & { readonly conf: Pick<KdumpConf, 'extraModules'> },
): ModuleToLoad[] {
  const { index } = kernel;
  const wanted: string[] = [];
  const useful: string[] = [];
  for (const { target, device, cards, network } of targets) {
    if (device !== undefined) {
      if (bringUp === 'image') refuseLayers(device);
      for (const disk of disksBelow(device.sysfs)) wanted.push(...driversOf(kernel, disk));
    }
    if (cards.length > 0) {
      wanted.push(...cards.flatMap((card) => driversOf(kernel, card)));
      // busybox' udhcpc speaks through packet sockets.
      useful.push('af_packet', ...(network?.cards.some(hasIpv6) ? ['ipv6'] : []));
    }
    if (target.kind === 'filesystem') wanted.push(...fileSystemModules(index, target.fileSystem));
    if (target.kind === 'nfs') {
      wanted.push(...fileSystemModules(index, 'nfs'));
      useful.push('nfsv4', 'nfsv3');
    }
    if (target.kind === 'virtiofs') {
      wanted.push(...fileSystemModules(index, 'virtiofs'), ...virtiofsDrivers(machine, kernel, target.tag));
    }
  }
  const named = conf.extraModules.flatMap((name) => {
    const found = resolve(index, name);
    return found.length === 0 ? [name] : found;
  });
  return loadOrder(index, [...runtimeModules, ...wanted, ...named], [...useful, ...watchdogs.modules]);
}

const hasIpv6 = ({ addresses }: NetworkPlan['cards'][number]): boolean =>
  addresses.some((address) => address.includes(':'));

/** A driver may know several file systems: ext4's has the alias fs-ext3. */
function fileSystemModules(index: ModuleIndex, type: string): readonly string[] {
  const found = resolve(index, `fs-${type}`);
  return found.length === 0 ? [type] : found;
}

/** Before Linux 6.9 no device tells its tag: then all of them are taken. */
function virtiofsDrivers(machine: LiveSystem, kernel: CaptureModules, tag: string): string[] {
  const folder = join(machine.root, 'sys/bus/virtio/drivers/virtiofs');
  const devices = namesIn(folder).filter((name) => /^virtio\d+$/.test(name));
  if (devices.length === 0) {
    throw new VmcoreError('E_FILE', 'this machine has no virtiofs device', {
      file: `virtiofs ${tag}`,
      hint: 'give the virtual machine one, or load the module virtiofs',
    });
  }
  return devices.flatMap((name) => driversOf(kernel, realpathSync(join(folder, name))));
}

/** Is the capture kernel the running one? What has a driver without a module is then built in. */
export function isRunningKernel(machine: LiveSystem, release: string): boolean {
  const file = join(machine.root, 'proc/sys/kernel/osrelease');
  return existsSync(file) && readFileSync(file, 'latin1').trim() === release;
}
