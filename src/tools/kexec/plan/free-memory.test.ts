import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { parseIomem } from '../machine/iomem.ts';
import { freeForReboot, loadRange, memoryMapOf } from './free-memory.ts';

const x86 = parseIomem(`00000000-00000fff : Reserved
00001000-0009fbff : System RAM
0009fc00-0009ffff : Reserved
000a0000-000bffff : PCI Bus 0000:00
00100000-3ffdffff : System RAM
  01000000-02000de1 : Kernel code
  2b000000-3affffff : Crash kernel
3ffe0000-3fffffff : ACPI Tables
b0000000-bfffffff : PCI MMCONFIG 0000 [bus 00-ff]
  b0000000-bfffffff : Reserved
100000000-13fffffff : System RAM
140000000-17fffffff : Persistent Memory
  140000000-17fffffff : dax0.0
    140000000-17fffffff : System RAM (kmem)
`);

const arm64 = parseIomem(`09000000-09000fff : pl011@9000000
40000000-7fffffff : System RAM
  40210000-41ceffff : Kernel code
  41cf0000-4215ffff : reserved
  42160000-4270ffff : Kernel data
  4a000000-4a00ffff : reserved
  60000000-6fffffff : Crash kernel
`);

test('a capture kernel goes into the last reservation', () => {
  const low = { start: 0x2b000000, end: 0x3b000000 };
  const high = { start: 0x130000000, end: 0x140000000 };
  assert.equal(loadRange([low, high]), high);
  assert.throws(() => loadRange([]), failsWith('E_NEEDS', /no memory is reserved/));
});

test('x86_64: RAM above the first MiB, without the crash kernel', () => {
  assert.deepEqual(freeForReboot('x86_64', x86), [
    { start: 0x100000, end: 0x2b000000 },
    { start: 0x3b000000, end: 0x3ffe0000 },
    { start: 0x100000000, end: 0x140000000 },
  ]);
});

test('arm64: what firmware keeps inside of RAM is not free, the old kernel is', () => {
  assert.deepEqual(freeForReboot('arm64', arm64), [
    { start: 0x40000000, end: 0x41cf0000 },
    { start: 0x42160000, end: 0x4a000000 },
    { start: 0x4a010000, end: 0x60000000 },
    { start: 0x70000000, end: 0x80000000 },
  ]);
});

test('the memory map is the firmware’s, else what /proc/iomem shows of memory', () => {
  const given = [{ start: 0, end: 0x9fc00, type: 'ram' as const }];
  assert.deepEqual(memoryMapOf(given, x86), given);
  assert.deepEqual(
    memoryMapOf([], x86).map(({ start, type }) => [start, type]),
    [
      [0, 'reserved'],
      [0x1000, 'ram'],
      [0x9fc00, 'reserved'],
      [0x100000, 'ram'],
      [0x3ffe0000, 'acpi'],
      [0xb0000000, 'reserved'],
      [0x100000000, 'ram'],
      [0x140000000, 'pmem'],
    ],
  );
});
