import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describedKernel } from '../../../test/support/described-kernel.ts';
import { fakeDump } from '../../../test/support/fake-dump.ts';
import { SparseMemory } from '../../../test/support/sparse-memory.ts';
import { SyntheticKernel } from '../../../test/support/synthetic-kernel.ts';
import { summarize } from './info.ts';

const cpu = { name: 'CORE', type: 1, data: new Uint8Array(336) };

function crashed(...texts: string[]): SyntheticKernel {
  const log = texts.map((text, i) => `log <0>[${((i + 1) * 1.5).toFixed(6)}] ${text}`);
  return describedKernel(['release 6.1.0-test', 'arch x86_64', 'memory 0x0-0xffffff', ...log].join('\n'))
    .kernel;
}

describe('info', () => {
  it('says what happened, when, and what is in the dump', () => {
    const kernel = crashed('Linux version', 'Kernel panic - not syncing: test', 'Rebooting');
    for (let pfn = 100; pfn < 150; pfn++) kernel.memory.lose(pfn, 'excluded');
    const { info, log } = summarize(kernel.dump([cpu, cpu, { ...cpu, name: 'QEMU' }]));
    assert.deepEqual(info, {
      file: 'fake.vmcore',
      size: 0,
      format: 'fake',
      detail: 'a dump made by a test',
      arch: 'x86_64',
      release: '6.1.0-test',
      pageSize: 4096,
      dumpLevel: null,
      compression: null,
      incomplete: false,
      pages: { ram: 4096, present: 4046, excluded: 50, zero: null },
      crashTime: '2026-11-21T23:55:31Z',
      uptimeSeconds: 3,
      panic: 'Kernel panic - not syncing: test',
      cpus: 2,
      eraseinfo: [],
      missing: [],
    });
    assert.equal(log.length, 3);
  });

  it('takes the last line as the end of a kernel that did not panic', () => {
    const { info } = summarize(crashed('Linux version', 'something').dump());
    assert.equal(info.panic, null);
    assert.equal(info.uptimeSeconds, 3);
  });

  it('says what is missing and why, and tells the rest', () => {
    const kernel = new SyntheticKernel();
    const { info, log } = summarize(kernel.dump());
    assert.equal(info.release, '6.1.0-test');
    assert.equal(info.missing.length, 1);
    assert.match(info.missing[0]!, /^the log: its vmcoreinfo has (no|neither) SYMBOL\(prb\)/);
    assert.deepEqual(log, []);
    assert.equal(info.uptimeSeconds, null);
  });

  it('does without vmcoreinfo', () => {
    const { info } = summarize(fakeDump({ memory: new SparseMemory([{ start: 0, end: 8192 }]) }));
    assert.equal(info.release, null);
    assert.equal(info.crashTime, null);
    assert.deepEqual(info.pages, { ram: 2, present: 2, excluded: 0, zero: null });
    assert.match(info.missing.join(), /^the kernel: has no VMCOREINFO note/);
  });

  it('has no crash time when it is no time', () => {
    for (const text of ['x', '', '99999999999999999999']) {
      const kernel = crashed('x');
      kernel.addInfo({ CRASHTIME: text });
      assert.equal(summarize(kernel.dump()).info.crashTime, null, `"${text}"`);
    }
  });
});
