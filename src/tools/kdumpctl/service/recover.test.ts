import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type KdumpConf, parseKdumpConf } from '../conf/kdump-conf.ts';
import type { Log } from './log.ts';
import { recoverRawDump } from './recover.ts';

let folder: string;
let said: string[];
const tell = (text: string): void => void said.push(text);
const log: Log = { error: tell, warn: tell, info: tell };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vmcore-recover-'));
  said = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const conf = (target: string): KdumpConf => {
  const parsed = parseKdumpConf(`${target}\npath ${folder}/crash\n`, 'kdump.conf');
  assert.deepEqual(parsed.problems, []);
  return parsed.conf;
};

/** A flattened dump (makedumpfile's IMPLEMENTATION): a header of 4096 bytes, one record of bytes at offset 0, the end. */
function flattened(bytes: string): Uint8Array {
  const data = Buffer.from(bytes);
  const out = Buffer.alloc(4096 + 16 + data.length + 16);
  out.write('makedumpfile');
  out.writeBigUInt64BE(1n, 16);
  out.writeBigUInt64BE(1n, 24);
  out.writeBigUInt64BE(0n, 4096);
  out.writeBigUInt64BE(BigInt(data.length), 4096 + 8);
  data.copy(out, 4096 + 16);
  out.fill(0xff, 4096 + 16 + data.length);
  return out;
}

describe('a dump on a raw target', () => {
  it('becomes a file, once, and is told', async () => {
    const device = join(folder, 'device');
    writeFileSync(device, flattened('the dump'));
    const recovered = await recoverRawDump(conf(`raw ${device}`), log);
    assert.equal(readFileSync(recovered?.file ?? '', 'latin1'), 'the dump');
    assert.match(said.join(), /the dump on .*device is now .*\/vmcore \(8 B, complete\)/);
    assert.equal(await recoverRawDump(conf(`raw ${device}`), log), undefined);
    assert.equal(readdirSync(join(folder, 'crash')).length, 1);
  });

  it('is said to be out of reach, and keeps nobody from being armed', async () => {
    assert.equal(await recoverRawDump(conf(`raw ${folder}/no-such-device`), log), undefined);
    assert.match(said.join(), /^no dump could be taken off .*no-such-device: .*no such file/);
    assert.equal(await recoverRawDump(conf('raw PARTLABEL=no-such-label'), log), undefined);
    assert.equal(said.length, 2);
  });

  it('is not looked for where the target is another', async () => {
    assert.equal(await recoverRawDump(conf('ext4 UUID=1'), log), undefined);
    assert.deepEqual(said, []);
  });
});
