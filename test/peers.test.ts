/** Do the tools that people have read our files, and do we read theirs? */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { debianMakedumpfile, libkdumpfilePages, newestDrgn, newestMakedumpfile } from '../lab/peers.ts';
import { PfnBitmap } from '../src/base/pfn-bitmap.ts';
import { asPaddr, asPfn } from '../src/base/units.ts';
import { vmcore } from './command.ts';
import { open, rawDump, report, savedDump, savedLog } from './rehearsal.ts';

const folder = mkdtempSync(join(tmpdir(), 'vmcore-peers-'));
after(() => rmSync(folder, { recursive: true }));

const dumped = (path: string): number[] => {
  const { memory } = open(path);
  const bitmap = new PfnBitmap(asPfn(0), memory.endPfn);
  memory.markPresent(bitmap);
  return [...bitmap.runs()].flatMap(({ start, end }) =>
    Array.from({ length: end - start }, (_, i) => start + i),
  );
};

describe('the rehearsed dump', () => {
  it('gives the newest makedumpfile the log that we print, byte for byte', async () => {
    const log = join(folder, 'newest.dmesg');
    const peer = await newestMakedumpfile();
    const run = await peer.run(['--dump-dmesg', savedDump(), log]);
    assert.equal(run.status, 0, run.stderr);
    // 1.7.4 and later print who logged each record.
    const ours = vmcore('dmesg', '--caller', savedDump());
    assert.equal(ours.status, 0, ours.stderr);
    assert.ok(ours.stdout.length > 10_000);
    assert.equal(ours.stdout.toString('latin1'), readFileSync(log, 'latin1'));
  });

  it("gives Debian 12's makedumpfile, which has no zstd, the same log from a copy in zlib and from the ELF", async () => {
    const copy = join(folder, 'zlib');
    assert.equal(vmcore('makedumpfile', '-q', '-c', '-d', '31', savedDump(), copy).status, 0);
    const ours = vmcore('dmesg', savedDump()).stdout.toString('latin1');
    for (const [name, dump] of [
      ['copy', copy],
      ['raw', rawDump()],
    ] as const) {
      const log = join(folder, `${name}.dmesg`);
      const run = await debianMakedumpfile().run(['--dump-dmesg', dump, log]);
      assert.equal(run.status, 0, run.stderr);
      assert.equal(ours, readFileSync(log, 'latin1'), name);
    }
    assert.equal(ours, savedLog(), 'what was saved in the capture kernel');
  });

  it('gives libkdumpfile every page with the bytes of the raw vmcore', async () => {
    const raw = open(rawDump());
    const pfns = dumped(savedDump());
    const answers = await libkdumpfilePages(savedDump(), raw.memory.pageSize, pfns);
    const page = new Uint8Array(raw.memory.pageSize);
    for (const pfn of pfns) {
      assert.equal(raw.memory.read(asPaddr(pfn * page.length), page), page.length);
      const sha256 = createHash('sha256').update(page).digest('hex');
      assert.deepEqual(answers.get(pfn), { sha256 }, `page ${pfn}`);
    }
  });

  it('is a Linux core dump with the right vmcoreinfo to drgn', async () => {
    const script =
      'import drgn, sys; p = drgn.Program(); p.set_core_dump(sys.argv[1]); print(p["VMCOREINFO"].string_().decode())';
    const drgn = await newestDrgn();
    const { status, stdout, stderr } = await drgn.run(['-c', script, savedDump()]);
    assert.equal(status, 0, stderr);
    assert.equal(stdout.toString().trim(), open(savedDump()).vmcoreinfo?.trim());
  });
});

describe('an ELF dump that we wrote', () => {
  const elf = join(folder, 'filtered.elf');
  it('opens in makedumpfile, which filters it no further', async () => {
    const ours = vmcore('makedumpfile', '-q', '--json', '-E', '-d', '31', rawDump(), elf);
    assert.equal(ours.status, 0, ours.stderr);
    const log = join(folder, 'elf.dmesg');
    const run = await debianMakedumpfile().run(['--dump-dmesg', elf, log]);
    assert.equal(run.status, 0, run.stderr);
    assert.equal(vmcore('dmesg', elf).stdout.toString('latin1'), readFileSync(log, 'latin1'));
  });

  it('can be filtered again, and nothing of the kernel is lost by it', () => {
    const again = join(folder, 'again');
    const run = vmcore('makedumpfile', '-q', '-c', '-d', '31', elf, again);
    assert.equal(run.status, 0, run.stderr);
    assert.equal(vmcore('dmesg', again).stdout.toString(), vmcore('dmesg', elf).stdout.toString());
  });

  it('holds every page that the level keeps, with the same bytes, and says of the others that they are excluded', () => {
    const [raw, filtered, compressed] = [open(rawDump()), open(elf), open(savedDump())];
    const [a, b] = [new Uint8Array(4096), new Uint8Array(4096)];
    const zero = new Uint8Array(4096);
    for (const pfn of dumped(savedDump())) {
      const paddr = asPaddr(pfn * 4096);
      assert.equal(raw.memory.read(paddr, a), 4096);
      if (filtered.memory.read(paddr, b) === 4096) assert.ok(Buffer.compare(a, b) === 0, `page ${pfn}`);
      else {
        // Level bit 1: zero pages are shared in kdump files, and left out of ELF ones.
        assert.deepEqual(a, zero, `page ${pfn} is missing and not zero`);
        assert.equal(filtered.memory.state(asPfn(pfn)), 'excluded');
      }
    }
    assert.equal(filtered.memory.endPfn, compressed.memory.endPfn);
  });
});

describe("makedumpfile's files", () => {
  for (const codec of ['-c', '-z'] as const) {
    it(`with ${codec} open with the same pages as ours`, async () => {
      const theirs = join(folder, `theirs${codec}`);
      const peer = await newestMakedumpfile();
      const run = await peer.run([codec, '-d', '31', rawDump(), theirs], { timeout: 300_000 });
      assert.equal(run.status, 0, run.stderr);
      const info = JSON.parse(vmcore('info', '--json', theirs).stdout.toString());
      const { pages, release, panic, cpus } = JSON.parse(
        vmcore('info', '--json', savedDump()).stdout.toString(),
      );
      assert.deepEqual(
        { pages: info.pages, release: info.release, panic: info.panic, cpus: info.cpus },
        { pages, release, panic, cpus },
      );
      assert.equal(pages.present, report().found.info.pages.present);
    });
  }
});
