import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { crashkernelFor, type Piece, placeAll, type Room } from './placement.ts';

const MiB = 2 ** 20;
const room = (more: Partial<Room> = {}): Room => ({
  free: [{ start: 0x30000000, end: 0x30000000 + 128 * MiB }],
  pageSize: 4096,
  bounds: {},
  kind: 'crash',
  unpackedLater: 0,
  ...more,
});
const kernel: Piece = { name: 'kernel', size: 60 * MiB, align: 2 * MiB, from: 'bottom' };
const initrd = (size: number): Piece => ({ name: 'initrd', size, align: 4096, from: 'top' });

function errorOf(action: () => unknown): VmcoreError {
  try {
    action();
  } catch (error) {
    if (error instanceof VmcoreError) return error;
    throw error;
  }
  throw new Error('it worked');
}

test('pieces are whole pages, and do not overlap', () => {
  const places = placeAll(
    [kernel, initrd(5000), initrd(1)].map((p, i) => ({ ...p, name: `${i}` })),
    room(),
  );
  assert.deepEqual(
    [...places.values()],
    [
      { start: 0x30000000, end: 0x30000000 + 60 * MiB },
      { start: 0x38000000 - 8192, end: 0x38000000 },
      { start: 0x38000000 - 12288, end: 0x38000000 - 8192 },
    ],
  );
});

test('with pages of 64 KiB everything is a multiple of them', () => {
  const places = placeAll([initrd(1)], room({ pageSize: 65536 }));
  assert.deepEqual(places.get('initrd'), { start: 0x38000000 - 65536, end: 0x38000000 });
});

test('bounds can depend on what was placed before', () => {
  const near: Piece = { ...initrd(MiB), bounds: (placed) => ({ max: placed('kernel').end + 4 * MiB }) };
  assert.equal(placeAll([kernel, near], room()).get('initrd')?.end, 0x30000000 + 64 * MiB);
});

test('too large for the reservation: how much is needed, how much there is, what to write', () => {
  const error = errorOf(() => placeAll([kernel, initrd(100 * MiB)], room({ unpackedLater: 200 * MiB })));
  assert.equal(error.code, 'E_NEEDS');
  assert.equal(
    error.message,
    `does not fit: kernel, initrd need 160 MiB (${160 * MiB} bytes), reserved are 128 MiB`,
  );
  assert.equal(error.hint, 'boot with crashkernel=448M');
});

test('what is needed counts alignment, and is enough', () => {
  const odd = { start: 0x30001000, end: 0x30001000 + 64 * MiB };
  const pieces = [kernel, initrd(8 * MiB)];
  const needed = Number(
    /\((\d+) bytes\)/.exec(errorOf(() => placeAll(pieces, room({ free: [odd] }))).message)?.[1],
  );
  assert.equal(needed, 70 * MiB - 4096);
  placeAll(pieces, room({ free: [{ start: odd.start, end: odd.start + needed }] }));
  assert.throws(() =>
    placeAll(pieces, room({ free: [{ start: odd.start, end: odd.start + needed - 4096 }] })),
  );
});

test('crashkernel=: never below 256 MiB, in steps of 64', () => {
  assert.equal(crashkernelFor(10 * MiB, 0), '256M');
  assert.equal(crashkernelFor(193 * MiB, 0), '320M');
});

test('there would be room, but not where it has to be', () => {
  const low: Piece = { ...initrd(MiB), bounds: () => ({ max: 0x10000000 }) };
  assert.throws(
    () => placeAll([low], room()),
    failsWith('E_NEEDS', /no place for the initrd in 0x30000000-0x37ffffff/),
  );
});

test('--mem-min and --mem-max bound every piece, and are named when they are why', () => {
  const bounds = { min: 0x31000000, max: 0x36000000 };
  const places = placeAll([kernel, initrd(MiB)], room({ bounds }));
  assert.deepEqual([places.get('kernel')?.start, places.get('initrd')?.end], [bounds.min, bounds.max]);
  assert.throws(
    () => placeAll([kernel, initrd(30 * MiB)], room({ bounds })),
    failsWith('E_USAGE', /30\.0 MiB is free between --mem-min and --mem-max for the initrd/),
  );
});

test('a kernel to reboot into: which piece finds no memory', () => {
  assert.throws(
    () => placeAll([kernel, initrd(100 * MiB)], room({ kind: 'reboot' })),
    failsWith('E_NEEDS', /no free memory for the initrd: 100 MiB/),
  );
});
