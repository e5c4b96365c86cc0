/**
 * The capture image's view of this machine with real devices and a real server: file systems on loop devices, what is mounted, and ssh with the files
 * that would go into the image.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findProgram, runChecked, runProgram } from '../src/sys/programs.ts';
import type { Target } from '../src/tools/kdumpctl/conf/target.ts';
import { refuseLayers } from '../src/tools/kdumpctl/image/machine/block-device.ts';
import { type LiveSystem, thisSystem } from '../src/tools/kdumpctl/image/machine/live-system.ts';
import { resolveTarget } from '../src/tools/kdumpctl/image/machine/resolve-target.ts';
import { sshFiles } from '../src/tools/kdumpctl/image/ssh-files.ts';
import { sshdProgram, startSshd } from '../src/tools/rehearse/servers/sshd.ts';
import { failsWith } from './support/expect-error.ts';

const programs = ['losetup', 'mount', 'blkid', 'findfs', 'mkfs.ext4', 'mkfs.xfs'];
const missing = programs.filter((name) => findProgram(name) === undefined);
const noDevices =
  process.getuid?.() !== 0 ? 'needs root' : missing.length > 0 && `needs ${missing.join(', ')}`;

function newFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-image-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A disk of so many MiB on a loop device; its node. */
async function loopDisk(context: TestContext, file: string, mebibytes: number): Promise<string> {
  writeFileSync(file, '');
  truncateSync(file, mebibytes * 2 ** 20);
  const node = (await runChecked('losetup', ['--show', '--find', file])).stdout.toString().trim();
  context.after(() => runProgram('losetup', ['--detach', node]));
  return node;
}

const at = (node: string): { by: 'path'; value: string } => ({ by: 'path', value: node });

test('a file system on a real device: its type, its UUID, where it is mounted', {
  skip: noDevices,
}, async (context) => {
  const folder = newFolder(context);
  const machine = thisSystem();
  const node = await loopDisk(context, join(folder, 'disk.img'), 64);
  const uuid = '6f1c2d5e-0000-4000-8000-5ca1ab1e0001';
  await runChecked('mkfs.ext4', ['-q', '-U', uuid, '-L', 'vmcore-test', node]);
  const target: Target = {
    kind: 'filesystem',
    fileSystem: 'ext4',
    device: { by: 'LABEL', value: 'vmcore-test' },
  };

  const unmounted = await resolveTarget(machine, { target, path: '/dumps' });
  assert.deepEqual(unmounted.target, { ...target, device: { by: 'UUID', value: uuid } });
  assert.deepEqual(unmounted.place, { kind: 'device', node });
  assert.ok(unmounted.device);
  const { device } = unmounted;
  assert.throws(() => refuseLayers(device), failsWith('E_UNSUPPORTED', /is the virtual device loop/));
  await assert.rejects(
    resolveTarget(machine, {
      target: { kind: 'filesystem', fileSystem: 'xfs', device: at(node) },
      path: '/',
    }),
    failsWith('E_USAGE', /holds ext4, not xfs/),
  );

  const mounted = join(folder, 'mounted here');
  mkdirSync(mounted);
  await runChecked('mount', [node, mounted]);
  try {
    mkdirSync(join(mounted, 'a'));
    const byPath = await resolveTarget(machine, { target: { kind: 'path' }, path: join(mounted, 'a/b') });
    assert.deepEqual(byPath.target, unmounted.target);
    assert.equal(byPath.path, '/a/b');
    assert.deepEqual(byPath.place, { kind: 'mounted', mountPoint: mounted, folder: join(mounted, 'a/b') });
    await assert.rejects(
      resolveTarget(machine, { target: { kind: 'raw', device: at(node) }, path: '/' }),
      failsWith('E_USAGE', /would overwrite it, and it is mounted at/),
    );
  } finally {
    await runChecked('umount', [mounted]);
  }
});

test('a real raw device says what a dump would overwrite', { skip: noDevices }, async (context) => {
  const node = await loopDisk(context, join(newFolder(context), 'disk.img'), 400);
  const raw = () => resolveTarget(thisSystem(), { target: { kind: 'raw', device: at(node) }, path: '/' });
  assert.deepEqual((await raw()).warnings.length, 1);
  await runChecked('mkfs.xfs', ['-q', node]);
  const { target, warnings } = await raw();
  assert.deepEqual(target, { kind: 'raw', device: at(node) });
  assert.match(warnings[0] ?? '', /holds xfs: a dump overwrites it/);
});

test('ssh reaches a real server with nothing but the files of the image', {
  skip: findProgram(sshdProgram.name) === undefined && 'no sshd',
}, async (context) => {
  const folder = newFolder(context);
  const server = await startSshd({ folder });
  context.after(() => server.stop());
  const root = join(folder, 'machine');
  const key = '/root/.ssh/kdump_id_rsa';
  mkdirSync(join(root, 'root/.ssh'), { recursive: true });
  await runChecked('cp', ['-p', server.identity, join(root, key)]);
  writeFileSync(join(root, 'known'), `[127.0.0.1]:${server.port} ${server.hostKey}\n`);
  const config = join(folder, 'config');
  const host = `Host crashbox\n HostName 127.0.0.1\n Port ${server.port}\n UserKnownHostsFile /known\n`;
  writeFileSync(config, host);
  const system = thisSystem();
  const machine: LiveSystem = {
    root,
    run: (program, args) => system.run(program, program.name === 'ssh' ? ['-F', config, ...args] : args),
  };
  const { username } = userInfo();
  const { entries } = await sshFiles(machine, { kind: 'ssh', user: username, host: 'crashbox', key });
  const image = join(folder, 'image');
  for (const entry of entries) {
    if (entry.kind !== 'file' || !(entry.data instanceof Uint8Array)) continue;
    const path = join(image, entry.path);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, entry.data, { mode: entry.mode ?? 0o644 });
  }
  const ssh = (knownHosts: string) =>
    runProgram('ssh', [
      ...['-F', join(image, 'etc/ssh/ssh_config'), '-o', `GlobalKnownHostsFile=${knownHosts}`],
      ...['-o', 'IdentityFile=none', '-i', join(image, key), '--', 'crashbox', 'echo', 'reached'],
    ]);
  const reached = await ssh(join(image, 'etc/ssh/ssh_known_hosts'));
  assert.equal(reached.stdout.toString(), 'reached\n', reached.stderr);
  const unknown = await ssh('/dev/null');
  assert.match(unknown.stderr, /Host key verification failed/);
});
