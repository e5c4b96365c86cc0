import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCrashKernelRanges } from './running-kernel.ts';

describe('/proc/iomem', () => {
  it('tells all ranges of the crash kernel', () => {
    const iomem = [
      '00001000-0009fbff : System RAM',
      '00100000-5ffdcfff : System RAM',
      '  4f000000-5effffff : Crash kernel',
      '  5f000000-5f0fffff : Kernel code',
      '100000000-17fffffff : System RAM',
      '  170000000-17effffff : Crash kernel',
      '',
    ].join('\n');
    assert.deepEqual(parseCrashKernelRanges(iomem), [
      { start: 0x4f00_0000, end: 0x5f00_0000 },
      { start: 0x1_7000_0000, end: 0x1_7f00_0000 },
    ]);
  });

  it('shows zeros to whoever is not root, which are no ranges', () => {
    assert.deepEqual(parseCrashKernelRanges('  00000000-00000000 : Crash kernel\n'), []);
    assert.deepEqual(parseCrashKernelRanges(''), []);
  });
});
