import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crashkernelFor } from './crashkernel-size.ts';
import { type EstimateFacts, estimate } from './estimate.ts';
import type { TestRecord } from './last-test.ts';

const MiB = 2 ** 20;

describe('crashkernel=', () => {
  it('is a size, or one by the memory of the machine', () => {
    const usual = '2G-64G:256M,64G-:512M';
    const of = (value: string, gibibytes: number): number => crashkernelFor(value, gibibytes * 2 ** 30) / MiB;
    assert.deepEqual(
      [of('256M', 1), of('256M@16M', 1), of('1G,high', 8), of(usual, 1), of(usual, 1.99), of(usual, 63.8)],
      [256, 256, 1024, 0, 256, 256],
    );
    assert.deepEqual(
      [of(usual, 64), of('auto', 8), of('2G-:', 8), of('1G-4G:192M@16M', 2)],
      [512, 0, 0, 192],
    );
  });
});

const facts: EstimateFacts = {
  reserved: 256 * MiB,
  usual: 256 * MiB,
  kernelSize: 50 * MiB,
  imageSize: 45 * MiB,
  test: undefined,
};
const test: TestRecord = {
  when: '2026-11-22T08:00:00.000Z',
  arrived: true,
  seconds: 30,
  reserved: 256 * MiB,
  leastAvailable: 106 * MiB,
  release: '6.1',
  imageSize: 45 * MiB,
};

describe('an estimate', () => {
  it('is the usual value when nothing was measured, or what kernel and image need when that is more', () => {
    const { recommended, basis, enough } = estimate(facts);
    assert.deepEqual([recommended / MiB, basis, enough], [256, 'default', true]);
    const large = estimate({ ...facts, imageSize: 100 * MiB });
    // 50 + 2 * 100 + 64, in steps of 16.
    assert.deepEqual([large.recommended / MiB, large.enough], [320, false]);
  });

  it('is what the last test used, and a fifth more', () => {
    const { recommended, basis, lines } = estimate({ ...facts, test });
    // 150 used, 32 to spare: 182.
    assert.deepEqual([recommended / MiB, basis], [192, 'measured']);
    assert.ok(lines.every(({ from }) => from !== ''));
    const hungry = estimate({ ...facts, test: { ...test, leastAvailable: 6 * MiB } });
    assert.deepEqual([hungry.recommended / MiB, hungry.enough], [304, false]);
  });

  it('takes nothing from a test that went wrong', () => {
    assert.equal(estimate({ ...facts, test: { ...test, arrived: false } }).basis, 'default');
    assert.equal(estimate({ ...facts, test: { ...test, leastAvailable: undefined } }).basis, 'default');
  });
});
