import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { recordedMachine } from '../../../../test/support/recorded-machine.ts';
import type { CpioEntry } from './cpio.ts';
import { extraPrograms } from './extra-programs.ts';
import type { LiveSystem } from './machine/live-system.ts';

const noHooks = { before: undefined, after: undefined, emergency: undefined };

function machineWith(context: TestContext, files: Readonly<Record<string, string>>): LiveSystem {
  const machine = recordedMachine(context, { files });
  for (const path of Object.keys(files)) chmodSync(join(machine.root, path), 0o755);
  return machine;
}

/** A real program at `path` of the machine. */
function install(machine: LiveSystem, program: string, path: string): void {
  mkdirSync(join(machine.root, dirname(path)), { recursive: true });
  copyFileSync(realpathSync(program), join(machine.root, path));
}

const shown = (entries: readonly CpioEntry[]): string[] =>
  entries.map((entry) =>
    entry.kind === 'symlink' ? `${entry.path} -> ${entry.target}` : `${entry.kind} ${entry.path}`,
  );

test('hooks in the configuration and in the folders go along, at their own paths', (context) => {
  const machine = machineWith(context, {
    'usr/local/bin/before': '#!/bin/sh\ntrue\n',
    'etc/kdump/pre.d/20-b': '#! /usr/bin/sh -e\n',
    'etc/kdump/pre.d/10-a': 'true\n',
    'etc/kdump/post.d/mail': '#!/usr/bin/env sh\n',
    'etc/kdump/post.d/notes': 'not for running\n',
  });
  chmodSync(join(machine.root, 'etc/kdump/post.d/notes'), 0o644);
  const { entries, elf, warnings } = extraPrograms(machine, {
    hooks: { ...noHooks, before: '/usr/local/bin/before' },
    extraBins: [],
  });
  assert.deepEqual(shown(entries), [
    'file usr/local/bin/before',
    'file etc/kdump/pre.d/10-a',
    'file etc/kdump/pre.d/20-b',
    'file etc/kdump/post.d/mail',
    'usr/bin/env -> /bin/busybox',
  ]);
  assert.equal(elf.size, 0);
  assert.deepEqual(warnings, ['/etc/kdump/post.d/notes is not run: it is not executable']);
});

test('programs go into the squashfs, and are found by path and by name', (context) => {
  const machine = machineWith(context, {});
  install(machine, '/bin/true', 'usr/bin/mytrue');
  install(machine, '/bin/true', 'opt/tool/mytrue');
  install(machine, '/bin/cat', 'usr/bin/cat');
  const { entries, elf } = extraPrograms(machine, {
    hooks: noHooks,
    extraBins: ['/usr/bin/mytrue', '/opt/tool/mytrue', '/usr/bin/cat'],
  });
  assert.deepEqual(shown(entries), [
    'usr/bin/mytrue -> /vmcore/bin/mytrue',
    'bin/mytrue -> /vmcore/bin/mytrue',
    'opt/tool/mytrue -> /vmcore/bin/mytrue-2',
    'usr/bin/cat -> /vmcore/bin/cat',
  ]);
  assert.deepEqual([...elf.keys()], ['mytrue', 'mytrue-2', 'cat']);
});

test('a script for bash brings bash', { skip: existsSync('/bin/bash') ? false : 'needs bash' }, (context) => {
  const machine = machineWith(context, { 'usr/local/bin/after': '#!/bin/bash\n' });
  install(machine, '/bin/bash', 'bin/bash');
  const { entries, elf } = extraPrograms(machine, {
    hooks: { ...noHooks, after: '/usr/local/bin/after' },
    extraBins: [],
  });
  assert.deepEqual(shown(entries), ['file usr/local/bin/after', 'bin/bash -> /vmcore/bin/bash']);
  assert.deepEqual([...elf.keys()], ['bash']);
});

test('a script that the image could not run is refused now', (context) => {
  const machine = machineWith(context, { 'usr/bin/report': '#!/usr/bin/env python3\n' });
  const conf = { hooks: { ...noHooks, after: '/usr/bin/report' }, extraBins: [] };
  assert.throws(() => extraPrograms(machine, conf), failsWith('E_UNSUPPORTED', /is run by python3/));
  install(machine, '/bin/true', 'usr/bin/python3');
  assert.doesNotThrow(() => extraPrograms(machine, { ...conf, extraBins: ['/usr/bin/python3'] }));
});

test('a script of extra_bins is found by name, and a place that the image mounts over is refused', (context) => {
  const machine = machineWith(context, { 'opt/my/tool': '#!/bin/sh\n', 'tmp/tool': '#!/bin/sh\n' });
  const { entries } = extraPrograms(machine, { hooks: noHooks, extraBins: ['/opt/my/tool'] });
  assert.deepEqual(shown(entries), ['file opt/my/tool', 'bin/tool -> /opt/my/tool']);
  assert.throws(
    () => extraPrograms(machine, { hooks: { ...noHooks, before: '/tmp/tool' }, extraBins: [] }),
    failsWith('E_UNSUPPORTED', /another one in the capture image/),
  );
});

test('what is not there is told, and what the image has is left alone', (context) => {
  const machine = machineWith(context, { 'bin/mount': '#!/bin/sh\n' });
  assert.throws(
    () => extraPrograms(machine, { hooks: noHooks, extraBins: ['/usr/bin/nothing'] }),
    failsWith('E_FILE', /cannot put it into the capture image: no such file/),
  );
  const { entries, warnings } = extraPrograms(machine, { hooks: noHooks, extraBins: ['/bin/mount'] });
  assert.deepEqual(entries, []);
  assert.match(warnings[0] ?? '', /\/bin\/mount in the capture image is busybox'/);
});
