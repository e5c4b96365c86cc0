/** Did the rehearsed machine really crash, and did everything arrive that the report tells of? */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';
import { open, rawDump, report, savedDump, savedLog, serialLog } from './rehearsal.ts';

describe('a rehearsal', () => {
  it('panicked a real kernel, which says so on its own console', () => {
    assert.match(serialLog(), /Kernel panic - not syncing: sysrq triggered crash/);
    assert.equal(report().found.info.panic, 'Kernel panic - not syncing: sysrq triggered crash');
  });

  it('brought back a dump of the very kernel it booted', () => {
    const { kernel, found, machine } = report();
    assert.equal(found.info.release, kernel.release);
    assert.match(serialLog(), new RegExp(`Comm: .* ${RegExp.escape(kernel.release)} #`));
    assert.equal(found.info.cpus, machine.cpus);
    assert.equal(found.info.incomplete, false);
    assert.equal(found.info.dumpLevel, 31);
    assert.equal(found.info.compression, 'zstd');
  });

  it('counts every page of RAM exactly once', () => {
    const { pages } = report().dump;
    const { excluded, ram, written, lost } = pages as {
      excluded: Record<string, number>;
      ram: number;
      written: number;
      lost: number;
    };
    const left = Object.values(excluded).reduce((sum, count) => sum + count, 0);
    assert.equal(written + left + lost, ram);
    assert.equal(report().found.info.pages.ram, ram);
    assert.equal(report().found.info.pages.present, written);
    // A machine that has run for a few seconds has all of these.
    for (const kind of ['free', 'cache', 'user']) assert.ok((excluded[kind] ?? 0) > 100, kind);
  });

  it('takes less than three minutes, and says where they went', () => {
    const { steps, seconds } = report();
    assert.ok(seconds < 180, `${seconds} s`);
    const sum = steps.reduce((total, step) => total + step.seconds, 0);
    assert.ok(Math.abs(sum - seconds) < 2, `${sum} of ${seconds} s are accounted for`);
    for (const step of steps) assert.ok(step.seconds >= 0, step.name);
  });

  it('leaves memory in the capture kernel, and measured it', () => {
    const { total, availableAtStart, availableLowest } = report().memory;
    assert.ok(total !== undefined && availableAtStart !== undefined && availableLowest !== undefined);
    assert.ok(total < 256 * 2 ** 20, 'less than was reserved');
    assert.ok(availableLowest <= availableAtStart);
    assert.ok(availableLowest > 64 * 2 ** 20, `${availableLowest} bytes were left`);
  });

  it('saves with one thread in at most 90 MB, by the account of the capture kernel', () => {
    const { peakResident } = report().memory;
    assert.ok(peakResident !== undefined && peakResident > 20e6, `${peakResident} bytes`);
    assert.ok(peakResident <= 90e6, `${peakResident} bytes`);
    assert.match(serialLog(), /vmcore: filter-start \{.*"workers":0\b/);
  });

  it('keeps secrets: dump, log and serial log are readable by their owner only', () => {
    for (const path of report().kept) assert.equal(statSync(path).mode & 0o077, 0, path);
  });

  it('saved the log before the dump, and it ends where the kernel ended', () => {
    assert.match(savedLog(), /Linux version/);
    assert.match(savedLog(), /Kernel panic - not syncing: sysrq triggered crash/);
  });

  it('saved the raw vmcore whole: it holds all of RAM', () => {
    const { memory } = open(rawDump());
    assert.equal(memory.endPfn, open(savedDump()).memory.endPfn);
    assert.ok(statSync(rawDump()).size > 700 * 2 ** 20);
    assert.equal(readFileSync(savedDump()).subarray(0, 8).toString(), 'KDUMP   ');
  });
});
