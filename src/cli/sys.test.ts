import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SystemInfo } from '../tools/crash/sys.ts';
import { cpuList, systemFields, taintText } from './sys.ts';

describe('what vmcore sys prints', () => {
  it('writes lists of CPUs as the kernel does', () => {
    const cases: [readonly number[] | null, string][] = [
      [null, 'unknown'],
      [[], 'none'],
      [[0], '0'],
      [[0, 1, 2, 3], '0-3'],
      [[0, 2, 3, 5, 7, 8], '0,2-3,5,7-8'],
    ];
    for (const [cpus, text] of cases) assert.equal(cpuList(cpus), text);
  });

  it('explains what tainted the kernel', () => {
    assert.equal(taintText({ mask: 0, letters: '', taints: [] }), 'no');
    const taints = [
      { bit: 0, letter: 'P', meaning: 'one' },
      { bit: 7, letter: 'D', meaning: 'two' },
    ];
    assert.equal(taintText({ mask: 129, letters: 'PD', taints }), 'P (one), D (two)');
  });

  it('says what is not known, rather than leaving it out', () => {
    const nothing: SystemInfo = {
      nodename: null,
      release: null,
      version: null,
      machine: null,
      domainname: null,
      cpus: { possible: null, present: null, online: null },
      loadAverage: null,
      tasks: null,
      memory: null,
      uptimeSeconds: null,
      bootTime: null,
      crashTime: null,
      panic: null,
      tainted: null,
      commandLine: null,
      missing: [],
    };
    const fields = Object.fromEntries(systemFields(nothing));
    assert.equal(fields.Kernel, 'unknown, unknown');
    assert.equal(fields.CPUs, 'unknown online, unknown present, unknown possible');
    assert.equal(fields.Panic, 'no panic message found in the log');
    for (const label of [
      'Node',
      'Version',
      'Command line',
      'Tainted',
      'Booted',
      'Crashed',
      'Uptime',
      'Load',
      'Tasks',
      'Memory',
    ])
      assert.equal(fields[label], 'unknown', label);
  });
});
