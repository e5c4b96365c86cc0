import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Log } from './log.ts';
import { newestDump, tellOfNewDump } from './new-dumps.ts';
import { type Places, placesBelow } from './places.ts';

let root: string;
let places: Places;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vmcore-dumps-'));
  places = placesBelow(root);
});
afterEach(() => rmSync(root, { recursive: true }));

const dump = (name: string, file: string, seconds: number): string => {
  const folder = join(root, 'crash', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), '');
  utimesSync(join(folder, file), seconds, seconds);
  return folder;
};

describe('dumps on this machine', () => {
  it('are found by what a save writes, the newest first', () => {
    const folder = join(root, 'crash');
    assert.equal(newestDump(folder), undefined);
    dump('127.0.0.1-2026-11-22-09:00:00', 'vmcore-dmesg.txt', 300);
    assert.equal(newestDump(folder), undefined);
    dump('127.0.0.1-2026-11-20-09:00:00', 'vmcore', 100);
    const newest = dump('127.0.0.1-2026-11-21-09:00:00', 'vmcore-incomplete', 200);
    assert.equal(newestDump(folder), newest);
  });

  it('are told of once, to whom asked for it', () => {
    const said: string[] = [];
    const log: Log = { error: assert.fail, info: assert.fail, warn: (text) => void said.push(text) };
    tellOfNewDump(places, undefined, 'tell', log);
    tellOfNewDump(places, '/crash/1', 'silent', log);
    assert.deepEqual([said, existsSync(places.motd)], [[], false]);
    tellOfNewDump(places, '/crash/1', 'tell', log);
    tellOfNewDump(places, '/crash/1', 'tell', log);
    assert.equal(said.length, 1);
    assert.match(readFileSync(places.motd, 'utf8'), /its dump was saved: \/crash\/1\n/);
    assert.equal(statSync(places.motd).mode & 0o777, 0o644);
  });
});
