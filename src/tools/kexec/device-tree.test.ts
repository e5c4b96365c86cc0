import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { bytesOf, type Token } from '../../../test/support/fdt-blob.ts';
import { type DeviceNode, type DeviceTree, parseDeviceTree } from '../../formats/fdt.ts';
import {
  findNode,
  numberOf,
  propertyOf,
  stringOf,
  stringValue,
  withNode,
  withProperty,
} from '../../formats/fdt-properties.ts';
import { captureDeviceTree, deviceTreeBlob, type NextKernel } from './device-tree.ts';

const value = (...tokens: Token[]): Uint8Array => new Uint8Array(bytesOf(tokens));
const node = (
  name: string,
  properties: Record<string, Uint8Array>,
  ...children: DeviceNode[]
): DeviceNode => ({
  name,
  properties: Object.entries(properties).map(([key, bytes]) => ({ name: key, value: bytes })),
  children,
});

const memory = node('memory@40000000', { reg: value(0, 0x4000_0000, 0, 0x4000_0000) });
const twoCells = { '#address-cells': value(2), '#size-cells': value(2) };
const treeOf = (chosen: DeviceNode[], root: Record<string, Uint8Array> = twoCells): DeviceTree => ({
  reservations: [{ address: 0x1000, size: 0x1000 }],
  bootCpu: 0,
  root: node('', root, memory, ...chosen),
});
const fresh = treeOf([node('chosen', { 'stdout-path': stringValue('/pl011@9000000') })]);

const range = (start: number, end: number) => ({ start, end });
/** Bytes that tell how many were asked for. */
const random = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(bytes);
const elfcorehdr = range(0x7ff0_0000, 0x7ff0_1800);
const usable = [range(0x7000_0000, 0x8000_0000)];
const capture: NextKernel = {
  commandLine: 'console=ttyAMA0 nr_cpus=1',
  initrd: range(0x7300_0000, 0x7312_3457),
  crash: { elfcorehdr, usable },
  random,
};
const reboot: NextKernel = { ...capture, crash: undefined };

const chosenOf = (tree: DeviceTree): DeviceNode => {
  const chosen = findNode(tree, '/chosen');
  assert.ok(chosen !== undefined);
  return chosen;
};
const namesOf = (tree: DeviceTree): string[] => chosenOf(tree).properties.map(({ name }) => name);

describe('the device tree of a capture kernel', () => {
  const tree = captureDeviceTree(fresh, capture);
  const chosen = chosenOf(tree);

  it('tells where everything is that it is handed', () => {
    assert.equal(stringOf(chosen, 'bootargs'), 'console=ttyAMA0 nr_cpus=1');
    assert.deepEqual(propertyOf(chosen, 'linux,initrd-start'), value(0, 0x7300_0000));
    assert.deepEqual(propertyOf(chosen, 'linux,initrd-end'), value(0, 0x7312_3457));
    assert.deepEqual(propertyOf(chosen, 'linux,elfcorehdr'), value(0, 0x7ff0_0000, 0, 0x1800));
    assert.deepEqual(propertyOf(chosen, 'linux,usable-memory-range'), value(0, 0x7000_0000, 0, 0x1000_0000));
    assert.deepEqual(propertyOf(chosen, 'linux,booted-from-kexec'), new Uint8Array());
  });

  it('brings seeds of the sizes that the kernel itself would make', () => {
    assert.deepEqual(propertyOf(chosen, 'kaslr-seed'), random(8));
    assert.deepEqual(propertyOf(chosen, 'rng-seed'), random(128));
  });

  it('reserves the initrd and the ELF core header besides what was reserved', () => {
    assert.deepEqual(tree.reservations, [
      { address: 0x1000, size: 0x1000 },
      { address: 0x7300_0000, size: 0x12_3457 },
      { address: 0x7ff0_0000, size: 0x1800 },
    ]);
  });

  it('keeps everything else, and leaves the tree it came from alone', () => {
    assert.equal(stringOf(chosen, 'stdout-path'), '/pl011@9000000');
    assert.equal(findNode(tree, '/memory'), memory);
    assert.deepEqual(namesOf(fresh), ['stdout-path']);
  });

  it('has the low range last, in whatever order they are given', () => {
    const [low, high] = [range(0x7000_0000, 0x7800_0000), range(0x12_0000_0000, 0x12_1000_0000)];
    for (const both of [
      [low, high],
      [high, low],
    ]) {
      const split = captureDeviceTree(fresh, { ...capture, crash: { elfcorehdr, usable: both } });
      assert.deepEqual(
        propertyOf(chosenOf(split), 'linux,usable-memory-range'),
        value(0x12, 0, 0, 0x1000_0000, 0, 0x7000_0000, 0, 0x800_0000),
      );
    }
  });

  it('has one or two ranges, which is all that an arm64 kernel can be told', () => {
    const three = [usable[0]!, range(0x1000, 0x2000), range(0x3000, 0x4000)];
    for (const [wrong, what] of [
      [[], /^0 ranges/],
      [three, /^3 ranges/],
    ] as const) {
      assert.throws(
        () => captureDeviceTree(fresh, { ...capture, crash: { elfcorehdr, usable: wrong } }),
        failsWith('E_NEEDS', what),
      );
    }
  });

  it('gets a /chosen where there was none', () => {
    const made = captureDeviceTree(treeOf([]), capture);
    assert.equal(made.root.children.at(-1)?.name, 'chosen');
    assert.deepEqual(namesOf(made), [
      'linux,elfcorehdr',
      'linux,usable-memory-range',
      'linux,initrd-start',
      'linux,initrd-end',
      'bootargs',
      'kaslr-seed',
      'rng-seed',
      'linux,booted-from-kexec',
    ]);
  });

  it('comes back from being flattened', () => {
    assert.deepEqual(parseDeviceTree(deviceTreeBlob(tree)), tree);
  });
});

describe('addresses in the cells of the tree', () => {
  const elfcorehdrIn = (root: Record<string, Uint8Array>): Uint8Array | undefined =>
    propertyOf(chosenOf(captureDeviceTree(treeOf([], root), capture)), 'linux,elfcorehdr');

  it('have as many as the root says', () => {
    const root = (address: number, size: number) => ({
      '#address-cells': value(address),
      '#size-cells': value(size),
    });
    assert.deepEqual(elfcorehdrIn(root(1, 1)), value(0x7ff0_0000, 0x1800));
    assert.deepEqual(elfcorehdrIn(root(2, 1)), value(0, 0x7ff0_0000, 0x1800));
    assert.deepEqual(elfcorehdrIn(root(3, 2)), value(0, 0, 0x7ff0_0000, 0, 0x1800));
  });

  it('have one each where the root does not say, as Linux reads it', () => {
    assert.deepEqual(elfcorehdrIn({}), value(0x7ff0_0000, 0x1800));
  });

  it('that do not fit are refused', () => {
    const high = range(0x12_0000_0000, 0x12_1000_0000);
    const narrow = treeOf([], {});
    assert.throws(
      () => captureDeviceTree(narrow, { ...capture, crash: { elfcorehdr: high, usable } }),
      failsWith(
        'E_NEEDS',
        /^the ELF core header at 0x1200000000-0x120fffffff does not fit .*#address-cells 1/,
      ),
    );
    assert.throws(
      () => captureDeviceTree(narrow, { ...capture, crash: { elfcorehdr, usable: [high] } }),
      failsWith('E_NEEDS', /^the crash kernel at 0x1200000000/),
    );
    const large = { elfcorehdr, usable: [range(0, 0x1_0000_0000)] };
    assert.throws(() => captureDeviceTree(narrow, { ...capture, crash: large }), failsWith('E_NEEDS'));
    // The initrd's are always 64 bits.
    assert.equal(
      numberOf(chosenOf(captureDeviceTree(narrow, { ...reboot, initrd: high })), 'linux,initrd-end'),
      0x12_1000_0000,
    );
  });
});

describe('what was said to the running kernel', () => {
  const stale = {
    bootargs: stringValue('root=/dev/vda1 crashkernel=256M'),
    'linux,initrd-start': value(0x4800_0000),
    'linux,initrd-end': value(0x4812_3457),
    'linux,elfcorehdr': value(0, 0x5000_0000, 0, 0x1000),
    'linux,usable-memory-range': value(0, 0x5000_0000, 0, 0x1000_0000),
    'linux,kho-fdt': value(0, 0x5100_0000, 0, 0x1000),
    'linux,kho-scratch': value(0, 0x5200_0000, 0, 0x1000),
    'linux,ima-kexec-buffer': value(0, 0x5300_0000, 0, 0x8000),
    'linux,dmcryptkeys': value(0, 0x5400_0000, 0, 0x4000),
    'kaslr-seed': value(0, 0),
    'rng-seed': value(1, 2, 3),
    'linux,booted-from-kexec': new Uint8Array(),
  };
  const running = (reservations: DeviceTree['reservations'] = []): DeviceTree => ({
    ...treeOf([node('chosen', { 'linux,uefi-system-table': value(0x1, 0x2), ...stale })]),
    reservations,
  });

  it('is gone when the next kernel is not told it anew', () => {
    const next = captureDeviceTree(running(), {
      commandLine: undefined,
      initrd: undefined,
      crash: undefined,
      random,
    });
    assert.deepEqual(namesOf(next), [
      'linux,uefi-system-table',
      'kaslr-seed',
      'rng-seed',
      'linux,booted-from-kexec',
    ]);
    assert.deepEqual(propertyOf(chosenOf(next), 'kaslr-seed'), random(8));
    assert.deepEqual(propertyOf(chosenOf(next), 'rng-seed'), random(128));
    assert.deepEqual(next.reservations, []);
  });

  it('is said anew, once', () => {
    const next = captureDeviceTree(running(), capture);
    const fromNothing = captureDeviceTree(treeOf([node('chosen', {})]), capture);
    const [uefi, ...properties] = chosenOf(next).properties;
    assert.equal(uefi?.name, 'linux,uefi-system-table');
    assert.deepEqual(properties, chosenOf(fromNothing).properties);
  });

  it('frees the memory that was reserved for it, when it is exactly that', () => {
    const outdated = [
      { address: 0x4800_0000, size: 0x12_3457 },
      { address: 0x4800_0000, size: 0x12_4000 },
      { address: 0x4800_0000, size: 0x13_0000 },
      { address: 0x5000_0000, size: 0x1000 },
      { address: 0x5300_0000, size: 0x8000 },
      { address: 0x5400_0000, size: 0x4000 },
      { address: 0x4a00_0000, size: 0xb000 },
    ];
    const others = [
      { address: 0x4800_0000, size: 0x12_3458 },
      { address: 0x4800_1000, size: 0x12_3457 },
      { address: 0x5000_0000, size: 0x1000_0000 },
      { address: 0x4a00_0000, size: 0xc000 },
    ];
    const next = { ...reboot, initrd: undefined, runningBlob: range(0x4a00_0000, 0x4a00_b000) };
    assert.deepEqual(captureDeviceTree(running([...outdated, ...others]), next).reservations, others);
    const { runningBlob: _, ...unknown } = next;
    assert.deepEqual(captureDeviceTree(running([outdated.at(-1)!]), unknown).reservations, [
      outdated.at(-1)!,
    ]);
  });

  it('may be half of it only', () => {
    const chosen = node('chosen', { 'linux,initrd-start': value(0x4800_0000), 'linux,elfcorehdr': value(1) });
    const reservations = [{ address: 0x4800_0000, size: 0x1000 }];
    const next = captureDeviceTree({ ...treeOf([chosen]), reservations }, { ...reboot, initrd: undefined });
    assert.deepEqual(next.reservations, reservations);
    assert.equal(propertyOf(chosenOf(next), 'linux,initrd-start'), undefined);
  });

  it('counts an empty initrd for none: reserving no bytes would end the list', () => {
    const next = captureDeviceTree(running(), { ...capture, initrd: range(0x7300_0000, 0x7300_0000) });
    assert.equal(propertyOf(chosenOf(next), 'linux,initrd-start'), undefined);
    assert.deepEqual(next.reservations, [{ address: 0x7ff0_0000, size: 0x1800 }]);
  });
});

describe('limits of an arm64 kernel', () => {
  it('are told for the command line: 2047 bytes', () => {
    const longest = captureDeviceTree(fresh, { ...capture, commandLine: 'x'.repeat(2047) });
    assert.equal(stringOf(chosenOf(longest), 'bootargs')?.length, 2047);
    for (const commandLine of ['x'.repeat(2048), 'é'.repeat(1024)]) {
      assert.throws(
        () => captureDeviceTree(fresh, { ...capture, commandLine }),
        failsWith('E_USAGE', /has 2048 bytes, an arm64 kernel reads 2047/),
      );
    }
  });

  it('are told for the blob: 2 MiB', () => {
    const withFiller = (bytes: number): DeviceTree =>
      withNode(fresh, '/chosen', (chosen) => withProperty(chosen, 'filler', new Uint8Array(bytes)));
    // What the strings leave of the last 4 bytes.
    const rest = deviceTreeBlob(withFiller(0)).length;
    const most = 2 ** 21 - rest - ((2 ** 21 - rest) % 4);
    assert.ok(deviceTreeBlob(withFiller(most)).length <= 2 ** 21);
    assert.throws(
      () => deviceTreeBlob(withFiller(most + 1)),
      failsWith('E_NEEDS', /the device tree has 209715\d bytes, an arm64 kernel takes 2097152$/),
    );
  });
});
