/**
 * How much memory makedumpfile takes: a bound that does not depend on the dump.
 *
 * The peak is the kernel's own (VmHWM of /proc/PID/status), told by the process itself when it exits.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { PfnBitmap } from '../src/base/pfn-bitmap.ts';
import { asPaddr, asPfn } from '../src/base/units.ts';
import { open } from './rehearsal.ts';
import { writeHugeVmcore } from './support/huge-vmcore.ts';
import { numberedPage } from './support/pages.ts';

const limit = 150 * 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), 'vmcore-memory-'));
after(() => rmSync(folder, { recursive: true }));
const program = join(import.meta.dirname, '..', 'bin', 'vmcore');
const witness = pathToFileURL(join(import.meta.dirname, 'support', 'peak-memory.ts')).href;

/** Runs a command and returns the most memory it ever had, bytes. */
function peakOf(...args: readonly string[]): number {
  const told = join(folder, 'peak');
  const run = spawnSync(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: 15 * 60_000,
    env: { ...process.env, NODE_OPTIONS: `--import=${witness}`, VMCORE_TEST_PEAK: told },
  });
  assert.equal(run.status, 0, run.stderr);
  return Number(readFileSync(told, 'latin1'));
}

describe('a machine with 1 TiB of memory', () => {
  const input = join(folder, 'huge.elf');
  const output = join(folder, 'filtered');

  for (const options of [['-z'], ['-l', '--num-threads', '1'], ['-E']]) {
    it(`${options.join(' ')} -d 31: filtered in at most ${limit / 2 ** 20} MiB`, (t) => {
      // Once with a piece of its memory at 64 TiB.
      const highAt = options.includes('-z') ? 2 ** 46 - 2 ** 27 : undefined;
      const { endPfn, kept } = writeHugeVmcore(input, 2 ** 40, highAt);
      assert.equal(statSync(input).size - (statSync(input).size % 2 ** 20), 2 ** 40);
      const peak = Math.max(
        peakOf('makedumpfile', '-q', ...options, '-d', '31', input, output),
        peakOf('info', output),
      );
      t.diagnostic(`${Math.round(peak / 2 ** 20)} MiB`);
      const dump = open(output);
      const [low, high] = kept;
      assert.ok(low !== undefined && high !== undefined);
      assert.equal(dump.memory.endPfn, endPfn);
      for (let pfn = high.start; pfn < high.end; pfn++) {
        const page = new Uint8Array(4096);
        assert.equal(dump.memory.read(asPaddr(pfn * 4096), page), 4096);
        assert.deepEqual(page, numberedPage(pfn));
      }
      // ELF output leaves out zero pages, of which the low range is full.
      if (!options.includes('-E')) {
        assert.equal(dump.memory.countPages().present, low.end - low.start + high.end - high.start);
        const lowPages = new PfnBitmap(asPfn(low.start), asPfn(low.end));
        dump.memory.markPresent(lowPages);
        assert.equal(lowPages.count(), low.end - low.start);
      }
      dump.source.close();
      rmSync(output);
      assert.ok(peak <= limit, `${peak} bytes`);
    });
  }
});
