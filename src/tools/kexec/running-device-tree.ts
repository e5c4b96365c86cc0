/**
 * Device trees to start from: the running kernel's own, or a file of the user's.
 *
 * /sys/firmware/fdt is the very blob that the kernel was started with (drivers/of/fdt.c, of_fdt_raw_init()). Where it is missing,
 * /proc/device-tree shows the same tree as a folder a node and a file a property (drivers/of/kobj.c), but no memory reservations.
 */
import { type Dirent, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VmcoreError } from '../../base/errors.ts';
import { type DeviceNode, type DeviceTree, parseDeviceTree } from '../../formats/fdt.ts';
import { asVmcoreError } from '../../sys/system-error.ts';

export interface RunningDeviceTree {
  readonly tree: DeviceTree;
  /** A folder does not tell what memory is reserved: harmless for a capture kernel, whose memory is its own, but not for `-l`. */
  readonly from: 'blob' | 'folder';
  /** The file or folder. */
  readonly path: string;
}

/** Where the kernel shows its tree. */
export interface DeviceTreePlaces {
  readonly blob: string;
  readonly folder: string;
}

const kernelPlaces: DeviceTreePlaces = { blob: '/sys/firmware/fdt', folder: '/proc/device-tree' };

/** The running kernel's. E_NEEDS when it has none, E_FILE when it may not be read (by root only), E_CORRUPT when it is broken. */
export function runningDeviceTree(places: DeviceTreePlaces = kernelPlaces): RunningDeviceTree {
  const { blob, folder } = places;
  if (existsSync(blob)) return { tree: readDeviceTreeFile(blob), from: 'blob', path: blob };
  if (existsSync(folder)) return { tree: readDeviceTreeFolder(folder), from: 'folder', path: folder };
  throw new VmcoreError('E_NEEDS', `the kernel shows no device tree: no ${blob}, no ${folder}`, {
    hint: 'name one with --dtb',
  });
}

/** A blob (--dtb). E_FILE when it cannot be read; what parseDeviceTree() says when it is broken. */
export const readDeviceTreeFile = (path: string): DeviceTree => parseDeviceTree(read(path), path);

/** A folder like /proc/device-tree. Nodes and properties come sorted by name: the kernel lists them in no order. E_FILE, E_IO. */
export const readDeviceTreeFolder = (path: string): DeviceTree => ({
  reservations: [],
  bootCpu: 0,
  root: readNode(path, ''),
});

function readNode(folder: string, name: string): DeviceNode {
  const entries = list(folder);
  return {
    name,
    properties: entries
      // `name` is the kernel's own addition, from the name of the node (populate_properties() in drivers/of/fdt.c).
      .filter((entry) => entry.isFile() && entry.name !== 'name')
      .map((entry) => ({ name: entry.name, value: new Uint8Array(read(join(folder, entry.name))) })),
    children: entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => readNode(join(folder, entry.name), entry.name)),
  };
}

/** Neither links nor anything else that is not a file or folder leads anywhere: no loops. */
function list(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot list', { file: folder });
  }
}

function read(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot read', { file: path });
  }
}
