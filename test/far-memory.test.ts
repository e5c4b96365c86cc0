/**
 * A machine with a little memory at a very high physical address (64 TiB): the numbers of page frames are large, the memory is not. Everything answers
 * in seconds, and in the memory that it takes for any dump.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { PfnBitmap } from '../src/base/pfn-bitmap.ts';
import { asPaddr, asPfn } from '../src/base/units.ts';
import { open } from './rehearsal.ts';
import { type HugeVmcore, writeHugeVmcore } from './support/huge-vmcore.ts';
import { numberedPage } from './support/pages.ts';

const memoryLimit = 150 * 2 ** 20;
/** The machine of a test may be slow and busy; without the care that is tested here it is minutes, or no memory. */
const timeLimit = 30_000;
const folder = mkdtempSync(join(tmpdir(), 'vmcore-far-'));
after(() => rmSync(folder, { recursive: true }));
const program = join(import.meta.dirname, '..', 'bin', 'vmcore');
const witness = pathToFileURL(join(import.meta.dirname, 'support', 'peak-memory.ts')).href;

/** Runs a command within the limits and returns what it printed. */
function run(...args: readonly string[]): string {
  const told = join(folder, 'peak');
  const { status, stdout, stderr } = spawnSync(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: timeLimit,
    env: { ...process.env, NODE_OPTIONS: `--import=${witness}`, VMCORE_TEST_PEAK: told },
  });
  assert.equal(status, 0, `${args.join(' ')}: ${stderr}`);
  const peak = Number(readFileSync(told, 'latin1'));
  assert.ok(peak > 0 && peak <= memoryLimit, `${args.join(' ')}: ${peak} bytes`);
  return stdout;
}

describe('memory at 64 TiB', () => {
  const input = join(folder, 'far.elf');
  const output = join(folder, 'far.kdump');
  const highAt = 2 ** 46 - 2 ** 27;
  const ram = 2 ** 32 / 4096;
  let made: HugeVmcore;
  before(() => {
    made = writeHugeVmcore(input, 2 ** 32, highAt);
  });

  /** The dump has the pages that level 31 keeps, and nothing else. */
  function check(path: string): void {
    const dump = open(path);
    assert.equal(dump.memory.endPfn, made.endPfn);
    let kept = 0;
    for (const { start, end } of made.kept) {
      const pages = new PfnBitmap(asPfn(start - (start % 8)), asPfn(end));
      dump.memory.markPresent(pages);
      assert.equal(pages.countRange(start, end), end - start);
      kept += end - start;
    }
    assert.deepEqual(dump.memory.countPages(), { ram, present: kept });
    const high = made.kept.at(-1)!;
    for (let pfn = high.start; pfn < high.end; pfn++) {
      const page = new Uint8Array(4096);
      assert.equal(dump.memory.read(asPaddr(pfn * 4096), page), 4096);
      assert.deepEqual(page, numberedPage(pfn));
    }
    dump.source.close();
  }
  const pagesTold = (path: string): { ram: number; present: number } =>
    (JSON.parse(run('info', '--json', path)) as { pages: { ram: number; present: number } }).pages;

  it('info', () => assert.equal(pagesTold(input).ram, ram));

  it('makedumpfile to kdump-compressed, and what is read of that', () => {
    run('makedumpfile', '-q', '-z', '-d', '31', input, output);
    // The bitmaps are 2 GiB each, of which next to nothing is written.
    assert.ok(statSync(output).size > 2 ** 32 && statSync(output).blocks * 512 < 2 ** 25);
    check(output);
    assert.equal(pagesTold(output).ram, ram);
    const again = join(folder, 'again');
    run('makedumpfile', '-q', '-l', '--num-threads', '1', '-d', '31', output, again);
    check(again);
    rmSync(again);
  });

  it('makedumpfile -e', () => {
    const path = join(folder, 'without-vmemmap');
    run('makedumpfile', '-q', '-z', '-e', '--work-dir', folder, '-d', '31', input, path);
    rmSync(path);
  });

  it('makedumpfile --split and --reassemble', () => {
    const parts = [join(folder, 'part-1'), join(folder, 'part-2')];
    run('makedumpfile', '-q', '-z', '-d', '31', '--split', '--splitblock-size', '32', input, ...parts);
    const whole = join(folder, 'whole');
    run('makedumpfile', '-q', '--reassemble', ...parts, whole);
    check(whole);
    for (const path of [...parts, whole]) rmSync(path);
  });

  it('makedumpfile -E', () => {
    const path = join(folder, 'far-filtered.elf');
    run('makedumpfile', '-q', '-E', '-d', '30', input, path);
    check(path);
    rmSync(path);
  });

  it('makedumpfile --mem-usage', () => {
    const usage = JSON.parse(run('makedumpfile', '--json', '--mem-usage', input)) as { total: number };
    assert.equal(usage.total, ram);
  });
});
