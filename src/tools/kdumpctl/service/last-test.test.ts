import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readLastTest, type TestRecord, writeLastTest } from './last-test.ts';
import { type Places, placesBelow } from './places.ts';

let root: string;
let places: Places;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'vmcore-service-'));
  places = placesBelow(root);
});
after(() => rmSync(root, { recursive: true }));

const record: TestRecord = {
  when: '2026-11-22T08:30:00.000Z',
  arrived: true,
  seconds: 31.5,
  reserved: 268435456,
  leastAvailable: 90 << 20,
  release: '6.1.0-50-amd64',
  imageSize: 45 << 20,
};

describe('the last test', () => {
  it('is not there before one was made', () => {
    assert.equal(readLastTest(places), undefined);
  });

  it('comes back as it was, readable by root only', () => {
    writeLastTest(places, record);
    assert.deepEqual(readLastTest(places), record);
    const file = join(places.stateFolder, 'last-test.json');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const failed = { ...record, arrived: false, seconds: undefined, leastAvailable: undefined };
    writeLastTest(places, failed);
    assert.deepEqual(readLastTest(places), failed);
  });

  it('does not count when it is damaged or of another version', () => {
    const file = join(places.stateFolder, 'last-test.json');
    for (const text of ['', '{', '[]', 'null', JSON.stringify({ ...record, version: 99 })]) {
      writeFileSync(file, text);
      assert.equal(readLastTest(places), undefined);
    }
  });
});
