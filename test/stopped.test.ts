/** What is left when makedumpfile is stopped half-way: a dump that says it is incomplete, and can be read as far as it goes. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { asPaddr, asPfn } from '../src/base/units.ts';
import { nativeCodecs } from '../src/codecs/native.ts';
import { openDump } from '../src/formats/open.ts';
import { openFile } from '../src/sys/file-source.ts';
import { vmcore } from './command.ts';
import { open, rawDump } from './rehearsal.ts';

const folder = mkdtempSync(join(tmpdir(), 'vmcore-stopped-'));
after(() => rmSync(folder, { recursive: true }));
const program = join(import.meta.dirname, '..', 'bin', 'vmcore');

/** Opens as incomplete; every page is either as in the raw vmcore, or lost; at least `some` are there. */
function assertIncomplete(path: string, some: number): void {
  const info = JSON.parse(vmcore('info', '--json', path).stdout.toString());
  assert.equal(info.incomplete, true);
  const dump = openDump(openFile(path), { codecs: nativeCodecs(), cutShort: 'refuse' });
  const raw = open(rawDump());
  const [a, b] = [new Uint8Array(4096), new Uint8Array(4096)];
  let whole = 0;
  for (let pfn = 0; pfn < dump.memory.endPfn; pfn++) {
    const paddr = asPaddr(pfn * 4096);
    if (dump.memory.read(paddr, a) === 4096) {
      assert.equal(raw.memory.read(paddr, b), 4096);
      assert.ok(Buffer.compare(a, b) === 0, `page ${pfn}`);
      whole++;
    } else assert.match(dump.memory.state(asPfn(pfn)), /^(lost|excluded|absent)$/, `page ${pfn}`);
  }
  assert.ok(whole >= some, `${whole} pages came through`);
  dump.source.close();
  raw.source.close();
}

/** Starts a dump of everything, and waits until a good part of it is written. */
async function startAndWait(output: string): Promise<ReturnType<typeof spawn>> {
  const child = spawn(program, ['makedumpfile', '-c', '-d', '0', rawDump(), output], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  // The headers and descriptors of this dump take 5 MB; what comes then is page data.
  for (let tries = 0; tries < 3000; tries++) {
    if (existsSync(output) && statSync(output).size > 12_000_000) return child;
    await sleep(10);
  }
  child.kill('SIGKILL');
  throw new Error('nothing was written in 30 seconds');
}

const ended = (child: ReturnType<typeof spawn>): Promise<{ status: number | null; signal: string | null }> =>
  new Promise((resolve) => child.once('exit', (status, signal) => resolve({ status, signal })));

describe('a dump that was stopped half-way', () => {
  it('by a full disk: exit status 4, and what was written can be read', () => {
    // A tmpfs of its own, in a mount namespace of its own, so that it needs no root and is gone afterwards.
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const output = join(folder, 'full');
    const script =
      'mount -t tmpfs -o size=12m none "$1" && { "$2" makedumpfile -q -c -d 31 "$3" "$1/dump"; s=$?; cp "$1/dump" "$4"; exit $s; }';
    const run = spawnSync(
      'unshare',
      ['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', disk, program, rawDump(), output],
      {
        encoding: 'utf8',
        timeout: 120_000,
      },
    );
    assert.equal(run.status, 4, run.stderr);
    assert.match(run.stderr, /no space left.*\[E_NO_SPACE\]\n$/);
    assertIncomplete(output, 1000);
  });

  it('by SIGTERM: exit status 4, and what was written can be read', async () => {
    const output = join(folder, 'term');
    const child = await startAndWait(output);
    child.kill('SIGTERM');
    assert.deepEqual(await ended(child), { status: 4, signal: null });
    assertIncomplete(output, 1000);
  });

  it('by SIGKILL: what was written can be read all the same', async () => {
    const output = join(folder, 'kill');
    const child = await startAndWait(output);
    child.kill('SIGKILL');
    assert.deepEqual(await ended(child), { status: null, signal: 'SIGKILL' });
    assertIncomplete(output, 1000);
  });

  it('by a source that ends too early: exit status 4, and the rest is lost', () => {
    const source = join(folder, 'short.elf');
    const output = join(folder, 'short');
    copyFileSync(rawDump(), source);
    // The mem_map of this machine lies below; a cut there would leave nothing to filter by.
    truncateSync(source, Math.floor(statSync(source).size * 0.97));
    const before = statSync(source);
    const run = vmcore('makedumpfile', '-q', '-c', '-d', '1', '--cut-short', source, output);
    assert.equal(run.status, 4, run.stderr);
    assertIncomplete(output, 1000);
    const { size, mtimeMs } = statSync(source);
    assert.deepEqual(
      { size, mtimeMs },
      { size: before.size, mtimeMs: before.mtimeMs },
      'the source is untouched',
    );
  });
});
