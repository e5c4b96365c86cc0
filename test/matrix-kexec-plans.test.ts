/**
 * Debian's kernels, laid out by our plans and entered as kexec would enter them: on a machine without an operating system, where memory
 * holds the segments and nothing else. So it is the plan alone that is tested: no kernel that was there before helps out. They end with
 * a panic, because they have no root.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type GuestKernelName, guestKernels } from '../lab/guests/kernels.ts';
import { viewOf } from '../src/base/bytes.ts';
import { silentProgress } from '../src/base/progress.ts';
import { readKernelImage } from '../src/tools/kexec/images/read-image.ts';
import { packingOf, unpack } from '../src/tools/kexec/images/unpack.ts';
import type { FirmwareRange } from '../src/tools/kexec/machine/firmware.ts';
import { planArm64 } from '../src/tools/kexec/plan/arm64-plan.ts';
import type { KexecPlan, PlanRequest, Purpose } from '../src/tools/kexec/plan/plan.ts';
import { planX86_64 } from '../src/tools/kexec/plan/x86_64-plan.ts';
import { readDeviceTreeFile } from '../src/tools/kexec/running-device-tree.ts';
import { debianKernel } from '../src/tools/rehearse/debian.ts';
import { type BareMachine, runBare } from './bare-machine/machine.ts';
import { qemuArm64, qemuX86 } from './bare-machine/qemu.ts';

const MiB = 2 ** 20;
const reserved = {
  x86_64: { start: 0x2000000, end: 0xa000000 },
  arm64: { start: 0x42000000, end: 0x4e000000 },
} as const;
/** The machine of test/bare-machine has 256 MiB. */
const memory: FirmwareRange[] = [
  { start: 0, end: 0x9fc00, type: 'ram' },
  { start: 0x9fc00, end: 0xa0000, type: 'reserved' },
  { start: 0xf0000, end: 0x100000, type: 'reserved' },
  { start: 0x100000, end: 0xffe0000, type: 'ram' },
  { start: 0xffe0000, end: 0x10000000, type: 'reserved' },
];
/** More than boot_params has room for. */
const manyRanges = Array.from({ length: 150 }, (_, i): FirmwareRange => {
  const start = 0x1_8000_0000 + i * 8192;
  return { start, end: start + 4096, type: i % 2 ? 'reserved' : 'acpi-nvs' };
});

type Kind = Purpose['kind'];

const requestFor = (arch: 'x86_64' | 'arm64', kind: Kind): PlanRequest => ({
  initrd: new Uint8Array(gzipSync(new Uint8Array(512))),
  commandLine: `console=${arch === 'x86_64' ? 'ttyS0' : 'ttyAMA0'} panic=-1 nr_cpus=1 ignore_loglevel`,
  purpose:
    kind === 'crash'
      ? {
          kind,
          elfcorehdr: { data: new Uint8Array(4096), size: 4096, updatedByKernel: false },
          reserved: [reserved[arch]],
        }
      : { kind, free: [reserved[arch]] },
  pageSize: 4096,
  bounds: {},
  verify: true,
  entry: undefined,
  console: arch === 'x86_64' ? { kind: 'port', port: 0x3f8 } : { kind: 'pl011', address: 0x9000000 },
  shaInstructions: false,
  random: (bytes) => Uint8Array.from({ length: bytes }, (_, i) => 37 * i + 11),
});

async function bootLog(machine: BareMachine, plan: KexecPlan): Promise<string> {
  const { end, serial } = await runBare(machine, plan, { asleepAt: 0, seconds: 300 });
  assert.equal(end, 'booted', serial);
  const log = serial.replaceAll('\r', '');
  assert.ok(log.includes(`Kernel command line: ${plan.commandLine}\n`), log);
  assert.match(log, /Trying to unpack rootfs image as initramfs/);
  // Seeded by what was handed over: nothing else is that early.
  assert.match(log, /0\.000000\] random: crng init done/);
  assert.match(log, /Unable to mount root fs/);
  return log;
}

const vmlinuzOf = async (name: GuestKernelName): Promise<{ bytes: Uint8Array; release: string }> => {
  const { suite, flavour } = guestKernels[name];
  const { vmlinuz, release } = await debianKernel({ suite, flavour, progress: silentProgress });
  return { bytes: readFileSync(vmlinuz), release };
};

interface X86Case {
  readonly name: GuestKernelName;
  readonly kind: Kind;
  readonly form: 'bzImage' | 'vmlinux';
  readonly map: readonly FirmwareRange[];
}
const x86Cases: readonly X86Case[] = [
  { name: '6.1-x86_64', kind: 'crash', form: 'bzImage', map: memory },
  { name: '6.12-x86_64', kind: 'crash', form: 'vmlinux', map: memory },
  { name: '7.2-x86_64', kind: 'reboot', form: 'bzImage', map: [...memory, ...manyRanges] },
];

for (const { name, kind, form, map } of x86Cases) {
  test(`${name}: a ${form} (${kind}) comes up with the memory it was told of`, async () => {
    const { bytes, release } = await vmlinuzOf(name);
    const image = readKernelImage(form === 'vmlinux' ? vmlinuxIn(bytes) : bytes, name, 'x86_64');
    assert.ok(image.arch === 'x86_64' && image.format === form);
    const plan = planX86_64({
      ...requestFor('x86_64', kind),
      image,
      machine: {
        memoryMap: map,
        bootParams: undefined,
        efi: undefined,
        acpiRsdp: undefined,
        fiveLevelPaging: false,
      },
    });
    const log = await bootLog({ arch: 'x86_64', qemu: qemuX86(), cpu: 'qemu64' }, plan);
    assert.ok(log.includes(`Linux version ${release} `));
    assert.ok(plan.handedOver.arch === 'x86_64');
    const { e820 } = plan.handedOver;
    // Up to 128 of them are in boot_params; the kernel prints the others under another heading.
    for (const [i, { start, end }] of e820.entries()) {
      assert.match(
        log,
        new RegExp(`${i < 128 ? 'BIOS-e820' : 'extended'}: \\[mem ${sixteen(start)}-${sixteen(end - 1)}\\]`),
      );
    }
    assert.equal(e820.length > 128, map.length > 128);
    assert.match(log, new RegExp(`RAMDISK: \\[mem 0x0*${plan.initrd!.start.toString(16)}-`));
  });
}

const sixteen = (value: number): string => `0x${value.toString(16).padStart(16, '0')}`;

/** boot.rst, payload_offset and payload_length. */
function vmlinuxIn(bzImage: Uint8Array): Uint8Array {
  const view = viewOf(bzImage);
  const start = (view.getUint8(0x1f1) + 1) * 512 + view.getUint32(0x248, true);
  const payload = bzImage.subarray(start, start + view.getUint32(0x24c, true));
  return unpack(packingOf(payload)!, payload, 'payload');
}

for (const [name, kind] of [
  ['6.12-arm64', 'reboot'],
  ['7.2-arm64', 'crash'],
] as const) {
  test(`${name}: an Image (${kind}) comes up with the memory it was told of`, async () => {
    const { bytes, release } = await vmlinuzOf(name);
    const image = readKernelImage(bytes, name, 'arm64');
    assert.ok(image.arch === 'arm64');
    const machine: BareMachine = { arch: 'arm64', qemu: qemuArm64(), cpu: 'cortex-a72' };
    const plan = planArm64({
      ...requestFor('arm64', kind),
      image,
      machine: { deviceTree: virtTree(machine) },
    });
    const log = await bootLog(machine, plan);
    assert.ok(log.includes(`Linux version ${release} `));
    const { start, end } =
      kind === 'crash' ? reserved.arm64 : { start: 0x40000000, end: 0x40000000 + 256 * MiB };
    assert.ok(log.includes(`node   0: [mem ${sixteen(start)}-${sixteen(end - 1)}]`));
    if (kind === 'crash') {
      assert.ok(
        log.includes(`Reserving 4 KiB of memory at 0x${plan.elfcorehdr!.start.toString(16)} for elfcorehdr`),
      );
    }
  });
}

/** Of the board that the test runs on. */
function virtTree({ qemu, cpu }: BareMachine): ReturnType<typeof readDeviceTreeFile> {
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-plans-'));
  try {
    const file = join(folder, 'virt.dtb');
    const [program = '', ...before] = qemu;
    const board = ['-machine', `virt,dumpdtb=${file}`, '-cpu', cpu, '-m', '256', '-display', 'none'];
    execFileSync(program, [...before, ...board], { stdio: 'ignore' });
    return readDeviceTreeFile(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
