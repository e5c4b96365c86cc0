import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { placesBelow } from './places.ts';
import { type ServiceRequest, serviceOf, usableConfiguration, withService } from './service.ts';

let root: string;
let said: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vmcore-service-'));
  said = [];
});
afterEach(() => rmSync(root, { recursive: true }));

/** A service whose kdump.conf and sysconfig file have these texts. */
function request(conf: string, sysconfig = ''): ServiceRequest {
  writeFileSync(join(root, 'kdump.conf'), conf);
  writeFileSync(join(root, 'sysconfig'), sysconfig);
  return {
    files: {
      config: join(root, 'kdump.conf'),
      sysconfig: { path: join(root, 'sysconfig'), ifMissing: 'refuse' },
    },
    places: placesBelow(root),
    runtime: { node: process.execPath, entry: 'capture.ts' },
    stderr: (line) => void said.push(line),
  };
}

describe('the configuration of the service', () => {
  it('is refused with all its mistakes said, each with its line', () => {
    const service = serviceOf(request('ext4 UUID=1\npth /x\nfinal_action sleep\n'));
    assert.throws(() => usableConfiguration(service), {
      code: 'E_FILE',
      file: `${join(root, 'kdump.conf')}:2`,
      message: 'cannot be used: unknown key "pth" (and 1 more)',
    });
    assert.equal(said.length, 2);
    assert.match(said[0] ?? '', /^kdump: error: .*kdump\.conf:2: unknown key "pth"/);
    assert.match(said[1] ?? '', /^kdump: error: .*kdump\.conf:3: "sleep"/);
  });

  it('may have warnings, which are said as far as the sysconfig file wants', () => {
    const conf = 'ext4 UUID=1\nkdump_pre /no/such/program\n';
    usableConfiguration(serviceOf(request(conf)));
    assert.equal(said.length, 1);
    assert.match(
      said[0] ?? '',
      /^kdump: warning: .*kdump\.conf:2: \/no\/such\/program is not on this machine/,
    );
    said = [];
    usableConfiguration(serviceOf(request(conf, 'KDUMP_STDLOGLVL=1\n')));
    assert.deepEqual(said, []);
  });

  it('need not be there for what does not need it', async () => {
    const { files, ...rest } = request('');
    const missing = {
      config: join(root, 'no.conf'),
      sysconfig: { path: join(root, 'no'), ifMissing: 'refuse' },
    } as const;
    assert.equal(await withService({ ...rest, files: missing }, async () => 'done'), 'done');
  });
});

describe('two commands at once', () => {
  it('are done one after the other, and the second says that it waits', async () => {
    const order: string[] = [];
    const one = withService(request('ext4 UUID=1\n'), async () => {
      order.push('one begins');
      await new Promise((resolve) => setTimeout(resolve, 300));
      order.push('one ends');
    });
    const two = withService(request('ext4 UUID=1\n'), async () => void order.push('two'));
    await Promise.all([one, two]);
    assert.deepEqual(order, ['one begins', 'one ends', 'two']);
    assert.match(said.join('\n'), /another program is at work on kdump/);
  });
});
