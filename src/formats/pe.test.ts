import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failsWith } from '../../test/support/expect-error.ts';
import { peBytes } from '../../test/support/kernel-images.ts';
import { isPe, parsePe, peFileEnd, peSectionBytes } from './pe.ts';

const file = peBytes({
  sections: [
    { name: '.osrel', data: Uint8Array.of(1, 2, 3) },
    { name: '.linux', data: new Uint8Array(700).fill(7) },
  ],
});

test('machine and sections', () => {
  assert.equal(isPe(file), true);
  const pe = parsePe(file, 'x.efi');
  assert.equal(pe.machine, 0x8664);
  assert.deepEqual(
    pe.sections.map(({ name, virtualSize, fileSize }) => [name, virtualSize, fileSize]),
    [
      ['.osrel', 3, 512],
      ['.linux', 700, 1024],
    ],
  );
});

test('a section has its bytes without the padding, and the program ends where the last one does', () => {
  const pe = parsePe(file, 'x.efi');
  assert.deepEqual(peSectionBytes(file, pe.sections[0]!, 'x.efi'), Uint8Array.of(1, 2, 3));
  assert.equal(peSectionBytes(file, pe.sections[1]!, 'x.efi').length, 700);
  assert.equal(peFileEnd(pe), file.length);
  assert.equal(peFileEnd({ machine: 0, sections: [] }), 0);
});

test('what is too short, or has no PE signature, is no PE file', () => {
  assert.equal(isPe(file.subarray(0, 60)), false);
  assert.equal(isPe(file.subarray(0, 0x50)), false);
  const other = file.slice();
  other[0x40] = 0x4e; // NE: a program for Windows 3
  assert.equal(isPe(other), false);
  assert.equal(isPe(new Uint8Array(4096)), false);
});

test('a file that ends inside its table or inside a section says so', () => {
  assert.throws(() => parsePe(file.subarray(0, 0x40 + 24 + 250), 'x.efi'), failsWith('E_TRUNCATED', /2 PE/));
  const pe = parsePe(file, 'x.efi');
  assert.throws(
    () => peSectionBytes(file.subarray(0, file.length - 1024), pe.sections[1]!, 'x.efi'),
    failsWith('E_TRUNCATED', /\.linux/),
  );
});
