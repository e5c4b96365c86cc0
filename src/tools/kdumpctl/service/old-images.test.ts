import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import type { Log } from './log.ts';
import { removeOldImages } from './old-images.ts';
import { placesBelow } from './places.ts';

it('images of kernels that are gone are removed, and nothing else', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'vmcore-images-'));
  t.after(() => rmSync(root, { recursive: true }));
  const places = placesBelow(root);
  mkdirSync(join(root, 'lib/modules/6.1.0-50-amd64'), { recursive: true });
  mkdirSync(places.stateFolder, { recursive: true });
  const stays = ['initramfs-6.1.0-50-amd64kdump.img', 'initramfs-kdump.img.old', 'state.json'];
  for (const name of [...stays, 'initramfs-6.1.0-49-amd64kdump.img']) {
    writeFileSync(join(places.stateFolder, name), '');
  }
  const said: string[] = [];
  const log: Log = { error: assert.fail, warn: assert.fail, info: (text) => void said.push(text) };
  removeOldImages(places, root, log);
  assert.deepEqual(readdirSync(places.stateFolder).sort(), stays.sort());
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', /6\.1\.0-49-amd64kdump\.img: that kernel is not installed/);
});
