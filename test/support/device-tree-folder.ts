/** A device tree as /proc/device-tree shows it: a folder a node, a file a property. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceNode } from '../../src/formats/fdt.ts';

/** Names are the test's own. */
export function writeDeviceTreeFolder(node: DeviceNode, folder: string): void {
  mkdirSync(folder);
  for (const { name, value } of node.properties) writeFileSync(join(folder, name), value);
  for (const child of node.children) writeDeviceTreeFolder(child, join(folder, child.name));
}
