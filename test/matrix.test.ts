/**
 * Every kernel we promise, at work when it crashed, filtered at all 32 levels by us and by the newest makedumpfile: the same pages.
 *
 * Long (a guest for each kernel is made once and kept, then a minute each): `npm run test:matrix`.
 *
 * What the peer is known to get wrong, and how the pages that it costs are told apart:
 *   1.7.8 on Linux 7.1 and later   page.compound_head became compound_info, which it does not read. It sees no tail of a compound page;
 *                                  the poison in a tail's mapping (all ones) then looks like anonymous memory, so that -d 8 drops tails
 *                                  whose head it keeps. Mended in makedumpfile f50c015 (May 2026), after 1.7.8.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { guestDump } from '../lab/guests/guests.ts';
import type { GuestKernelName } from '../lab/guests/kernels.ts';
import { newestMakedumpfile } from '../lab/peers.ts';
import { silentProgress } from '../src/base/progress.ts';
import { asVaddr } from '../src/base/units.ts';
import { Kernel } from '../src/kernel/kernel.ts';
import { readMemMap } from '../src/kernel/memory/mem-map.ts';
import { vmcore } from './command.ts';
import { open } from './rehearsal.ts';
import { differences, differingPage, presentPages, someOf } from './support/kept-pages.ts';

const kernels: readonly GuestKernelName[] = ['5.10-x86_64', '6.1-x86_64', '6.12-x86_64', '7.2-x86_64'];
const memory = 2 ** 30;
/** Levels at which the bytes of all pages are compared too, and how both compress then. */
const compressed: Readonly<Record<number, string>> = { 1: '-l', 8: '-c', 23: '-z', 31: '-z' };

const folder = mkdtempSync(join(tmpdir(), 'vmcore-matrix-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')];

/** Runs us, and says how it ended unless that was well. */
function filter(...args: readonly string[]): void {
  const run = vmcore('makedumpfile', '-q', ...args);
  assert.equal(run.status, 0, run.stderr);
}

/** Finds out of a page frame whether it is a tail that the peer takes for anonymous memory, and whether its head is kept. */
function misreadTail(path: string): (pfn: number, isKept: (pfn: number) => boolean) => boolean {
  const kernel = new Kernel(open(path));
  const { info } = kernel;
  const size = info.requireSize('page');
  const compoundInfo = info.offset('page.compound_info');
  const mapping = info.requireOffset('page.mapping');
  const runs = readMemMap(kernel);
  const word = (pfn: number, offset: number): bigint => {
    const run = runs.find(({ start, end }) => pfn >= start && pfn < end);
    assert.ok(run !== undefined, `page ${pfn} has a struct page`);
    const bytes = kernel.read(asVaddr(run.address + BigInt((pfn - run.start) * size + offset)), 8);
    return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  };
  return (pfn, isKept) => {
    if (compoundInfo === undefined) return false;
    const isTail = (candidate: number): boolean => (word(candidate, compoundInfo) & 1n) !== 0n;
    if (!isTail(pfn) || (word(pfn, mapping) & 1n) === 0n) return false;
    let head = pfn;
    while (isTail(head)) head--;
    return isKept(head);
  };
}

for (const kernel of kernels) {
  describe(`Linux ${kernel}`, () => {
    let raw = '';
    let isMisread: ReturnType<typeof misreadTail>;
    before(
      async () => {
        raw = (await guestDump({ kernel, memory }, silentProgress, new AbortController().signal)).raw;
        isMisread = misreadTail(raw);
      },
      { timeout: 30 * 60_000 },
    );

    for (let level = 0; level < 32; level++) {
      const codec = compressed[level];
      it(`-d ${level}: the same pages${codec === undefined ? '' : ', with the same bytes'}`, async () => {
        const options = [...(codec === undefined ? [] : [codec]), '-d', `${level}`];
        const peer = await (await newestMakedumpfile()).run([...options, raw, theirs], { timeout: 600_000 });
        assert.equal(peer.status, 0, peer.stderr);
        filter(...options, raw, ours);
        const [our, their] = [open(ours), open(theirs)];
        try {
          const [ourPages, theirPages] = [presentPages(our), presentPages(their)];
          assert.ok(theirPages.count() > 20_000, `${theirPages.count()} pages`);
          const { onlyOurs, onlyTheirs } = differences(ourPages, theirPages);
          assert.equal(someOf(onlyTheirs), someOf([]), 'kept only by the peer');
          const isKept = (pfn: number): boolean => ourPages.has(pfn);
          const wrong = onlyOurs.filter((pfn) => (level & 8) === 0 || !isMisread(pfn, isKept));
          assert.equal(someOf(wrong), someOf([]), 'kept only by us, and not a misread tail');
          if (codec !== undefined) assert.equal(differingPage(our, their, theirPages), undefined);
        } finally {
          our.source.close();
          their.source.close();
          rmSync(ours);
          rmSync(theirs);
        }
      });
    }

    // At levels without bit 8: the peer's misread tails would also count as unused.
    for (const level of kernel === '7.2-x86_64' ? [2, 16, 23] : [2, 8, 16, 31]) {
      it(`-e -d ${level}: the same pages, as one file and as two`, async () => {
        const options = ['-e', '--work-dir', folder, '-d', `${level}`];
        const peer = await (await newestMakedumpfile()).run([...options, raw, theirs], { timeout: 600_000 });
        assert.equal(peer.status, 0, peer.stderr);
        filter(...options, '--cyclic-buffer', '1', raw, ours);
        const theirPages = presentPages(open(theirs));
        const whole = differences(presentPages(open(ours)), theirPages);
        assert.equal(someOf([...whole.onlyOurs, ...whole.onlyTheirs]), someOf([]));
        rmSync(ours);
        const parts = [join(folder, 'part-0'), join(folder, 'part-1')];
        filter(...options, '--split', raw, ...parts);
        filter('--reassemble', ...parts, ours);
        assert.equal(open(ours).describe().vmemmap, 'used');
        const split = differences(presentPages(open(ours)), theirPages);
        assert.equal(someOf([...split.onlyOurs, ...split.onlyTheirs]), someOf([]));
        for (const path of [...parts, ours, theirs]) rmSync(path);
      });
    }

    it('keeps the same pages in small bitmaps and in parts', () => {
      const whole = join(folder, 'whole');
      filter('-d', '31', raw, whole);
      const expected = presentPages(open(whole));
      for (const buffer of ['64', '1024']) {
        filter('-d', '31', '--cyclic-buffer', buffer, raw, ours);
        const { onlyOurs, onlyTheirs } = differences(presentPages(open(ours)), expected);
        assert.equal(someOf([...onlyOurs, ...onlyTheirs]), someOf([]), `--cyclic-buffer ${buffer}`);
        rmSync(ours);
      }
      for (const count of [2, 5]) {
        const parts = Array.from({ length: count }, (_, index) => join(folder, `part-${index}`));
        filter('-d', '31', '--split', raw, ...parts);
        filter('--reassemble', ...parts, ours);
        const { onlyOurs, onlyTheirs } = differences(presentPages(open(ours)), expected);
        assert.equal(someOf([...onlyOurs, ...onlyTheirs]), someOf([]), `--split in ${count}`);
        for (const path of [...parts, ours]) rmSync(path);
      }
      rmSync(whole);
    });
  });
}
