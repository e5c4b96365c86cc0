/**
 * Which kernel modules drive a device: its own driver and those of everything it hangs on, up to the root of the device tree.
 *
 * The running system shows it: every folder of /sys/devices may have a `driver`, whose `module` is its module, and a `modalias`, which the
 * modules of another kernel can be asked for too. Source of truth: Documentation/driver-api/driver-model (Linux 6.1).
 */
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { VmcoreError } from '../../../../base/errors.ts';
import { namesIn } from '../../../../sys/names-in.ts';
import { type ModuleIndex, moduleName, modulesForDevice } from '../modules.ts';
import { attribute } from './block-device.ts';

export interface CaptureModules {
  readonly index: ModuleIndex;
  /** Whether that is the running kernel: what has a driver without a module then needs none. */
  readonly isRunning: boolean;
}

/**
 * Names of modules, nearest to the root first, for the device whose folder is `device` (links resolved). E_NEEDS when the running
 * kernel drives it with a module that the capture kernel has nothing for.
 */
export function driversOf(kernel: CaptureModules, device: string): string[] {
  const found = new Set<string>();
  for (const folder of neededDevices(device)) {
    for (const name of driversOfOne(kernel, folder)) found.add(name);
  }
  return [...found];
}

/** The devices that must work for this one to: those above it, and their suppliers (clocks, regulators, PHYs); each after what it needs. */
function neededDevices(device: string, seen: Set<string> = new Set()): string[] {
  if (seen.has(device) || basename(device) === 'devices' || device === '/') return [];
  seen.add(device);
  const suppliers = namesIn(device)
    .filter((name) => name.startsWith('supplier:'))
    .map((name) => join(device, name, 'supplier'))
    .concat(pathsOfSubsystem(device), join(device, 'phydev'))
    .filter((path) => existsSync(path))
    .map((path) => realpathSync(path));
  return [
    ...neededDevices(dirname(device), seen),
    ...suppliers.flatMap((one) => neededDevices(one, seen)),
    device,
  ];
}

/** An NVMe disk that could have several controllers is not below one: its subsystem has links to them (drivers/nvme/host/core.c). */
const pathsOfSubsystem = (folder: string): string[] =>
  basename(folder).startsWith('nvme-subsys')
    ? namesIn(folder)
        .filter((name) => /^nvme\d+$/.test(name))
        .map((name) => join(folder, name))
    : [];

function driversOfOne({ index, isRunning }: CaptureModules, device: string): readonly string[] {
  const driver = join(device, 'driver');
  if (!existsSync(driver)) return [];
  const module = join(driver, 'module');
  const running = existsSync(module) ? moduleName(basename(realpathSync(module))) : undefined;
  if (running !== undefined && (index.modules.has(running) || index.builtin.has(running))) return [running];
  if (running === undefined && isRunning) return [];
  // Another kernel may have it under another name, or as a module where the running one has it built in.
  const modalias = attribute(device, 'modalias');
  const matching = modalias === undefined || modalias === '' ? [] : modulesForDevice(index, modalias);
  if (matching.length > 0) return matching;
  if (running === undefined) return [];
  throw new VmcoreError('E_NEEDS', `kernel ${index.release} has no module ${running}, which drives it`, {
    file: device,
    hint: 'install the whole module package of that kernel',
  });
}
