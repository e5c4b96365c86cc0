import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { failsWith } from '../../../test/support/expect-error.ts';
import { numberedPage } from '../../../test/support/pages.ts';
import { SparseMemory } from '../../../test/support/sparse-memory.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asPfn } from '../../base/units.ts';
import { BatchReader } from './read-batch.ts';

const pages = 40;
function memory(): SparseMemory {
  const made = new SparseMemory([{ start: 0, end: pages * 4096 }]);
  for (let pfn = 0; pfn < pages; pfn++) made.put(pfn * 4096, numberedPage(pfn));
  return made;
}
const runsOf = (...runs: [number, number][]) =>
  runs.map(([start, end]) => ({ start: asPfn(start), end: asPfn(end) }));

/** All batches of `room` pages: the number of each page, or "lost". */
function readAll(from: SparseMemory, runs: [number, number][], room: number): (number | 'lost')[][] {
  const reader = new BatchReader(from, runsOf(...runs));
  const into = new Uint8Array(room * 4096);
  const batches: (number | 'lost')[][] = [];
  while (reader.next !== undefined) {
    into.fill(0xee);
    const { count, lost } = reader.read(into);
    batches.push(
      Array.from({ length: count }, (_, i) => {
        const page = into.slice(i * 4096, (i + 1) * 4096);
        if (!lost.has(i)) {
          const number = (new DataView(page.buffer).getUint32(0) - 0x10001) / 0x10001;
          assert.deepEqual(page, numberedPage(number));
          return number;
        }
        assert.ok(
          page.every((byte) => byte === 0),
          'nothing of another page is left in a lost one',
        );
        return 'lost';
      }),
    );
  }
  return batches;
}

describe('batches of pages', () => {
  it('are filled over the gaps between runs', () => {
    assert.deepEqual(
      readAll(
        memory(),
        [
          [1, 3],
          [10, 14],
        ],
        4,
      ),
      [
        [1, 2, 10, 11],
        [12, 13],
      ],
    );
  });

  it('are none when there is nothing to read', () => {
    assert.deepEqual(readAll(memory(), [], 4), []);
  });

  it('stop before the end of a part', () => {
    const reader = new BatchReader(memory(), runsOf([1, 20]));
    const into = new Uint8Array(8 * 4096);
    assert.equal(reader.read(into, 4).count, 3);
    assert.equal(reader.next, 4);
    assert.equal(reader.read(into, 100).count, 8);
  });

  it('lose one page to an error on one page, wherever it is in the batch', () => {
    for (const bad of [4, 6, 7]) {
      const failing = memory();
      failing.failAt(bad);
      const expected = [4, 5, 6, 7].map((pfn) => (pfn === bad ? 'lost' : pfn));
      assert.deepEqual(readAll(failing, [[4, 8]], 4), [expected]);
    }
  });

  it('lose exactly the pages that cannot be read, for any runs, batches and damage', () => {
    const damage = fc.uniqueArray(fc.tuple(fc.nat(pages - 1), fc.constantFrom('error', 'lost', 'corrupt')), {
      selector: ([pfn]) => pfn,
      maxLength: 10,
    });
    const cuts = fc.uniqueArray(fc.nat(pages), { maxLength: 8 });
    fc.assert(
      fc.property(damage, cuts, fc.integer({ min: 1, max: 12 }), (bad, edges, room) => {
        const damaged = memory();
        for (const [pfn, how] of bad) {
          if (how === 'error') damaged.failAt(pfn);
          else damaged.lose(pfn, how as 'lost' | 'corrupt');
        }
        const sorted = edges.sort((a, b) => a - b);
        const runs: [number, number][] = [];
        for (let i = 0; i + 1 < sorted.length; i += 2) runs.push([sorted[i]!, sorted[i + 1]!]);
        const wanted = runs.flatMap(([start, end]) =>
          Array.from({ length: end - start }, (_, i) => start + i),
        );
        const isBad = new Set(bad.map(([pfn]) => pfn));
        assert.deepEqual(
          readAll(damaged, runs, room).flat(),
          wanted.map((pfn) => (isBad.has(pfn) ? 'lost' : pfn)),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('do not hide an error that is no reading error', () => {
    const broken = memory();
    broken.read = () => {
      throw new VmcoreError('E_UNSUPPORTED', 'a codec that this build lacks');
    };
    const reader = new BatchReader(broken, runsOf([0, 1]));
    assert.throws(() => reader.read(new Uint8Array(4096)), failsWith('E_UNSUPPORTED'));
  });
});
