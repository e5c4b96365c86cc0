import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DumpInfo } from '../tools/crash/info.ts';
import { formatDuration, infoFields } from './info.ts';

describe('durations', () => {
  it('are shown as people say them, in two units at most', () => {
    const cases: [number, string][] = [
      [0, '0.0 s'],
      [5.614922, '5.6 s'],
      [59.94, '59.9 s'],
      [59.96, '1 min'],
      [60, '1 min'],
      [61.4, '1 min 1 s'],
      [3599.7, '1 h'],
      [7325, '2 h 2 min'],
      [187_200, '2 d 4 h'],
      [86_401, '1 d 1 s'],
    ];
    for (const [seconds, text] of cases) assert.equal(formatDuration(seconds), text, String(seconds));
  });
});

describe('what vmcore info prints', () => {
  const info: DumpInfo = {
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
    pages: { ram: 196478, present: 27483, excluded: 168995, zero: 1234 },
    crashTime: '2026-11-21T23:28:51Z',
    uptimeSeconds: 5.6,
    panic: 'Kernel panic - not syncing: sysrq triggered crash',
    cpus: 2,
    eraseinfo: [],
    missing: [],
  };
  const fields = (changed: Partial<DumpInfo> = {}): Record<string, string> =>
    Object.fromEntries(infoFields({ ...info, ...changed }));

  it('is a line for each thing', () => {
    assert.deepEqual(fields(), {
      File: 'vmcore (20.4 MiB)',
      Format: 'kdump-compressed, version 6, zstd',
      Kernel: '6.1.0-56-amd64, x86_64, 4 KiB pages',
      Panic: 'Kernel panic - not syncing: sysrq triggered crash',
      Crashed: '2026-11-21T23:28:51Z',
      Uptime: '5.6 s',
      CPUs: '2',
      'Dump level': '31',
      Pages: '27,483 of 196,478 in the dump, 168,995 left out, 1,234 zero',
    });
  });

  it('says what is not known, rather than leaving it out', () => {
    const unknown = fields({
      release: null,
      panic: null,
      crashTime: null,
      uptimeSeconds: null,
      dumpLevel: null,
    });
    assert.equal(unknown.Kernel, 'unknown, x86_64, 4 KiB pages');
    assert.equal(unknown.Panic, 'no panic message found in the log');
    assert.deepEqual([unknown.Crashed, unknown.Uptime], ['unknown', 'unknown']);
    assert.equal(unknown['Dump level'], 'not recorded in this format');
    assert.doesNotMatch(fields({ pages: { ...info.pages, zero: null } }).Pages!, /zero/);
  });

  it('warns of a dump that is not complete, and tells what could not be read', () => {
    assert.match(fields({ incomplete: true }).Format!, /INCOMPLETE/);
    const lines = infoFields({ ...info, missing: ['the log: is lost', 'the kernel: is gone'] });
    assert.deepEqual(lines.slice(-2), [
      ['Missing', 'the log: is lost'],
      ['Missing', 'the kernel: is gone'],
    ]);
  });
});
