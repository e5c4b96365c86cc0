import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildElfCoreHeader } from '../elfcorehdr.ts';
import { describePlan, planJson } from './describe-plan.ts';
import type { KexecPlan } from './plan.ts';

const common = {
  kind: 'crash',
  layers: ['unified kernel image', 'bzImage'],
  release: '6.12.1',
  entry: 0x3afef000,
  commandLine: 'elfcorehdr=966652K quiet',
  initrd: { start: 0x3a000000, end: 0x3a000123 },
  elfcorehdr: { start: 0x3afff000, end: 0x3b000000 },
  segments: [
    { name: 'kernel', data: new Uint8Array(3 * 2 ** 20), address: 0x2b000000, size: 0x3f97000 },
    { name: 'trampoline', data: new Uint8Array(2000), address: 0x3afef000, size: 0x8000 },
  ],
} as const;

const x86: KexecPlan = {
  ...common,
  arch: 'x86_64',
  kernelEntry: 0x2b000200,
  handedOver: {
    arch: 'x86_64',
    bootParams: 0x39000000,
    e820: [
      { start: 0, end: 0x9fc00, type: 'ram' },
      { start: 0x3ffe0000, end: 0x40000000, type: 'acpi' },
    ],
    setupData: [{ type: 9, size: 32 }],
    efiMemoryMap: undefined,
    acpiRsdp: 0x3f004000,
  },
};

const arm64: KexecPlan = {
  ...common,
  arch: 'arm64',
  kind: 'reboot',
  kernelEntry: 0x2b000000,
  layers: ['Image'],
  release: undefined,
  handedOver: {
    arch: 'arm64',
    deviceTree: { start: 0x39000000, end: 0x39001000 },
    usableMemory: [{ start: 0x2b000000, end: 0x3b000000 }],
  },
};

test('-d: segments with their addresses and sizes, and all that is handed over', () => {
  assert.deepEqual(describePlan(x86), [
    'x86_64 capture kernel: 6.12.1 (bzImage in unified kernel image)',
    "entry     0x00003afef000 (trampoline), the kernel's is 0x00002b000200",
    'segment      first          last                 memory         data',
    'kernel       0x00002b000000-0x00002ef96fff     63.6 MiB      3.0 MiB',
    'trampoline   0x00003afef000-0x00003aff6fff     32.0 KiB      2.0 KiB',
    'e820         2 entries',
    '             0x000000000000-0x00000009fbff ram',
    '             0x00003ffe0000-0x00003fffffff acpi',
    'setup_data   random seed, 32 bytes',
    'EFI          not handed over',
    'ACPI         RSDP at 0x3f004000',
    'command line (24 bytes): elfcorehdr=966652K quiet',
  ]);
  assert.deepEqual(describePlan(arm64).slice(0, 1), [
    'arm64 kernel to reboot into: of unknown release (Image)',
  ]);
  assert.deepEqual(describePlan(arm64).slice(5, 7), [
    'device tree  0x000039000000-0x000039000fff      4.0 KiB',
    'usable       0x00002b000000-0x00003affffff      256 MiB',
  ]);
});

test('as JSON: everything but the bytes', () => {
  const json = JSON.parse(JSON.stringify(planJson(x86)));
  assert.deepEqual(json.segments[0], {
    name: 'kernel',
    address: 0x2b000000,
    size: 0x3f97000,
    dataSize: 3 * 2 ** 20,
  });
  assert.deepEqual(json.handedOver.e820[1], { start: 0x3ffe0000, end: 0x40000000, type: 'acpi' });
  assert.equal(json.commandLine, 'elfcorehdr=966652K quiet');
});

test('-d: what the ELF core header says of the memory', () => {
  const data = buildElfCoreHeader({
    arch: 'x86_64',
    cpuNotes: [{ address: 0x1234, size: 0x200 }],
    vmcoreinfo: { address: 0x5000, size: 0x1024 },
    kernelText: undefined,
    ranges: [{ start: 0x1000, end: 0x9f000 }],
    linearOffset: 0xffff888000000000n,
  });
  const segments = [{ name: 'elfcorehdr', data, address: 0x3afff000, size: 0x1000 }];
  const lines = describePlan({ ...x86, segments });
  const at = lines.indexOf('ELF core header  3 program headers');
  assert.deepEqual(lines.slice(at + 1, at + 4), [
    '             0x000000001234-0x000000001433 PT_NOTE',
    '             0x000000005000-0x000000006023 PT_NOTE',
    '             0x000000001000-0x00000009efff PT_LOAD at 0xffff888000001000',
  ]);
});
