/** The layout against Documentation/arch/arm64/booting.rst. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { type Arm64ImageSpec, arm64ImageBytes } from '../../../../test/support/kernel-images.ts';
import { type DeviceTree, parseDeviceTree } from '../../../formats/fdt.ts';
import { findNode, numberOf, rangesOf } from '../../../formats/fdt-properties.ts';
import { readKernelImage } from '../images/read-image.ts';
import type { Segment } from '../segment.ts';
import { type Arm64PlanRequest, planArm64 } from './arm64-plan.ts';
import type { KexecPlan } from './plan.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;
const reserved = { start: 0x60000000, end: 0x70000000 };
const crash: Arm64PlanRequest['purpose'] = {
  kind: 'crash',
  elfcorehdr: { data: new Uint8Array(4096).fill(0xe1), size: 4096, updatedByKernel: false },
  reserved: [reserved],
};

const cell = (value: number): Uint8Array => Uint8Array.of(0, 0, 0, value);
const deviceTree: DeviceTree = {
  reservations: [],
  bootCpu: 0,
  root: {
    name: '',
    properties: [
      { name: '#address-cells', value: cell(2) },
      { name: '#size-cells', value: cell(2) },
    ],
    children: [{ name: 'chosen', properties: [], children: [] }],
  },
};

function imageOf(spec: Arm64ImageSpec): Arm64PlanRequest['image'] {
  const image = readKernelImage(arm64ImageBytes(spec), 'Image', 'arm64');
  assert.ok(image.arch === 'arm64');
  return image;
}

const request = (more: Partial<Arm64PlanRequest> = {}): Arm64PlanRequest => ({
  image: imageOf({}),
  initrd: new Uint8Array(10 * MiB + 5).fill(0x77),
  commandLine: 'console=ttyAMA0',
  purpose: crash,
  pageSize: 4096,
  bounds: {},
  console: { kind: 'pl011', address: 0x9000000 },
  shaInstructions: false,
  verify: true,
  entry: undefined,
  random: (bytes) => new Uint8Array(bytes).fill(0xaa),
  machine: { deviceTree },
  ...more,
});

function segmentOf(plan: KexecPlan, name: string): Segment {
  const segment = plan.segments.find((candidate) => candidate.name === name);
  assert.ok(segment, `segment ${name}`);
  return segment;
}

test('a capture kernel: segments inside the reservation, on whole pages, not overlapping', () => {
  for (const pageSize of [4096, 65536]) {
    const plan = planArm64(request({ pageSize }));
    assert.deepEqual(
      plan.segments.map(({ name }) => name),
      ['kernel', 'bss', 'elfcorehdr', 'initrd', 'dtb', 'trampoline'],
    );
    let free = reserved.start;
    for (const { address, size, data } of plan.segments.toSorted((a, b) => a.address - b.address)) {
      assert.ok(address >= free && size >= data.length);
      assert.deepEqual([address % pageSize, size % pageSize], [0, 0]);
      free = address + size;
    }
    assert.ok(free <= reserved.end);
    assert.equal(plan.entry, segmentOf(plan, 'trampoline').address);
  }
});

test('the Image is text_offset bytes from a 2 MiB boundary, with image_size bytes of its own', () => {
  const plan = planArm64(request({ image: imageOf({ textOffset: 0x80000, imageSize: 0x2000000 }) }));
  const { address, size } = segmentOf(plan, 'kernel');
  assert.deepEqual([address, size + segmentOf(plan, 'bss').size], [reserved.start + 0x80000, 0x2000000]);
  assert.equal(plan.kernelEntry, address);
});

test('the device tree names what was placed, exactly', () => {
  const plan = planArm64(request());
  const { data, address } = segmentOf(plan, 'dtb');
  const chosen = findNode(parseDeviceTree(data), '/chosen');
  assert.ok(chosen);
  const cells = { address: 2, size: 2 };
  const initrd = segmentOf(plan, 'initrd').address;
  const { address: header, size } = segmentOf(plan, 'elfcorehdr');
  assert.deepEqual(
    [numberOf(chosen, 'linux,initrd-start'), numberOf(chosen, 'linux,initrd-end')],
    [initrd, initrd + 10 * MiB + 5],
  );
  assert.deepEqual(rangesOf(chosen, 'linux,elfcorehdr', cells), [{ address: header, size }]);
  assert.deepEqual(rangesOf(chosen, 'linux,usable-memory-range', cells), [
    { address: reserved.start, size: reserved.end - reserved.start },
  ]);
  assert.ok(plan.handedOver.arch === 'arm64');
  assert.deepEqual(plan.handedOver.deviceTree, { start: address, end: address + data.length });
});

test('the device tree crosses no 2 MiB boundary', () => {
  const fat: DeviceTree = {
    ...deviceTree,
    root: {
      ...deviceTree.root,
      properties: [...deviceTree.root.properties, { name: 'fat', value: new Uint8Array(1.5 * MiB) }],
    },
  };
  const { address, data } = segmentOf(planArm64(request({ machine: { deviceTree: fat } })), 'dtb');
  assert.equal(Math.floor(address / (2 * MiB)), Math.floor((address + data.length - 1) / (2 * MiB)));
});

test('kernel and initrd share a window of 32 GiB that begins at a GiB', () => {
  const free = [{ start: 0x40000000, end: 200 * GiB }];
  const plan = planArm64(request({ purpose: { kind: 'reboot', free } }));
  const kernel = segmentOf(plan, 'kernel');
  const initrd = segmentOf(plan, 'initrd');
  assert.deepEqual([kernel.address, initrd.address + initrd.size], [0x40000000, 33 * GiB]);
  const apart = [
    { start: 100 * GiB, end: 100 * GiB + 40 * MiB },
    { start: 200 * GiB, end: 201 * GiB },
  ];
  assert.throws(
    () => planArm64(request({ purpose: { kind: 'reboot', free: apart } })),
    failsWith('E_NEEDS', /initrd/),
  );
});

test('a kernel to reboot into is told of no dump', () => {
  const free = [{ start: 0x40000000, end: 0x80000000 }];
  const plan = planArm64(request({ purpose: { kind: 'reboot', free }, initrd: undefined }));
  assert.deepEqual(
    plan.segments.map(({ name }) => name),
    ['kernel', 'bss', 'dtb', 'trampoline'],
  );
  const chosen = findNode(parseDeviceTree(segmentOf(plan, 'dtb').data), '/chosen');
  assert.deepEqual(
    chosen?.properties.map(({ name }) => name).filter((name) => /elfcorehdr|usable|initrd/.test(name)),
    [],
  );
});

test('refused: too large for the reservation, too long a command line', () => {
  assert.throws(
    () => planArm64(request({ initrd: new Uint8Array(250 * MiB) })),
    failsWith(
      'E_NEEDS',
      /kernel, elfcorehdr, initrd, dtb, trampoline need 2\d\d MiB \(\d+ bytes\), reserved are 256 MiB/,
    ),
  );
  assert.throws(
    () => planArm64(request({ commandLine: 'x'.repeat(2048) })),
    failsWith('E_USAGE', /takes 2047/),
  );
});
