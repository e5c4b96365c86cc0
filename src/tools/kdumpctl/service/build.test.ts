import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ImageInput } from '../image/plan.ts';
import { whyStale } from './build.ts';
import { type ImageRecord, stampOf } from './state.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vmcore-build-'));
  path = join(folder, 'image');
});
afterEach(() => rmSync(folder, { recursive: true }));

const inputs: readonly ImageInput[] = [
  { what: 'the configuration', fingerprint: '1' },
  { what: 'the module ext4', fingerprint: '1' },
];
const planned = (now: readonly ImageInput[]) => ({ path, plan: { inputs: now } });
const recorded = (): Pick<ImageRecord, 'path' | 'stamp' | 'inputs'> => ({
  path,
  stamp: stampOf(path)!,
  inputs,
});

describe('why an image is built', () => {
  it('is that there is none', () => {
    assert.deepEqual(whyStale(planned(inputs), undefined), ['there is none']);
  });

  it('is that somebody else made or changed it', () => {
    writeFileSync(path, 'image');
    const made = ['the one that is there was made by something else'];
    assert.deepEqual(whyStale(planned(inputs), undefined), made);
    const record = recorded();
    assert.deepEqual(whyStale(planned(inputs), record), []);
    writeFileSync(path, 'another image');
    assert.deepEqual(whyStale(planned(inputs), record), made);
  });

  it('is what has changed, in words', () => {
    writeFileSync(path, 'image');
    const now = [
      { what: 'the configuration', fingerprint: '2' },
      { what: '/etc/kdump/post.d/mail.sh', fingerprint: '1' },
    ];
    assert.deepEqual(whyStale(planned(now), recorded()), [
      'the configuration has changed',
      '/etc/kdump/post.d/mail.sh is new',
      'the module ext4 is not needed any more',
    ]);
  });
});
