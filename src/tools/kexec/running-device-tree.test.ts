import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { writeDeviceTreeFolder } from '../../../test/support/device-tree-folder.ts';
import { failsWith } from '../../../test/support/expect-error.ts';
import type { DeviceNode, DeviceTree } from '../../formats/fdt.ts';
import { writeDeviceTree } from '../../formats/fdt-writer.ts';
import { readDeviceTreeFile, readDeviceTreeFolder, runningDeviceTree } from './running-device-tree.ts';

const folder = mkdtempSync(join(tmpdir(), 'vmcore-device-tree-'));
after(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);

/** Sorted by name, as a folder comes. */
const root: DeviceNode = {
  name: '',
  properties: [
    { name: '#address-cells', value: Uint8Array.of(0, 0, 0, 2) },
    { name: 'compatible', value: Uint8Array.of(0x61, 0, 0xff) },
  ],
  children: [
    { name: 'chosen', properties: [], children: [] },
    {
      name: 'soc',
      properties: [{ name: 'ranges', value: new Uint8Array() }],
      children: [{ name: 'serial@9000000', properties: [], children: [] }],
    },
  ],
};
const tree: DeviceTree = { reservations: [{ address: 0x1000, size: 0x1000 }], bootCpu: 2, root };
const fromFolder: DeviceTree = { reservations: [], bootCpu: 0, root };

describe('the tree that the running kernel shows', () => {
  writeFileSync(path('fdt'), writeDeviceTree(tree));
  writeDeviceTreeFolder(root, path('base'));

  it('is the blob it was started with', () => {
    const places = { blob: path('fdt'), folder: path('base') };
    assert.deepEqual(runningDeviceTree(places), { tree, from: 'blob', path: path('fdt') });
  });

  it('is its folder where there is no blob, through a link as in /proc', () => {
    symlinkSync(path('base'), path('device-tree'));
    const places = { blob: path('missing'), folder: path('device-tree') };
    assert.deepEqual(runningDeviceTree(places), {
      tree: fromFolder,
      from: 'folder',
      path: path('device-tree'),
    });
  });

  it('is missing on machines that have none', () => {
    assert.throws(
      () => runningDeviceTree({ blob: path('missing'), folder: path('missing') }),
      failsWith('E_NEEDS', /shows no device tree/),
    );
  });
});

describe('a folder of nodes', () => {
  it('has names that the kernel adds, which are no properties, and may have links, which lead nowhere', () => {
    const at = path('with-names');
    writeDeviceTreeFolder(root, at);
    for (const node of ['', 'chosen', 'soc']) writeFileSync(join(at, node, 'name'), `${node}\0`);
    symlinkSync(at, join(at, 'soc', 'again'));
    assert.deepEqual(readDeviceTreeFolder(at), fromFolder);
  });

  it('that is a file, or not there, is refused', () => {
    for (const name of ['fdt', 'missing']) {
      assert.throws(() => readDeviceTreeFolder(path(name)), failsWith('E_FILE', /^cannot list: /));
    }
  });
});

describe('a file of the user', () => {
  it('is read, or refused with its name', () => {
    assert.deepEqual(readDeviceTreeFile(path('fdt')), tree);
    writeFileSync(path('image'), 'MZ\0\0\0\0');
    mkdirSync(path('dir'));
    for (const [name, code] of [
      ['missing', 'E_FILE'],
      ['dir', 'E_FILE'],
      ['image', 'E_CORRUPT'],
    ] as const) {
      assert.throws(
        () => readDeviceTreeFile(path(name)),
        (error) => failsWith(code)(error) && Reflect.get(Object(error), 'file') === path(name),
      );
    }
  });
});
