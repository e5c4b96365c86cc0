import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatReport, type RehearsalReport } from './report.ts';

const report: RehearsalReport = {
  kernel: { release: '6.1.0-50-amd64', image: '/boot/vmlinuz', modules: '/lib/modules/6.1.0-50-amd64' },
  machine: {
    arch: 'x86_64',
    accelerator: 'tcg',
    memory: 2 ** 30,
    cpus: 2,
    crashkernel: '256M',
    load: 'file',
    workload: undefined,
  },
  captureImage: { size: 43 * 2 ** 20, programSize: 38 * 2 ** 20, modules: ['ext4'] },
  steps: [
    { name: 'boot', seconds: 8.04 },
    { name: 'boot the capture kernel', seconds: 3.26 },
    { name: 'filter', seconds: 9 },
    { name: 'open', seconds: 0.2 },
  ],
  seconds: 20.5,
  panicToOff: {
    seconds: 12.26,
    steps: [
      { name: 'boot the capture kernel', seconds: 3.26 },
      { name: 'filter', seconds: 9 },
    ],
  },
  memory: {
    total: 212799488,
    availableAtStart: 145817600,
    availableLowest: 119570432,
    peakResident: 77418496,
  },
  dump: {
    guestPath: '/var/crash/x/vmcore',
    size: 20984437,
    level: 31,
    pages: { ram: 196317, excluded: { free: 133567 }, written: 26904 },
  },
  found: {
    info: {
      file: '/tmp/vmcore',
      size: 20984437,
      format: 'kdump',
      detail: 'kdump-compressed, version 6',
      arch: 'x86_64',
      release: '6.1.0-50-amd64',
      pageSize: 4096,
      dumpLevel: 31,
      compression: 'zstd',
      incomplete: false,
      pages: { ram: 196317, present: 26904, excluded: 169413, zero: 6262 },
      crashTime: '2026-11-22T02:21:39Z',
      uptimeSeconds: 10.304264,
      panic: 'Kernel panic - not syncing: sysrq triggered crash',
      cpus: 2,
      eraseinfo: [],
      missing: [],
    },
    dmesgTail: ['[   10.304264]  </TASK>'],
  },
  kept: ['/tmp/keep/vmcore'],
};

test('people read every figure that matters, aligned', () => {
  const text = formatReport(report);
  for (const line of [
    '  kernel         6.1.0-50-amd64 (/boot/vmlinuz)',
    '  machine        x86_64, 1.0 GiB, 2 CPUs, QEMU tcg, crashkernel=256M',
    '  memory used    73.8 MiB at the most, by the program that saved the dump',
    '  memory left    114 MiB at the lowest, of 203 MiB that the capture kernel has',
    '  dump           20.0 MiB at level 31 (/var/crash/x/vmcore)',
    '  panic          Kernel panic - not syncing: sysrq triggered crash',
    '  uptime         10.3 s',
    '  boot                 8.0',
    '  panic to power-off  12.3',
    '  open                 0.2',
    '  all                 20.5',
    '  left out: free  133,567',
    '  [   10.304264]  </TASK>',
    '  /tmp/keep/vmcore',
    'From panic to power-off: 12.3 seconds',
    '  boot the capture kernel  3.3   27%',
    '  filter                   9.0   73%',
  ]) {
    assert.ok(text.split('\n').includes(line), `${line}\nis not in\n${text}`);
  }
});

test('what is not known is said', () => {
  const info = {
    ...report.found.info,
    panic: null,
    uptimeSeconds: null,
    missing: ['the log: no vmcoreinfo'],
  };
  const memory = { ...report.memory, availableLowest: undefined, peakResident: undefined };
  const text = formatReport({ ...report, memory, kept: [], found: { ...report.found, info } });
  assert.match(text, /panic +not in the log/);
  assert.match(text, /uptime +unknown/);
  assert.match(text, /memory left +unknown at the lowest/);
  assert.match(text, /memory used +unknown at the most/);
  assert.match(text, /not found: the log: no vmcoreinfo/);
  assert.doesNotMatch(text, /Kept/);
});
