/**
 * The layout against the boot protocol: offsets are those of Documentation/arch/x86/zero-page.rst and boot.rst, written out here.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { type BzImageSpec, bzImageBytes } from '../../../../test/support/kernel-images.ts';
import { cString, u64, viewOf } from '../../../base/bytes.ts';
import { readKernelImage } from '../images/read-image.ts';
import type { FirmwareRange } from '../machine/firmware.ts';
import type { Segment } from '../segment.ts';
import type { KexecPlan } from './plan.ts';
import { usesFiveLevels } from './x86_64-machine.ts';
import { planX86_64, type X86Machine, type X86PlanRequest } from './x86_64-plan.ts';
import type { X86EfiFacts } from './x86_64-setup-data.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;

const memoryMap: FirmwareRange[] = [
  { start: 0, end: 0x9fc00, type: 'ram' },
  { start: 0x9fc00, end: 0xa0000, type: 'reserved' },
  { start: 0xf0000, end: 0x100000, type: 'reserved' },
  { start: 0x100000, end: 0x3ffe0000, type: 'ram' },
  { start: 0x3ffe0000, end: 0x40000000, type: 'acpi' },
  { start: 0x40000000, end: 0x40010000, type: 'acpi-nvs' },
  { start: 0x1_4000_0000, end: 0x1_8000_0000, type: 'pmem' },
];
const reserved = { start: 0x2b000000, end: 0x3b000000 };
const crash: X86PlanRequest['purpose'] = {
  kind: 'crash',
  elfcorehdr: { data: new Uint8Array(4096).fill(0xe1), size: 4096, updatedByKernel: false },
  reserved: [reserved],
};
const machine: X86Machine = {
  memoryMap,
  bootParams: undefined,
  efi: undefined,
  acpiRsdp: undefined,
  fiveLevelPaging: false,
};

function imageOf(spec: BzImageSpec): X86PlanRequest['image'] {
  const image = readKernelImage(bzImageBytes(spec), 'vmlinuz', 'x86_64');
  assert.ok(image.arch === 'x86_64');
  return image;
}

const request = (more: Partial<X86PlanRequest> = {}): X86PlanRequest => ({
  image: imageOf({}),
  initrd: new Uint8Array(10 * MiB + 5).fill(0x77),
  commandLine: 'console=ttyS0 irqpoll',
  purpose: crash,
  pageSize: 4096,
  bounds: {},
  console: { kind: 'port', port: 0x3f8 },
  shaInstructions: false,
  verify: true,
  entry: undefined,
  random: (bytes) => new Uint8Array(bytes).fill(0xaa),
  machine,
  ...more,
});

function segmentOf(plan: KexecPlan, name: string): Segment {
  const segment = plan.segments.find((candidate) => candidate.name === name);
  assert.ok(segment, `segment ${name}`);
  return segment;
}

const e820Of = (bootParams: Uint8Array): [number, number, number][] => {
  const view = viewOf(bootParams);
  return Array.from({ length: view.getUint8(0x1e8) }, (_, i) => {
    const at = 0x2d0 + i * 20;
    const start = u64(view, at, true);
    return [start, start + u64(view, at + 8, true), view.getUint32(at + 16, true)];
  });
};

test('a capture kernel: segments inside the reservation, on whole pages, not overlapping', () => {
  const plan = planX86_64(request());
  assert.deepEqual(
    plan.segments.map(({ name }) => name),
    ['kernel', 'bss', 'elfcorehdr', 'initrd', 'boot_params', 'trampoline'],
  );
  const inOrder = plan.segments.toSorted((a, b) => a.address - b.address);
  let free = reserved.start;
  for (const { address, size, data } of inOrder) {
    assert.ok(address >= free && size >= data.length);
    assert.deepEqual([address % 4096, size % 4096], [0, 0]);
    free = address + size;
  }
  assert.ok(free <= reserved.end);
  const [kernel, bss] = [segmentOf(plan, 'kernel'), segmentOf(plan, 'bss')];
  assert.deepEqual([kernel.address % 0x200000, kernel.size + bss.size], [0, 0x3f97000]);
  assert.deepEqual([bss.address, bss.data.length], [kernel.address + kernel.size, 0]);
  assert.equal(plan.kernelEntry, kernel.address + 0x200);
  assert.equal(plan.entry, segmentOf(plan, 'trampoline').address);
});

test('boot_params: the setup header, and where everything is', () => {
  const plan = planX86_64(request());
  const { data, address } = segmentOf(plan, 'boot_params');
  const view = viewOf(data);
  assert.equal(view.getUint32(0x202, true), 0x53726448); // HdrS
  assert.equal(view.getUint8(0x210), 0xd0); // type_of_loader: kexec
  assert.equal(view.getUint8(0x211), 0); // loadflags
  assert.equal(view.getUint32(0x218, true), segmentOf(plan, 'initrd').address);
  assert.equal(view.getUint32(0x21c, true), 10 * MiB + 5);
  assert.equal(view.getUint32(0x228, true), address + 4096);
  assert.deepEqual(
    [view.getUint32(0xc0, true), view.getUint32(0xc4, true), view.getUint32(0xc8, true)],
    [0, 0, 0],
  );
  // The sentinel must be zero: the rest of the boot sector is not copied (bootparam.h).
  assert.equal(view.getUint8(0x1ef), 0);
  const elfcorehdr = segmentOf(plan, 'elfcorehdr');
  assert.equal(
    cString(data.subarray(4096)),
    `elfcorehdr=${elfcorehdr.address / 1024}K console=ttyS0 irqpoll`,
  );
  assert.equal(plan.commandLine, cString(data.subarray(4096)));
});

test('the memory map of a capture kernel: the first MiB and the reservation without the core header, and all that is no RAM', () => {
  const plan = planX86_64(request());
  const { address, size } = segmentOf(plan, 'elfcorehdr');
  assert.equal(address + size, reserved.end);
  assert.deepEqual(e820Of(segmentOf(plan, 'boot_params').data), [
    [0, 0x9fc00, 1],
    [0x9fc00, 0xa0000, 2],
    [0xf0000, 0x100000, 2],
    [reserved.start, address, 1],
    [0x3ffe0000, 0x40000000, 3],
    [0x40000000, 0x40010000, 4],
    [0x1_4000_0000, 0x1_8000_0000, 7],
  ]);
});

test('with crashkernel=,high the low reservation is RAM too, and the kernel is loaded above 4 GiB', () => {
  const high = { start: 6 * GiB, end: 6 * GiB + 256 * MiB };
  const plan = planX86_64(request({ purpose: { ...crash, reserved: [reserved, high] } }));
  for (const { address } of plan.segments) assert.ok(address >= high.start);
  const { data, address } = segmentOf(plan, 'boot_params');
  const view = viewOf(data);
  const initrd = segmentOf(plan, 'initrd').address;
  assert.deepEqual([view.getUint32(0x218, true), view.getUint32(0xc0, true)], [initrd % 2 ** 32, 1]);
  assert.deepEqual(
    [view.getUint32(0x228, true), view.getUint32(0xc8, true)],
    [(address + 4096) % 2 ** 32, 1],
  );
  assert.deepEqual(e820Of(data).filter(([, , type]) => type === 1).length, 3);
});

test('a kernel that cannot be above 4 GiB is not put there', () => {
  const image = imageOf({ xloadFlags: 1 });
  const high = { start: 6 * GiB, end: 6 * GiB + 256 * MiB };
  assert.throws(
    () => planX86_64(request({ image, purpose: { ...crash, reserved: [high] } })),
    failsWith('E_NEEDS', /no place for the kernel in 0x180000000-/),
  );
  const free = [{ start: 16 * MiB, end: 8 * GiB }];
  const plan = planX86_64(request({ image, purpose: { kind: 'reboot', free } }));
  // initrd_addr_max is the address of the last byte that may be used.
  const { address, size } = segmentOf(plan, 'initrd');
  assert.equal(address + size, 0x80000000);
  assert.ok(segmentOf(plan, 'boot_params').address < 4 * GiB);
});

test('a kernel that is not relocatable runs where it was linked, or not at all', () => {
  const image = imageOf({ relocatable: false });
  assert.throws(
    () => planX86_64(request({ image })),
    failsWith('E_UNSUPPORTED', /0x1000000 only .*reserved is 0x2b000000-0x3affffff/),
  );
  const free = [{ start: MiB, end: GiB }];
  const plan = planX86_64(request({ image, purpose: { kind: 'reboot', free } }));
  assert.equal(segmentOf(plan, 'kernel').address, 0x1000000);
});

test('a kernel to reboot into: the whole machine is its memory, and nothing says elfcorehdr=', () => {
  const free = [{ start: MiB, end: 0x3ffe0000 }];
  const commandLine = 'root=/dev/vda1 elfcorehdr=1234K quiet';
  const plan = planX86_64(request({ purpose: { kind: 'reboot', free }, commandLine }));
  assert.equal(plan.commandLine, 'root=/dev/vda1 quiet');
  assert.equal(plan.elfcorehdr, undefined);
  const { data } = segmentOf(plan, 'boot_params');
  assert.deepEqual(
    e820Of(data),
    memoryMap.map(({ start, end }, i) => [start, end, [1, 2, 2, 1, 3, 4, 7][i]]),
  );
  // KiB from 1 MiB on: 16 bits at 0x2, 32 bits at 0x1e0.
  assert.deepEqual(
    [viewOf(data).getUint16(2, true), viewOf(data).getUint32(0x1e0, true)],
    [0xfc00, 0x3fee0000 / 1024],
  );
});

test('more than 128 ranges of memory go on in setup_data', () => {
  const many = Array.from({ length: 200 }, (_, i): FirmwareRange => {
    const start = 8 * GiB + i * 2 * MiB;
    return { start, end: start + MiB, type: i % 2 ? 'ram' : 'reserved' };
  });
  const free = [{ start: MiB, end: 0x3ffe0000 }];
  const plan = planX86_64(
    request({ machine: { ...machine, memoryMap: many }, purpose: { kind: 'reboot', free } }),
  );
  const { data, address } = segmentOf(plan, 'boot_params');
  assert.equal(e820Of(data).length, 128);
  const view = viewOf(data);
  const node = u64(view, 0x250, true) - address;
  assert.deepEqual([view.getUint32(node + 8, true), view.getUint32(node + 12, true)], [1, 72 * 20]);
  assert.deepEqual(
    [u64(view, node + 16, true), u64(view, node + 24, true), view.getUint32(node + 32, true)],
    [many[128]!.start, MiB, 2],
  );
  const seed = u64(view, node, true) - address;
  assert.deepEqual([view.getUint32(seed + 8, true), view.getUint32(seed + 12, true)], [9, 32]);
  assert.deepEqual([data[seed + 16], data[seed + 47], u64(view, seed, true)], [0xaa, 0xaa, 0]);
});

const efi: X86EfiFacts = {
  firmwareVendor: 0x3f00_0000,
  runtimeServices: 0x3f00_1000,
  configTable: 0x3f00_2000,
  smbios: 0x3f00_3000,
  runtimeMap: [
    {
      type: 5,
      physical: 0x3f10_0000,
      virtual: 0xffff_fffe_ff00_0000n,
      pages: 16,
      attribute: 0x8000_0000_0000_000fn,
    },
  ],
};

/** Of an EFI machine, with a screen. */
function runningBootParams(): Uint8Array {
  const bytes = new Uint8Array(4096);
  const view = viewOf(bytes);
  bytes.fill(0x11, 0, 0x40); // screen_info
  view.setUint32(0x1c0, 0x34364c45, true); // EL64
  view.setUint32(0x1c4, 0x3f00_5000, true); // efi_systab
  view.setUint32(0x1c8, 48, true); // efi_memdesc_size
  view.setUint32(0x1cc, 1, true); // efi_memdesc_version
  view.setUint32(0x1d0, 0xdead0000, true); // efi_memmap
  view.setUint32(0x1d4, 4800, true); // efi_memmap_size
  bytes[0x1ec] = 3; // secure_boot
  bytes[0x1e9] = 2; // eddbuf_entries
  bytes.fill(0x22, 0xd00, 0xeec); // eddbuf
  bytes.fill(0x33, 0x1f1, 0x290); // the running kernel's own setup header
  view.setUint32(0x23c, 7, true); // hardware_subarch
  return bytes;
}

test('EFI: runtime services are handed over as the running kernel has them', () => {
  const plan = planX86_64(
    request({ machine: { ...machine, bootParams: runningBootParams(), efi, acpiRsdp: 0x3f00_4000 } }),
  );
  const { data, address } = segmentOf(plan, 'boot_params');
  const view = viewOf(data);
  assert.deepEqual(
    [
      view.getUint32(0x1c0, true),
      view.getUint32(0x1c4, true),
      view.getUint32(0x1c8, true),
      view.getUint32(0x1cc, true),
    ],
    [0x34364c45, 0x3f00_5000, 40, 1],
  );
  assert.equal(view.getUint8(0x1ec), 3);
  assert.equal(u64(view, 0x70, true), 0x3f00_4000);
  const map = view.getUint32(0x1d0, true) - address;
  assert.equal(view.getUint32(0x1d4, true), 40);
  assert.deepEqual(
    [
      view.getUint32(map, true),
      u64(view, map + 8, true),
      view.getBigUint64(map + 16, true),
      u64(view, map + 24, true),
    ],
    [5, 0x3f10_0000, 0xffff_fffe_ff00_0000n, 16],
  );
  const node = u64(view, 0x250, true) - address;
  assert.deepEqual([view.getUint32(node + 8, true), view.getUint32(node + 12, true)], [4, 96]);
  assert.deepEqual(
    [0, 8, 16, 24].map((field) => u64(view, node + 16 + field, true)),
    [0x3f00_0000, 0x3f00_1000, 0x3f00_2000, 0x3f00_3000],
  );
  assert.doesNotMatch(plan.commandLine, /acpi_rsdp/);
});

test('EFI: tables that lie in RAM are left alone, by us and by the next kernel', () => {
  const table = { type: 4, physical: 0x3ffd0000, virtual: 0n, pages: 2, attribute: 0x8000_0000_0000_000fn };
  const plan = planX86_64(
    request({
      machine: { ...machine, bootParams: runningBootParams(), efi: { ...efi, runtimeMap: [table] } },
      purpose: { kind: 'reboot', free: [{ start: MiB, end: 0x3ffe0000 }] },
    }),
  );
  for (const { address, size } of plan.segments) {
    assert.ok(address + size <= 0x3ffd0000 || address >= 0x3ffd2000);
  }
  assert.deepEqual(e820Of(segmentOf(plan, 'boot_params').data).slice(3, 7), [
    [0x100000, 0x3ffd0000, 1],
    [0x3ffd0000, 0x3ffd2000, 2],
    [0x3ffd2000, 0x3ffe0000, 1],
    [0x3ffe0000, 0x40000000, 3],
  ]);
});

test('the screen, the disks and the subarchitecture are the machine’s; the setup header is the image’s', () => {
  const { data } = segmentOf(
    planX86_64(request({ machine: { ...machine, bootParams: runningBootParams() } })),
    'boot_params',
  );
  const view = viewOf(data);
  assert.deepEqual(
    [data[0x10], data[0x3f], data[0x1e9], data[0xd00], data[0xeeb]],
    [0x11, 0x11, 2, 0x22, 0x22],
  );
  assert.equal(view.getUint32(0x23c, true), 7);
  assert.equal(view.getUint32(0x230, true), 0x200000); // kernel_alignment
  // Without EFI facts nothing of EFI is said: no secure_boot either.
  assert.deepEqual([view.getUint32(0x1d4, true), data[0x1ec]], [0, 0]);
});

test('where EFI cannot be handed over, ACPI is named on the command line', () => {
  const image = imageOf({ xloadFlags: 0x6f & ~0x10 });
  const plan = planX86_64(
    request({ image, machine: { ...machine, bootParams: runningBootParams(), efi, acpiRsdp: 0x3f00_4000 } }),
  );
  assert.match(plan.commandLine, /^elfcorehdr=\d+K console=ttyS0 irqpoll acpi_rsdp=0x3f004000$/);
  assert.equal(viewOf(segmentOf(plan, 'boot_params').data).getUint32(0x1d4, true), 0);
});

test('a core header that the kernel updates is not verified, and has the room that it was promised', () => {
  const elfcorehdr = { data: new Uint8Array(4096), size: 0x20000, updatedByKernel: true };
  const plan = planX86_64(request({ purpose: { ...crash, elfcorehdr } }));
  assert.equal(segmentOf(plan, 'elfcorehdr').size, 0x20000);
  const text = Buffer.from(segmentOf(plan, 'trampoline').data).toString('latin1');
  assert.match(text, /segment kernel of/);
  assert.doesNotMatch(text, /segment elfcorehdr/);
});

test('the low memory of a kernel before 5.5 gets a place that the capture kernel leaves alone', () => {
  const range = { start: 0x1000, end: 0x9fc00 };
  let moved: unknown;
  const lowMemory = {
    range,
    coreHeader: (place: unknown) => {
      moved = place;
      return Uint8Array.of(1);
    },
  };
  const plan = planX86_64(request({ purpose: { ...crash, lowMemory } }));
  const { address, size, data } = segmentOf(plan, 'backup');
  assert.deepEqual([size, data.length], [0x9f000, 0]);
  assert.deepEqual(moved, { ...range, to: address });
  assert.deepEqual(segmentOf(plan, 'elfcorehdr').data, Uint8Array.of(1));
  const ram = e820Of(segmentOf(plan, 'boot_params').data).filter(([, , type]) => type === 1);
  assert.ok(ram.every(([start, end]) => end <= address || start >= address + size));
});

test('-i verifies nothing, --entry begins elsewhere', () => {
  const plan = planX86_64(request({ verify: false, entry: 0x2b000200 }));
  assert.equal(plan.entry, 0x2b000200);
  const text = Buffer.from(segmentOf(plan, 'trampoline').data).toString('latin1');
  assert.doesNotMatch(text, /damaged/);
  assert.equal(planX86_64(request({ entry: 0 })).entry, segmentOf(plan, 'trampoline').address);
});

test('refused before anything is laid out', () => {
  assert.throws(
    () => planX86_64(request({ commandLine: 'x'.repeat(2040) })),
    failsWith('E_USAGE', /20\d\d bytes, this kernel takes 2047/),
  );
  assert.throws(
    () =>
      planX86_64(
        request({ image: imageOf({ xloadFlags: 3 }), machine: { ...machine, fiveLevelPaging: true } }),
      ),
    failsWith('E_UNSUPPORTED', /5-level/),
  );
  assert.throws(
    () => planX86_64(request({ initrd: new Uint8Array(250 * MiB) })),
    failsWith(
      'E_NEEDS',
      /kernel, elfcorehdr, initrd, boot_params, trampoline need 31\d MiB \(\d+ bytes\), reserved are 256 MiB/,
    ),
  );
});

test('5-level page tables are told from /proc/cpuinfo', () => {
  assert.equal(usesFiveLevels('processor\t: 0\nflags\t\t: fpu la57 sse\n'), true);
  assert.equal(usesFiveLevels('processor\t: 0\nflags\t\t: fpu sse\nbugs\t: la57\n'), false);
});
