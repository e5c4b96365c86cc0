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
import { PfnBitmap } from '../src/base/pfn-bitmap.ts';
import { asPaddr, asPfn } from '../src/base/units.ts';
import type { Dump } from '../src/formats/dump.ts';
import { vmcore } from './command.ts';
import { open, rawDump } from './rehearsal.ts';

const folder = mkdtempSync(join(tmpdir(), 'vmcore-pages-'));
after(() => rmSync(folder, { recursive: true }));

const present = (dump: Dump): PfnBitmap => {
  const bitmap = new PfnBitmap(asPfn(0), dump.memory.endPfn);
  dump.memory.markPresent(bitmap);
  return bitmap;
};

/** Page frames in one of the two only, as text short enough for a failure message. */
function differences(ours: PfnBitmap, theirs: PfnBitmap): string[] {
  const found: string[] = [];
  for (let pfn = 0; pfn < Math.max(ours.end, theirs.end) && found.length < 20; pfn++) {
    if (ours.has(pfn) !== theirs.has(pfn))
      found.push(`${pfn} is only in ${ours.has(pfn) ? 'ours' : 'theirs'}`);
  }
  return found;
}

/** The first page whose bytes differ; undefined when all kept pages are equal. */
function differingPage(ours: Dump, theirs: Dump, pages: PfnBitmap): number | undefined {
  const { pageSize } = ours.memory;
  const [a, b] = [new Uint8Array(pageSize), new Uint8Array(pageSize)];
  for (const { start, end } of pages.runs()) {
    for (let pfn: number = start; pfn < end; pfn++) {
      const paddr = asPaddr(pfn * pageSize);
      assert.equal(ours.memory.read(paddr, a), pageSize, `ours, page ${pfn}`);
      assert.equal(theirs.memory.read(paddr, b), pageSize, `theirs, page ${pfn}`);
      if (Buffer.compare(a, b) !== 0) return pfn;
    }
  }
  return undefined;
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
        const [ourPages, theirPages] = [present(our), present(their)];
        assert.ok(ourPages.count() > 10_000, `${ourPages.count()} pages`);
        assert.deepEqual(differences(ourPages, theirPages), []);
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
});
