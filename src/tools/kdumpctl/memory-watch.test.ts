import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readMeminfo, readPeakResident, watchMemory } from './memory-watch.ts';

let folder: string;
let meminfo: string;
let status: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'memory-watch-test-'));
  meminfo = join(folder, 'meminfo');
  status = join(folder, 'status');
  writeFileSync(status, 'Name:\tnode\nVmPeak:\t  999 kB\nVmHWM:\t   75604 kB\nVmRSS:\t   10 kB\n');
});
after(() => rmSync(folder, { recursive: true }));

const have = (availableKib: number): void =>
  writeFileSync(
    meminfo,
    `MemTotal:         209715 kB\nMemFree:           99999 kB\nMemAvailable:     ${availableKib} kB\nBuffers: 1 kB\n`,
  );

describe('the memory of the capture kernel', () => {
  it('is read from /proc/meminfo, in bytes', () => {
    have(1000);
    assert.deepEqual(readMeminfo(meminfo), { total: 209715 * 1024, available: 1000 * 1024 });
  });

  it('is remembered at its lowest', () => {
    have(5000);
    const watch = watchMemory(meminfo, status);
    have(2000);
    watch.sample();
    have(4000);
    assert.deepEqual(watch.headroom(), {
      total: 209715 * 1024,
      lowestAvailable: 2000 * 1024,
      peakResident: 75604 * 1024,
    });
  });

  it('of this very process is what the kernel says', () => {
    const peak = readPeakResident('/proc/self/status');
    assert.ok(peak >= process.memoryUsage.rss() / 2 && peak < 2 ** 40, `${peak}`);
  });

  it('is looked at in the end too', () => {
    have(5000);
    const watch = watchMemory(meminfo);
    have(100);
    assert.equal(watch.headroom().lowestAvailable, 100 * 1024);
  });

  it('is not read on every sample: they come thousands of times a second', () => {
    have(5000);
    const watch = watchMemory(meminfo);
    watch.sample();
    have(10);
    watch.sample();
    have(3000);
    assert.equal(watch.headroom().lowestAvailable, 3000 * 1024);
  });
});
