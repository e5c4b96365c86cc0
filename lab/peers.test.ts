import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePageAnswers } from './peers.ts';

test('what libkdumpfile-pages.py prints is read back: hashes, and reasons with any text', () => {
  const hash = 'ab'.repeat(32);
  assert.deepEqual(
    parsePageAnswers(`0 - could not read memory: Excluded page: 0x0\n16 ${hash}\n17 - \n`),
    new Map<number, unknown>([
      [0, { unreadable: 'could not read memory: Excluded page: 0x0' }],
      [16, { sha256: hash }],
      [17, { unreadable: '' }],
    ]),
  );
});
