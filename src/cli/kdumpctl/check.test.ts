/** `vmcore kdumpctl` as it is run: what it prints, and its exit status. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
const kdumpctl = (...args: readonly string[]): Run =>
  spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'kdumpctl', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpctl-test-'));
});
after(() => rmSync(folder, { recursive: true }));

const written = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
};
/** Checks a kdump.conf with an empty sysconfig file: this machine's own does not count. */
const check = (conf: string, ...options: readonly string[]): Run & { readonly config: string } => {
  const config = written('kdump.conf', conf);
  const sysconfig = written('sysconfig', '');
  return { config, ...kdumpctl('check', '--config', config, '--sysconfig', sysconfig, ...options) };
};

describe('vmcore kdumpctl check', () => {
  it('says what was understood, and ends with 0, when nothing is wrong', () => {
    const { status, stdout, stderr } = check(
      'ext4 LABEL=dumps\npath /crashes\ncore_collector makedumpfile -z -d 11,31\n',
    );
    assert.deepEqual([status, stderr], [0, '']);
    assert.equal(
      stdout,
      `Target      ext4 LABEL=dumps
Path        /crashes
Dump        filtered at level 11, then 31
On failure  reboot
In the end  reboot
`,
    );
  });

  it('says every problem in a line of its own, and ends with 1', () => {
    const { status, stdout, stderr, config } = check('ext4 vda\npaht /x\nfinal_action sleep\n');
    assert.deepEqual([status, stderr], [1, '']);
    assert.deepEqual(stdout.split('\n'), [
      `${config}:1: "vda" does not name a device; write its path, or UUID=, LABEL=, PARTUUID= or PARTLABEL= and its value [E_USAGE]`,
      `${config}:2: unknown key "paht"; did you mean "path"? [E_USAGE]`,
      `${config}:3: "sleep" is not a value of final_action; write reboot, halt or poweroff [E_USAGE]`,
      '',
    ]);
  });

  it('warns of files that are not there, and ends with 0', () => {
    const script = written('script', '#!/bin/sh\n');
    const missing = join(folder, 'no-such-file');
    const { status, stdout, config } = check(
      `ext4 UUID=1\nkdump_pre ${missing}\nextra_bins ${script}\nfailure_action reboot\n`,
    );
    assert.equal(status, 0);
    const warnings = stdout.split('\n').filter((line) => line.includes('[E_FILE]'));
    assert.deepEqual(warnings, [
      `${config}:2: warning: ${missing} is not on this machine; make it before kdump is started [E_FILE]`,
      `${config}:3: warning: ${script} cannot be executed; chmod +x ${script} [E_FILE]`,
    ]);
  });

  it('reads the sysconfig file too', () => {
    const config = written('kdump.conf', 'ext4 UUID=1\n');
    const sysconfig = written('sysconfig', 'KDUMP_COMMANDLINE_APPEND=irqpoll nr_cpus=1\nKEXEC_ARGS="$X"\n');
    const { status, stdout } = kdumpctl('check', '--config', config, '--sysconfig', sysconfig);
    assert.equal(status, 1);
    assert.match(stdout, /sysconfig:2: "\$" would have to be expanded; .* \[E_USAGE\]\n/);
    assert.match(stdout, /sysconfig:1: "nr_cpus=1" is not in the value of KDUMP_COMMANDLINE_APPEND; /);
  });

  it('is JSON when asked for', () => {
    const good = JSON.parse(check('ext4 UUID=1\n', '--json').stdout);
    assert.deepEqual(
      [good.usable, good.problems, good.conf.target.device],
      [true, [], { by: 'UUID', value: '1' }],
    );
    const { status, stdout, config } = check('ext4 UUID=1\nbananas 1\n', '--json');
    assert.equal(status, 1);
    const bad = JSON.parse(stdout);
    assert.equal(bad.usable, false);
    assert.deepEqual(bad.problems, [
      {
        severity: 'error',
        code: 'E_USAGE',
        file: config,
        line: 2,
        what: 'unknown key "bananas"',
        hint: 'remove the line; docs/kdump-conf.md lists all keys',
      },
    ]);
  });

  it('ends with 1 and one line when a file that is named is not there', () => {
    const config = join(folder, 'missing.conf');
    const run = kdumpctl('check', '--config', config);
    assert.deepEqual(
      [run.status, run.stdout, run.stderr],
      [1, '', `vmcore: ${config}: cannot read: no such file [E_FILE]\n`],
    );
  });
});

describe('vmcore kdumpctl get-default-crashkernel', () => {
  it('prints the value of an architecture', () => {
    const run = kdumpctl(
      'get-default-crashkernel',
      '--arch',
      'arm64',
      '--page-size',
      '64k',
      '--with',
      'smmu',
      'mlx5',
    );
    assert.deepEqual([run.status, run.stdout], [0, '2G-4G:940M,4G-64G:1004M,64G-:1260M\n']);
  });

  it('prints that of this machine, as JSON too', () => {
    const { crashkernel } = JSON.parse(kdumpctl('get-default-crashkernel', '--json').stdout);
    assert.equal(kdumpctl('get-default-crashkernel', 'kdump').stdout, `${crashkernel}\n`);
  });

  it('refuses what it has no table for', () => {
    assert.deepEqual([kdumpctl('get-default-crashkernel', '--arch', 'ppc64le').status], [2]);
    const fadump = kdumpctl('get-default-crashkernel', 'fadump');
    assert.equal(fadump.status, 2);
    assert.match(fadump.stderr, /^vmcore: there is no dump mode "fadump"; .* \[E_UNSUPPORTED\]\n$/);
  });
});
