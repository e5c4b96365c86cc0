import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runChecked } from '../../../sys/programs.ts';
import { takeOutLanguages } from './small-icu.ts';

const said = `
  const date = new Date(0);
  console.log(JSON.stringify([date.toString(), date.getHours(), date.toLocaleString(), '\\u00e4'.normalize('NFKD').length,
    'stra\\u00dfe'.toUpperCase(), (1234.5).toLocaleString(), 'a'.localeCompare('b')]));`;

test('node without languages still knows time zones, Unicode and English, and is 25 MB emptier', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-icu-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const bytes = readFileSync(process.execPath);
  const removed = takeOutLanguages(bytes);
  assert.ok(removed > 25e6, `${removed} bytes`);
  const small = join(folder, 'node');
  writeFileSync(small, bytes, { mode: 0o755 });
  for (const env of [{ TZ: 'Europe/Berlin' }, { TZ: 'America/New_York', LANG: 'C' }]) {
    const run = async (node: string): Promise<string> =>
      (await runChecked(node, ['-e', said], { env })).stdout.toString();
    assert.equal(await run(small), await run(process.execPath));
  }
  // A language that is not there is English, as in a node that was built so.
  const german = await runChecked(small, ['-p', '(1234.5).toLocaleString("de-DE")'], {
    env: { LANG: 'de_DE.UTF-8' },
  });
  assert.equal(german.stdout.toString(), '1,234.5\n');
});

test('bytes that are no archive of ICU stay as they are', () => {
  assert.equal(takeOutLanguages(new Uint8Array(100)), 0);
  const cut = Buffer.alloc(64, 0xff);
  cut.writeUInt16LE(32, 0);
  cut.set([0xda, 0x27], 2);
  cut.write('CmnD', 12);
  const before = Buffer.from(cut);
  assert.equal(takeOutLanguages(cut), 0);
  assert.deepEqual(cut, before);
});
