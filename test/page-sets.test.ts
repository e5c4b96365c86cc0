/**
 * The same raw vmcore filtered by us and by Debian's makedumpfile: the same pages, with the same bytes.
 *
 * Both outputs are read with our reader; that the reader is right is shown against libkdumpfile in peers.test.ts.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { debianMakedumpfile } from '../lab/peers.ts';
import type { PfnBitmap } from '../src/base/pfn-bitmap.ts';
import { vmcore } from './command.ts';
import { open, rawDump } from './rehearsal.ts';
import { differences, differingPage, presentPages } from './support/kept-pages.ts';
import { vmemmapPages } from './support/vmemmap-pages.ts';

const folder = mkdtempSync(join(tmpdir(), 'vmcore-pages-'));
after(() => rmSync(folder, { recursive: true }));

/** Without -e: those are compared above. */
function pagesAt(level: number): PfnBitmap {
  const file = join(folder, 'all');
  const run = vmcore('makedumpfile', '-q', '-d', `${level}`, rawDump(), file);
  assert.equal(run.status, 0, run.stderr);
  const dump = open(file);
  try {
    return presentPages(dump);
  } finally {
    dump.source.close();
    rmSync(file);
  }
}

describe("kept pages, beside Debian's makedumpfile", () => {
  for (const level of [0, 1, 2, 4, 8, 16, 31]) {
    it(`-d ${level}: the same set, the same bytes`, async () => {
      const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')];
      // Level 31 is compressed by both; the large ones are stored, which is faster and compares the same pages.
      const codec = level === 31 ? ['-c'] : [];
      const run = vmcore('makedumpfile', '-q', ...codec, '-d', `${level}`, rawDump(), ours);
      assert.equal(run.status, 0, run.stderr);
      const peer = await debianMakedumpfile().run([...codec, '-d', `${level}`, rawDump(), theirs], {
        timeout: 300_000,
      });
      assert.equal(peer.status, 0, peer.stderr);
      const [our, their] = [open(ours), open(theirs)];
      try {
        const [ourPages, theirPages] = [presentPages(our), presentPages(their)];
        assert.ok(ourPages.count() > 10_000, `${ourPages.count()} pages`);
        assert.deepEqual(differences(ourPages, theirPages), { onlyOurs: [], onlyTheirs: [] });
        assert.equal(differingPage(our, their, ourPages), undefined);
        assert.equal(our.describe().zeroPages, their.describe().zeroPages, 'shared zero pages');
      } finally {
        our.source.close();
        their.source.close();
        rmSync(ours);
        rmSync(theirs);
      }
    });
  }

  for (const level of [2, 16, 31]) {
    it(`-e -d ${level}: the same set without the vmemmap of other pages, and the same header`, async (t) => {
      const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')];
      const options = ['-l', '-e', '--work-dir', folder, '-d', `${level}`, rawDump()];
      // In small windows: struct pages lie before and behind what they describe.
      const run = vmcore('makedumpfile', '--json', '--cyclic-buffer', '1', ...options, ours);
      assert.equal(run.status, 0, run.stderr);
      const all = pagesAt(level);
      const peer = await debianMakedumpfile().run([...options, theirs], { timeout: 300_000 });
      assert.equal(peer.status, 0, peer.stderr);
      const { unusedVmemmap } = JSON.parse(run.stdout.toString()) as { unusedVmemmap: number };
      assert.ok(unusedVmemmap > 20, `${unusedVmemmap} pages of the vmemmap`);
      const [our, their] = [open(ours), open(theirs)];
      try {
        const [ourPages, theirPages] = [presentPages(our), presentPages(their)];
        const takenOut = (from: PfnBitmap): number[] => differences(all, from).onlyOurs;
        const vmemmap = vmemmapPages(rawDump());
        assert.ok(takenOut(ourPages).every((pfn) => vmemmap.has(pfn)));
        // It reads the top page table from the beginning of a 512 GiB (find_vmemmap_x86_64() of 1.7.9), and where KASLR put the vmemmap, other things may
        // come first: then it takes these for it.
        const theirsTakenOut = takenOut(theirPages);
        if (theirsTakenOut.length > 0 && theirsTakenOut.every((pfn) => vmemmap.has(pfn))) {
          assert.deepEqual(differences(ourPages, theirPages), { onlyOurs: [], onlyTheirs: [] });
        } else t.diagnostic('makedumpfile did not find the vmemmap');
        assert.equal(their.describe().vmemmap, 'used');
        assert.equal(our.describe().vmemmap, 'used');
        assert.match(our.describe().detail, /without struct pages/);
        // Once more: the struct pages of what is not there are not missed.
        const again = vmcore('makedumpfile', '--json', '-c', '-d', `${level}`, '--dry-run', ours, 'none');
        assert.equal(again.status, 0, again.stderr);
        const { written, unjudged } = JSON.parse(again.stdout.toString()) as Record<string, number>;
        assert.deepEqual({ written, unjudged }, { written: ourPages.count(), unjudged: 0 });
      } finally {
        our.source.close();
        their.source.close();
        rmSync(ours);
        rmSync(theirs);
      }
    });
  }
});
