import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headroomOf, headroomText } from './headroom.ts';

const MiB = 2 ** 20;
const arrived = { arrived: true, reserved: 256 * MiB, leastAvailable: 113 * MiB };

test('a dump that arrived with memory to spare is enough', () => {
  const headroom = headroomOf(arrived, 203 * MiB);
  assert.equal(headroom.verdict, 'enough');
  assert.equal(headroom.crashkernel, undefined);
  assert.equal(headroomText(headroom), '113 MiB left at the lowest of 203 MiB: enough');
});

test('one that arrived with little left is tight, and what to write is more than was reserved', () => {
  const headroom = headroomOf({ ...arrived, leastAvailable: 10 * MiB }, 203 * MiB);
  assert.equal(headroom.verdict, 'tight');
  assert.ok(Number.parseInt(headroom.crashkernel ?? '', 10) > 256);
  assert.match(headroomText(headroom), /10\.0 MiB left .*: tight, write crashkernel=\d+M$/);
});

test('one that did not arrive is for want of memory only when hardly any was left', () => {
  const failed = { ...arrived, arrived: false };
  assert.equal(headroomOf({ ...failed, leastAvailable: 3 * MiB }, 203 * MiB).crashkernel, '320M');
  const other = headroomOf(failed, 203 * MiB);
  assert.equal(other.verdict, 'unknown');
  assert.equal(headroomText(other), '113 MiB left at the lowest of 203 MiB');
  assert.match(headroomText(headroomOf({ ...failed, leastAvailable: undefined }, undefined)), /not measured/);
});
