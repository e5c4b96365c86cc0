import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { parseKdumpConf } from '../conf/kdump-conf.ts';
import { install, uninstall } from './install.ts';
import type { Log } from './log.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vmcore-install-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const warnings: string[] = [];
const log: Log = { error: assert.fail, warn: (text) => void warnings.push(text), info: () => {} };
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('the installed service', () => {
  it('is put in place, enabled, and again the same', async () => {
    const made = await install({ root, program: '/opt/vmcore/bin/vmcore' }, log);
    assert.deepEqual(made, [
      '/etc/systemd/system/kdump.service',
      '/etc/systemd/system/kdump-reload.service',
      '/etc/udev/rules.d/98-kdump.rules',
      '/etc/kdump.conf',
      '/etc/systemd/system/multi-user.target.wants/kdump.service',
    ]);
    assert.match(
      read('etc/systemd/system/kdump.service'),
      /^ExecStart=\/opt\/vmcore\/bin\/vmcore kdumpctl start$/m,
    );
    for (const path of made.slice(0, 3)) assert.doesNotMatch(read(path), /@[A-Z]+@/);
    assert.equal(
      readlinkSync(join(root, 'etc/systemd/system/multi-user.target.wants/kdump.service')),
      '/etc/systemd/system/kdump.service',
    );
    assert.deepEqual(parseKdumpConf(read('etc/kdump.conf'), 'kdump.conf').problems, []);
    assert.ok(existsSync(join(root, 'var/crash')));
    assert.deepEqual(
      await install({ root, program: '/opt/vmcore/bin/vmcore' }, log),
      made.slice(0, 3),
      'what was there stays',
    );
    assert.deepEqual(warnings, []);
  });

  it('has units that systemd understands', async (t) => {
    if (spawnSync('systemd-analyze', ['--version']).status !== 0) return t.skip('no systemd-analyze here');
    // The program must be there for systemd, which looks for it below the root of the machine that it runs on.
    await install({ root, program: '/bin/true' }, log);
    const units = ['kdump.service', 'kdump-reload.service'].map((name) =>
      join(root, 'etc/systemd/system', name),
    );
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...units], {
      encoding: 'utf8',
    });
    const ours = stderr.split('\n').filter((line) => /kdump/.test(line));
    assert.deepEqual([status, ours], [0, []]);
  });

  it('leaves what is somebody else’s, and says what else loads a crash kernel', async () => {
    mkdirSync(join(root, 'etc/systemd/system'), { recursive: true });
    mkdirSync(join(root, 'etc/init.d'), { recursive: true });
    writeFileSync(join(root, 'etc/systemd/system/kdump-reload.service'), '[Unit]\n');
    writeFileSync(join(root, 'etc/init.d/kdump-tools'), '');
    const refused = { code: 'E_EXISTS', file: join(root, 'etc/systemd/system/kdump-reload.service') };
    await assert.rejects(install({ root, program: '/bin/true' }, log), refused);
    assert.ok(!existsSync(join(root, 'etc/systemd/system/kdump.service')), 'nothing was begun');
    await assert.rejects(uninstall({ root }, log), refused);
    rmSync(join(root, 'etc/systemd/system/kdump-reload.service'));
    await install({ root, program: '/bin/true' }, log);
    assert.match(warnings.join('\n'), /init\.d\/kdump-tools loads a crash kernel too/);
  });

  it('is taken away, and the configuration stays', async () => {
    await install({ root, program: '/bin/true' }, log);
    const removed = await uninstall({ root }, log);
    assert.equal(removed.length, 4);
    assert.ok(!existsSync(join(root, 'etc/systemd/system/kdump.service')));
    assert.ok(existsSync(join(root, 'etc/kdump.conf')));
    assert.deepEqual(await uninstall({ root }, log), []);
  });
});
