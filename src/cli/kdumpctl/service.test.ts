/** What `vmcore kdumpctl` says of its service where nothing is changed: whatever this machine has, none of this loads or unloads anything. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
const kdumpctl = (...args: readonly string[]) =>
  spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'kdumpctl', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
const hasKexec = existsSync('/sys/kernel/kexec_crash_loaded');
/** The lock is root's. */
const skip = process.getuid?.() === 0 ? false : 'only root may take the lock';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpctl-service-'));
});
after(() => rmSync(folder, { recursive: true }));

describe('vmcore kdumpctl status', () => {
  it('is 0 or 3, or 6 and one line where the kernel has no kexec', () => {
    const { status, stdout, stderr } = kdumpctl('status');
    if (!hasKexec) {
      assert.deepEqual([status, stdout], [6, '']);
      assert.match(stderr, /^vmcore: .*built without kexec.* \[E_NEEDS\]\n$/);
    } else assert.match(`${status} ${stdout}`, /^(0 Kdump is operational|3 Kdump is not operational)\n/);
  });

  it('is JSON when asked for', (t) => {
    if (!hasKexec) return t.skip('this kernel has no kexec');
    const { status, stdout } = kdumpctl('status', '--json');
    assert.equal(JSON.parse(stdout).armed, status === 0);
  });
});

describe('vmcore kdumpctl start', () => {
  it('does nothing with a configuration that cannot be used: exit 1', { skip }, () => {
    const config = join(folder, 'kdump.conf');
    writeFileSync(config, 'ext4 vda\n');
    for (const command of ['start', 'rebuild', 'estimate', 'propagate']) {
      const { status, stdout, stderr } = kdumpctl(command, '--config', config);
      assert.deepEqual([status, stdout], [1, ''], command);
      assert.match(stderr, /^kdump: error: .*kdump\.conf:1: "vda" does not name a device/);
      assert.match(stderr, /vmcore: .*kdump\.conf:1: cannot be used: .* \[E_FILE\]\n$/);
    }
  });

  it('wants a configuration', { skip }, () => {
    const { status, stderr } = kdumpctl('start', '--config', join(folder, 'no.conf'));
    assert.equal(status, 1);
    assert.match(stderr, /^vmcore: .*no\.conf: cannot read: no such file \[E_FILE\]\n$/);
  });
});

describe('vmcore kdumpctl reset-crashkernel', () => {
  it('takes only what is a value', () => {
    const { status, stderr } = kdumpctl('reset-crashkernel', '--dry-run', '--value', '256M; reboot');
    assert.equal(status, 2);
    assert.match(stderr, /^vmcore: "256M; reboot" is not a value of crashkernel=; .* \[E_USAGE\]\n$/);
  });

  it('asks grubby to change what is not so yet, for every kernel when told so', { skip }, () => {
    // grubby is not in Debian: this one answers as it does, and writes down what it was told.
    const told = join(folder, 'told');
    const info = join(folder, 'info');
    const entry = (index: number, args: string): string =>
      `index=${index}\nkernel="/boot/vmlinuz-6.${index}"\nargs="${args}"\n`;
    writeFileSync(
      info,
      `${entry(0, 'ro crashkernel=192M')}${entry(1, 'ro crashkernel=1G')}${entry(2, 'ro')}`,
    );
    const script = `#!/bin/sh\necho "$*" >>${told}\ncase $1 in --info=*) cat ${info} ;; esac\n`;
    writeFileSync(join(folder, 'grubby'), script, { mode: 0o755 });
    const run = (...args: readonly string[]) =>
      spawnSync(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', main, 'kdumpctl', 'reset-crashkernel', ...args],
        { encoding: 'utf8', env: { ...process.env, PATH: `${folder}:${process.env.PATH}` } },
      );
    const dry = run('--kernel', 'ALL', '--value', '192M', '--dry-run');
    assert.equal(
      dry.stdout,
      '/boot/vmlinuz-6.1 (entry 1): crashkernel=192M would be set (before: 1G)\n' +
        '/boot/vmlinuz-6.2 (entry 2): crashkernel=192M would be set (none before)\n',
    );
    const { changes, rebootNeeded } = JSON.parse(run('--kernel=ALL', '--value', '192M', '--json').stdout);
    assert.deepEqual([changes.length, rebootNeeded], [2, true]);
    assert.deepEqual(readFileSync(told, 'utf8').trim().split('\n'), [
      '--info=ALL',
      '--info=ALL',
      '--update-kernel=1 --args=crashkernel=192M',
      '--update-kernel=2 --args=crashkernel=192M',
    ]);
  });
});
