import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findPlace, normalRanges, withoutRanges } from './memory-ranges.ts';

const range = (start: number, end: number) => ({ start, end });

test('ranges that touch are one, in order', () => {
  assert.deepEqual(normalRanges([range(30, 40), range(0, 10), range(10, 20), range(15, 18), range(5, 5)]), [
    range(0, 20),
    range(30, 40),
  ]);
});

test('what is taken out leaves both ends, one end, or nothing', () => {
  const all = [range(0, 100), range(200, 300)];
  assert.deepEqual(withoutRanges(all, [range(10, 20)]), [range(0, 10), range(20, 100), range(200, 300)]);
  assert.deepEqual(withoutRanges(all, [range(50, 250)]), [range(0, 50), range(250, 300)]);
  assert.deepEqual(withoutRanges(all, [range(0, 400)]), []);
  assert.deepEqual(withoutRanges(all, []), all);
});

test('a place is the lowest or the highest that is aligned and fits', () => {
  const free = [range(0x1100, 0x3000), range(0x8000, 0xa800)];
  assert.equal(findPlace(free, { size: 0x1000, align: 0x1000, from: 'bottom' }), 0x2000);
  assert.equal(findPlace(free, { size: 0x1000, align: 0x1000, from: 'top' }), 0x9000);
  assert.equal(findPlace(free, { size: 0x2000, align: 0x1000, from: 'bottom' }), 0x8000);
  assert.equal(findPlace(free, { size: 0x1000, align: 0x1000, max: 0x3000, from: 'top' }), 0x2000);
  assert.equal(findPlace(free, { size: 0x1000, align: 0x1000, min: 0x2001, from: 'bottom' }), 0x8000);
  assert.equal(findPlace(free, { size: 0x4000, align: 0x1000, from: 'top' }), undefined);
});
