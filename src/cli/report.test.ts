import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CrashReport } from '../tools/crash/report.ts';
import { reportFields } from './report.ts';

const frame = {
  offset: 0x16,
  pc: '0x1',
  sp: '0x2',
  found: 'orc',
  interrupted: false,
  registers: null,
} as const;

const report: CrashReport = {
  dump: {
    file: 'vmcore',
    size: 21376176,
    format: 'kdump',
    detail: 'kdump-compressed, version 6',
    arch: 'x86_64',
    release: '6.1.0-56-amd64',
    pageSize: 4096,
    dumpLevel: 31,
    compression: 'zstd',
    incomplete: false,
    pages: { ram: 196320, present: 26311, excluded: 170009, zero: null },
    crashTime: '2026-11-21T23:55:31Z',
    uptimeSeconds: 5.6,
    panic: 'Kernel panic - not syncing: Fatal exception',
    cpus: 2,
    eraseinfo: [],
    missing: [],
  },
  system: {
    nodename: 'node7',
    release: '6.1.0-56-amd64',
    version: '#1 SMP',
    machine: 'x86_64',
    domainname: '(none)',
    cpus: { possible: [0, 1, 2, 3], present: [0, 1, 2, 3], online: [0, 1, 3] },
    loadAverage: [0.32, 70, 0],
    tasks: 1060,
    memory: 2 ** 30,
    uptimeSeconds: 187200.5,
    bootTime: null,
    crashTime: null,
    panic: null,
    tainted: {
      mask: 4097,
      letters: 'PO',
      taints: [
        { bit: 0, letter: 'P', meaning: 'a proprietary module was loaded' },
        { bit: 12, letter: 'O', meaning: 'another' },
      ],
    },
    commandLine: 'quiet',
    missing: [],
  },
  panic: {
    message: 'Kernel panic - not syncing: Fatal exception',
    time: 5,
    cause: { message: 'BUG: kernel NULL pointer dereference, address: 0000000000000000', time: 5 },
    where: 'write_to_null+0x1b/0x30 [crash_module]',
  },
  where: 'write_to_null+0x1b/0x30 [crash_module]',
  crashed: {
    cpu: 1,
    crashed: true,
    pid: 109,
    comm: 'sh',
    frames: [
      { ...frame, symbol: '__crash_kexec', module: null },
      { ...frame, symbol: 'write_to_null', module: 'crash_module' },
    ],
    end: 'user mode',
    incomplete: null,
    user: null,
    remarks: [],
  },
  cpus: [],
  log: [],
  memory: {
    total: 2 ** 30,
    free: 2 ** 29,
    available: 2 ** 29,
    used: 2 ** 29,
    shared: 0,
    buffers: 0,
    cached: 0,
    anonymous: 0,
    mapped: 0,
    dirty: 0,
    writeback: 0,
    slab: 2 ** 24,
    slabReclaimable: 0,
    slabUnreclaimable: 0,
    kernelStack: 0,
    pageTables: 0,
    vmalloc: 0,
    perCpu: 0,
    swap: { total: 2 ** 20, free: 0, used: 2 ** 20 },
    swapFiles: [],
    commit: null,
    hugePages: [],
  },
  missing: [],
};
const fields = (changed: Partial<CrashReport> = {}): Record<string, string> =>
  Object.fromEntries(reportFields({ ...report, ...changed }));

describe('what vmcore FILE prints first', () => {
  it('is a line for each thing', () => {
    assert.deepEqual(fields(), {
      Panic: 'Kernel panic - not syncing: Fatal exception',
      Cause: 'BUG: kernel NULL pointer dereference, address: 0000000000000000',
      Where: 'write_to_null+0x1b/0x30 [crash_module]',
      Who: 'PID 109 sh on CPU 1',
      Crashed: '2026-11-21T23:55:31Z',
      Uptime: '2 d 4 h',
      Kernel: '6.1.0-56-amd64, x86_64, 4 KiB pages',
      Version: '#1 SMP',
      Node: 'node7',
      Tainted: 'P (a proprietary module was loaded), O (another)',
      'Command line': 'quiet',
      CPUs: '0-1,3 online of 0-3',
      Load: '0.32 70.00 0.00, 1,060 tasks',
      Memory: '1.0 GiB, 512 MiB free, 512 MiB available, 16.0 MiB slab, 1.0 MiB of 1.0 MiB swap used',
      File: 'vmcore (20.4 MiB), kdump-compressed, version 6, zstd, level 31',
      Pages: '26,311 of 196,320 in the dump, 170,009 left out',
    });
  });

  it('says what is not known, rather than leaving it out', () => {
    const unknown = fields({
      panic: null,
      system: null,
      where: null,
      crashed: null,
      memory: null,
      dump: { ...report.dump, release: null, crashTime: null, uptimeSeconds: null, incomplete: true },
    });
    assert.deepEqual(unknown, {
      Panic: 'no panic message found in the log',
      Who: 'unknown',
      Crashed: 'unknown',
      Uptime: 'unknown',
      Kernel: 'unknown, x86_64, 4 KiB pages',
      File: 'vmcore (20.4 MiB), kdump-compressed, version 6, zstd, level 31, INCOMPLETE',
      Pages: '26,311 of 196,320 in the dump, 170,009 left out',
    });
  });
});
