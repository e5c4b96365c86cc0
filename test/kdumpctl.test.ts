/**
 * kdumpctl on a real Debian machine with systemd and udev, in QEMU: installed, armed by its service at boot, kept up to date, stopped, and crashed. One boot for
 * all of it.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type BootedMachine, bootMachine } from '../lab/machine/boot-machine.ts';
import { projectInMachine } from '../lab/machine/machine-files.ts';
import type { Step, StepResult } from '../lab/machine/step.ts';
import { silentProgress } from '../src/base/progress.ts';
import { cacheDir } from '../src/sys/cache-dir.ts';
import { listFolder, takeFile } from '../src/tools/rehearse/disk.ts';
import { vmcore } from './command.ts';

const program = `${projectInMachine}/bin/vmcore`;
const kdumpctl = (name: string, ...args: readonly string[]): Step => ({
  name,
  command: [program, 'kdumpctl', ...args],
});
const run = (name: string, ...command: readonly string[]): Step => ({ name, command });
const shell = (name: string, script: string): Step => ({ name, command: ['sh', '-c', script] });

const reloads = 'journalctl -u kdump-reload.service -o cat | grep -c "^Loaded again" || true';
/** Takes a block of memory away, gives it back at once, and waits for the reload that this leads to. */
const hotplug = `
before=$(${reloads})
for block in /sys/devices/system/memory/memory*; do
  if echo offline >$block/state 2>/dev/null; then taken=$block; break; fi
done
[ -n "$taken" ] || { echo "no block of memory could be taken away"; exit 1; }
echo online >$taken/state
tries=0
until [ "$(${reloads})" != "$before" ]; do
  tries=$((tries + 1))
  [ $tries -lt 120 ] || { echo "nothing was reloaded"; journalctl -u kdump-reload.service -n 20; exit 1; }
  sleep 1
done
sleep 5
echo "reloads: $(( $(${reloads}) - before ))"
`;

/** Another program has the lock, until ours has said that it waits for it. */
const inTurn = `
: >/tmp/said
flock /run/lock/kdump sh -c 'for i in $(seq 600); do grep -q waiting /tmp/said && break; sleep 0.2; done' &
sleep 1
${program} kdumpctl reload 2>/tmp/said
wait
cat /tmp/said >&2
`;

/** By the unit, in its sandbox. */
const otherCall = `
mkdir -p /etc/sysconfig
printf 'KEXEC_ARGS="-s"\\nKDUMP_COMMANDLINE_APPEND="nr_cpus=1 reset_devices"\\n' >/etc/sysconfig/kdump
systemctl reload kdump.service
rm /etc/sysconfig/kdump
journalctl -u kdump.service -o cat | grep "^Loaded again"
`;

/** The service starts again when its node crashed, and nothing waits for that. */
const armedByService = `
tries=0
until [ "$(cat /sys/kernel/kexec_crash_loaded)" = 1 ]; do
  tries=$((tries + 1))
  [ $tries -lt 240 ] || { echo "nothing was armed"; systemctl status kdump.service; exit 1; }
  sleep 1
done
until [ "$(systemctl is-active kdump.service)" = active ]; do sleep 1; done
journalctl --sync
`;

/** A node that dies in the middle of a start. */
const crashedStart = `
systemctl stop kdump.service
systemctl start --no-block kdump.service
until pid=$(systemctl show -P MainPID kdump.service) && [ "$pid" != 0 ]; do sleep 0.1; done
sleep 0.5
kill -TRAP $pid
${armedByService}
echo "restarts: $(systemctl show -P NRestarts kdump.service)"
`;

const steps: readonly Step[] = [
  shell('boot', armedByService),
  run('journal', 'journalctl', '-u', 'kdump.service', '-o', 'cat'),
  kdumpctl('armed', 'status', '--json'),
  run('state', 'stat', '-c', '%a %n', '/var/lib/kdump/state.json'),
  kdumpctl('again', 'start', '--json'),
  shell('in-turn', inTurn),
  shell('hotplug', hotplug),
  shell('other-call', otherCall),
  shell('reconfigure', 'echo "kdump_post /etc/after.sh" >>/etc/kdump.conf'),
  kdumpctl('stale', 'status', '--json'),
  run('restart', 'systemctl', 'restart', 'kdump.service'),
  run('why', 'journalctl', '-u', 'kdump.service', '-o', 'cat'),
  kdumpctl('restarted', 'restart', '--json'),
  kdumpctl('estimate', 'estimate', '--json'),
  kdumpctl('reset', 'reset-crashkernel', '--value', '192M'),
  shell('grub', 'grep -h crashkernel= /etc/default/grub.d/*.cfg'),
  run('security', 'systemd-analyze', 'security', '--no-pager', 'kdump.service'),
  shell(
    'frozen',
    `printf 'force_no_rebuild 1\\nextra_bins /usr/bin/udevadm\\n' >>/etc/kdump.conf; ${program} kdumpctl start`,
  ),
  run('stop', 'systemctl', 'stop', 'kdump.service'),
  kdumpctl('stopped', 'status'),
  run('start-again', 'systemctl', 'start', 'kdump.service'),
  run('armed-again', 'cat', '/sys/kernel/kexec_crash_loaded'),
  run('built', 'journalctl', '-u', 'kdump.service', '-o', 'cat'),
  shell('crashed-start', crashedStart),
  shell('crash', 'sync; echo c >/proc/sysrq-trigger'),
];

const files = new Map([
  ['/etc/after.sh', '#!/bin/sh\necho "the dump has ended with $1" >/dev/console\n'],
  ['/boot/grub/README', 'For update-grub.\n'],
]);

describe('kdumpctl on a Debian machine', { timeout: 20 * 60_000 }, () => {
  let folder: string;
  let booted: BootedMachine;
  before(async () => {
    folder = mkdtempSync(join(cacheDir('tests'), 'kdumpctl-'));
    booted = await bootMachine(
      {
        folder,
        steps,
        files,
        executables: ['/etc/after.sh'],
        prepare: [[program, 'kdumpctl', 'install']],
        crashkernel: '256M',
        timeout: 15 * 60,
      },
      silentProgress,
    );
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** What a step said; a step that did not come to its end says so. */
  const step = (name: string): StepResult => {
    const result = booted.steps.get(name);
    assert.ok(result !== undefined, `the machine did not come to "${name}":\n${booted.console.slice(-3000)}`);
    return result;
  };
  const done = (name: string): StepResult => {
    const result = step(name);
    assert.equal(result.status, 0, `${name}: ${result.stdout}${result.stderr}`);
    return result;
  };

  it('arms itself when it boots, by the service that was installed', () => {
    done('boot');
    const said = done('journal').stdout;
    assert.match(said, /^kdump: building the capture image .*: there is none$/m);
    assert.match(said, /^Kdump is armed$/m);
    // Unpacked: in the unit's sandbox that takes xz, and the addresses of memory and kernel.
    assert.match(said, /^Kernel +\/boot\/vmlinuz-\S+ \(by kexec_load, /m);
    assert.match(said, /^Target +ext4 UUID=[0-9a-f-]{36}, folder \/var\/crash, [\d.]+ [MG]iB free$/m);
    const status = JSON.parse(done('armed').stdout);
    assert.deepEqual(
      [status.armed, status.reserved, status.stale, status.unknown],
      [true, 256 * 2 ** 20, [], undefined],
    );
    assert.equal(status.loaded.release, booted.release);
    assert.match(done('state').stdout, /^600 /);
  });

  it('does nothing when what is loaded is what is wanted', () => {
    const { outcome, built } = JSON.parse(done('again').stdout);
    assert.deepEqual([outcome, built], ['was armed', []]);
  });

  it('waits for its turn, and says so', () => {
    const { stdout, stderr } = done('in-turn');
    assert.match(
      stderr,
      /^kdump: another program is at work on kdump \(\/run\/lock\/kdump\): waiting for it$/m,
    );
    assert.match(stdout, /^Loaded again: /m);
  });

  it('is reloaded once when memory comes and goes', () => {
    assert.match(done('hotplug').stdout, /^reloads: 1$/m);
  });

  it('is loaded by the system call that sysconfig asks for', () => {
    assert.match(done('other-call').stdout, /, by kexec_file_load$/m);
  });

  it('tells that the configuration has changed, and builds the image anew, saying why', () => {
    const { stale } = JSON.parse(done('stale').stdout);
    assert.ok(stale.length > 0, 'stale');
    done('restart');
    const why = done('why').stdout;
    for (const reason of stale) assert.ok(why.includes(reason), `${reason} in\n${why}`);
    assert.equal(why.match(/building the capture image/g)?.length, 2, why);
  });

  it('is loaded again by restart, without building', () => {
    const { outcome, built } = JSON.parse(done('restarted').stdout);
    assert.deepEqual([outcome, built], ['armed', []]);
  });

  it('estimates what to reserve, and sets it for the next boot', () => {
    const { recommended, lines } = JSON.parse(done('estimate').stdout);
    assert.ok(recommended >= 128 * 2 ** 20 && recommended <= 512 * 2 ** 20, String(recommended));
    assert.ok(lines.every(({ from }: { from: string }) => from !== ''));
    assert.match(done('reset').stdout, /kdump-crashkernel\.cfg: crashkernel=192M is set \(none before\)/);
    assert.equal(
      done('grub').stdout,
      'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=192M"\n',
    );
  });

  it('runs in a sandbox', () => {
    const [, exposure] =
      /Overall exposure level for kdump\.service: ([\d.]+)/.exec(done('security').stdout) ?? [];
    assert.ok(Number(exposure) <= 4.5, exposure ?? 'none');
  });

  it('takes the image as it is when it must not build one, and says so', () => {
    const { stdout, stderr } = done('frozen');
    assert.match(
      stderr,
      /^kdump: warning: the capture image is taken as it is \(force_no_rebuild\): .*udevadm/m,
    );
    assert.match(stdout, /^Kdump was armed already, with this very image$/m);
    assert.match(stdout, /^Warning: what is loaded is not what the configuration says: /m);
  });

  it('is stopped: exit 3; and started again without building', () => {
    done('stop');
    const stopped = step('stopped');
    assert.deepEqual([stopped.status, stopped.stdout.split('\n')[0]], [3, 'Kdump is not operational']);
    done('start-again');
    assert.equal(done('armed-again').stdout, '1\n');
    assert.equal(done('built').stdout.match(/building the capture image/g)?.length, 2);
  });

  it('is started again when its program crashed in the middle of a start', () => {
    assert.match(done('crashed-start').stdout, /^restarts: [1-9]/m);
  });

  it('saves the dump of the crash on the root file system', async () => {
    assert.equal(booted.end, 'powered-off', booted.console.slice(-3000));
    assert.ok(
      booted.events.some(({ name }) => name === 'dump-saved'),
      booted.console.slice(-5000),
    );
    const [name, ...others] = (await listFolder(booted.disk, '/var/crash')).filter(
      ({ size }) => size === undefined,
    );
    assert.deepEqual(others, []);
    const at = `/var/crash/${name?.name}`;
    const dump = (await listFolder(booted.disk, at)).find((file) => file.name === 'vmcore');
    assert.ok(dump?.size !== undefined, 'a whole dump');
    const copy = join(folder, 'vmcore');
    await takeFile(booted.disk, `${at}/vmcore`, dump.size, copy);
    const info = JSON.parse(vmcore('info', '--json', copy).stdout.toString('utf8'));
    assert.equal(info.release, booted.release);
    assert.match(vmcore('dmesg', copy).stdout.toString('latin1'), /sysrq: Trigger a crash/);
    assert.match(booted.console, /the dump has ended with 0/);
  });
});
