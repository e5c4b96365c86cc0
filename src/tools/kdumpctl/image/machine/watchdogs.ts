/**
 * Watchdogs that run while the machine crashes: when nobody pings them in the capture kernel, they end the save.
 *
 * Source of truth: Documentation/ABI/testing/sysfs-class-watchdog (Linux 6.1). `state` is not there in every kernel; a watchdog without one may
 * be running.
 */
import { existsSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { namesIn } from '../../../../sys/names-in.ts';
import { moduleName } from '../modules.ts';
import { attribute } from './block-device.ts';
import { type CaptureModules, driversOf } from './drivers.ts';
import type { LiveSystem } from './live-system.ts';

export interface Watchdogs {
  /** Modules of their own, whose parameters can be given on the command line. */
  readonly drivers: readonly string[];
  /** All modules that they need. */
  readonly modules: readonly string[];
}

export function watchdogsOf(machine: LiveSystem, kernel: CaptureModules): Watchdogs {
  const drivers = new Set<string>();
  const modules = new Set<string>();
  const folder = join(machine.root, 'sys/class/watchdog');
  for (const name of namesIn(folder)) {
    if ((attribute(join(folder, name), 'state') ?? 'active') !== 'active') continue;
    const device = join(folder, name, 'device');
    if (!existsSync(device)) {
      for (const driver of loadedDrivers(machine, kernel)) {
        drivers.add(driver);
        modules.add(driver);
      }
      continue;
    }
    const own = join(device, 'driver/module');
    if (existsSync(own)) drivers.add(moduleName(basename(realpathSync(own))));
    for (const module of driversOf(kernel, realpathSync(device))) modules.add(module);
  }
  return { drivers: [...drivers], modules: [...modules] };
}

/**
 * Some drivers do not say which device their watchdog is (i6300esb in Linux 6.1): any that is loaded may be it. softdog ends with its kernel.
 */
const loadedDrivers = (machine: LiveSystem, { index }: CaptureModules): string[] =>
  namesIn(join(machine.root, 'sys/module')).filter(
    (name) => name !== 'softdog' && index.modules.get(name)?.path.includes('/watchdog/') === true,
  );
