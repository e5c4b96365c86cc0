import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { VmcoreError } from '../base/errors.ts';
import { explainKcore, procKcore } from './kcore-access.ts';

const folder = mkdtempSync(join(tmpdir(), 'vmcore-kcore-'));
after(() => rmSync(folder, { recursive: true }));

/** A root with what the kernel tells: the level of its lockdown, and what the process may. */
function machine(name: string, lockdown: string | undefined, capabilities: string): string {
  const root = join(folder, name);
  mkdirSync(join(root, 'proc/self'), { recursive: true });
  writeFileSync(join(root, 'proc/self/status'), `Name:\tnode\nCapEff:\t${capabilities}\nSeccomp:\t0\n`);
  if (lockdown !== undefined) {
    mkdirSync(join(root, 'sys/kernel/security'), { recursive: true });
    writeFileSync(join(root, 'sys/kernel/security/lockdown'), lockdown);
  }
  return `${root}/`;
}

const refused = (code: string, path = procKcore): VmcoreError =>
  new VmcoreError('E_FILE', 'cannot open', { file: path, cause: Object.assign(new Error(code), { code }) });

const all = '000001ffffffffff';
const allButRawIo = '000001fffffdffff';

describe('why /proc/kcore cannot be opened', () => {
  for (const [name, lockdown, capabilities, errno, says] of [
    ['locked down', 'none integrity [confidentiality]\n', all, 'EPERM', /lockdown=confidentiality/],
    ['less locked down', 'none [integrity] confidentiality\n', allButRawIo, 'EPERM', /CAP_SYS_RAWIO/],
    ['without the capability', undefined, allButRawIo, 'EPERM', /CAP_SYS_RAWIO/],
    ['somebody else', undefined, '0000000000000000', 'EACCES', /CAP_SYS_RAWIO/],
    ['some other reason', '[none] integrity confidentiality\n', all, 'EPERM', /does not permit it/],
    ['not there', undefined, all, 'ENOENT', /CONFIG_PROC_KCORE/],
  ] as const) {
    it(name, () => {
      const error = explainKcore(procKcore, refused(errno), machine(name, lockdown, capabilities));
      assert.ok(error instanceof VmcoreError);
      assert.equal(error.code, 'E_NEEDS');
      assert.match(error.message, says);
    });
  }

  it('leaves other errors and other files alone', () => {
    const other = refused('EPERM', '/var/crash/vmcore');
    assert.equal(explainKcore('/var/crash/vmcore', other), other);
    const io = refused('EIO');
    assert.equal(explainKcore(procKcore, io), io);
  });
});
