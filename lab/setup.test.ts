/** The shell parts, run as they are, on a machine made of a few links: fake apt-get, fake id, hardly any programs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findProgram } from '../src/sys/programs.ts';

interface Machine {
  /** What `id -u` says. */
  readonly uid: number;
  /** Body of its apt-get; undefined for a machine without apt. */
  readonly aptGet: string | undefined;
}

/** Runs packages.sh there: its exit status, stderr, and how apt-get was called. */
function packages(what: string, { uid, aptGet }: Machine): { status: number; stderr: string; apt: string } {
  const bin = mkdtempSync(join(tmpdir(), 'vmcore-machine-'));
  try {
    const script = (name: string, body: string): void => {
      writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`);
      chmodSync(join(bin, name), 0o755);
    };
    for (const name of ['chmod', 'mktemp', 'rm', 'tail']) symlinkSync(findProgram(name)!, join(bin, name));
    const calls = join(bin, 'calls');
    writeFileSync(calls, '');
    script('id', `echo ${uid}`);
    if (aptGet !== undefined) script('apt-get', `echo "$DEBIAN_FRONTEND $*" >>'${calls}'\n${aptGet}`);
    const result = spawnSync('/bin/sh', [join(import.meta.dirname, 'packages.sh'), what], {
      env: { PATH: bin },
      encoding: 'utf8',
    });
    return { status: result.status!, stderr: result.stderr, apt: readFileSync(calls, 'utf8') };
  } finally {
    rmSync(bin, { recursive: true });
  }
}

test('as root: says what and why, updates the lists, installs', () => {
  const { status, stderr, apt } = packages('test', { uid: 0, aptGet: 'true' });
  assert.equal(status, 0);
  assert.match(stderr, /^ {2}qemu-system-x86: boots the kernel/m);
  assert.match(stderr, /^ {2}busybox-static: /m);
  assert.match(
    apt,
    /^noninteractive -q update\nnoninteractive .* install -y --no-install-recommends qemu-system-x86 .*\bmakedumpfile qemu-system-arm\n$/,
  );
});

test('npm run demo does not need the peers of the tests', () => {
  assert.doesNotMatch(packages('demo', { uid: 0, aptGet: 'true' }).apt, /makedumpfile/);
});

test('an update that fails does not matter, an installation that fails does', () => {
  const updateFails = packages('test', { uid: 0, aptGet: '[ "$2" != update ]' });
  assert.equal(updateFails.status, 0);
  const installFails = packages('test', { uid: 0, aptGet: 'echo E: no space; [ "$2" = update ]' });
  assert.equal(installFails.status, 6);
  assert.match(installFails.stderr, /E: no space\nvmcore: apt-get could not install .*\[E_NEEDS\]\n$/);
});

test('without root: installs nothing, and gives the command', () => {
  const { status, stderr, apt } = packages('test', { uid: 1000, aptGet: 'true' });
  assert.equal(status, 6);
  assert.equal(apt, '');
  assert.match(stderr, /^ {2}sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends qemu/m);
});

test('without apt: names the programs', () => {
  const { status, stderr } = packages('demo', { uid: 0, aptGet: undefined });
  assert.equal(status, 6);
  assert.match(stderr, /no apt; install qemu-system-x86_64, a static busybox, mksquashfs/);
});
