import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { findProgram, runChecked } from '../../../sys/programs.ts';
import type { SshTarget } from '../conf/target.ts';
import type { CpioEntry } from './cpio.ts';
import { type LiveSystem, thisSystem } from './machine/live-system.ts';
import { sshFiles } from './ssh-files.ts';

const skip = findProgram('ssh-keygen') === undefined ? 'needs openssh-client' : false;

interface SshMachine {
  readonly machine: LiveSystem;
  readonly target: SshTarget;
  readonly folder: string;
}

/** This machine's ssh, with a configuration and a key of the test's own. */
async function sshMachine(context: TestContext, config: string, passphrase = ''): Promise<SshMachine> {
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-ssh-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const key = '/root/.ssh/key';
  mkdirSync(join(folder, 'root/.ssh'), { recursive: true });
  const keygen = findProgram('ssh-keygen');
  assert.ok(keygen);
  await runChecked(keygen, ['-q', '-t', 'ed25519', '-N', passphrase, '-C', 'test', '-f', join(folder, key)]);
  const configFile = join(folder, 'config');
  writeFileSync(configFile, `${config}\nHost *\n  GlobalKnownHostsFile /global\n`);
  const system = thisSystem();
  const machine: LiveSystem = {
    root: folder,
    // -F in place of the files of whoever runs the test.
    run: (program, args) => system.run(program, program.name === 'ssh' ? ['-F', configFile, ...args] : args),
  };
  return { machine, folder, target: { kind: 'ssh', user: 'dumps', host: 'crashbox', key } };
}

const textOf = (entries: readonly CpioEntry[], path: string): string => {
  const entry = entries.find((one) => one.path === path);
  assert.ok(entry?.kind === 'file' && entry.data instanceof Uint8Array, path);
  return Buffer.from(entry.data).toString();
};

const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8B0c7o3mIY2hKjv7sJ0Zr9CkFJc0c3tPqDqE3H8eFq';

test('what ssh resolves for the host goes along, with the keys it is known by', { skip }, async (context) => {
  const { machine, target, folder } = await sshMachine(
    context,
    'Host crashbox\n  HostName 192.0.2.7\n  Port 2222\n  Ciphers aes128-ctr\n  UserKnownHostsFile /known /known2',
  );
  writeFileSync(join(folder, 'known'), `[192.0.2.7]:2222 ${hostKey}\nother ${hostKey}\n`);
  const { host, entries } = await sshFiles(machine, target);
  assert.equal(host, '192.0.2.7');
  assert.equal(textOf(entries, 'etc/ssh/ssh_known_hosts'), `[192.0.2.7]:2222 ${hostKey}\n`);
  const config = textOf(entries, 'etc/ssh/ssh_config');
  for (const line of [
    'HostName 192.0.2.7',
    'port 2222',
    'ciphers aes128-ctr',
    'StrictHostKeyChecking yes',
    'BatchMode yes',
    `IdentityFile ${target.key}`,
  ]) {
    assert.match(config, new RegExp(`^ *${line.replaceAll('.', '\\.')}$`, 'm'));
  }
  const key = entries.find(({ path }) => `/${path}` === target.key);
  assert.ok(key?.kind === 'file');
  assert.equal(key.mode, 0o600);
  assert.equal(textOf(entries, key.path), readFileSync(join(folder, target.key), 'utf8'));

  // ssh itself reads what was written, and resolves the same from it.
  const written = join(folder, 'written');
  writeFileSync(written, config);
  const ssh = findProgram('ssh');
  assert.ok(ssh);
  const again = (await runChecked(ssh, ['-F', written, '-G', 'crashbox'])).stdout.toString();
  for (const line of [
    'hostname 192.0.2.7',
    'port 2222',
    'user dumps',
    'ciphers aes128-ctr',
    'batchmode yes',
  ]) {
    assert.match(again, new RegExp(`^${line.replaceAll('.', '\\.')}$`, 'm'));
  }
});

test('a hashed line and an alias of the key are found', { skip }, async (context) => {
  const { machine, target, folder } = await sshMachine(
    context,
    'Host crashbox\n  HostName 192.0.2.7\n  HostKeyAlias cluster\n  UserKnownHostsFile /none',
  );
  writeFileSync(join(folder, 'global'), `cluster ${hostKey}\n`);
  const keygen = findProgram('ssh-keygen');
  assert.ok(keygen);
  await runChecked(keygen, ['-q', '-H', '-f', join(folder, 'global')]);
  const { entries } = await sshFiles(machine, target);
  assert.match(textOf(entries, 'etc/ssh/ssh_known_hosts'), /^\|1\|.* ssh-ed25519 /);
  assert.match(textOf(entries, 'etc/ssh/ssh_config'), /^ *hostkeyalias cluster$/m);
});

test('a host that is not known, or only as one not to be trusted, is refused now', {
  skip,
}, async (context) => {
  const { machine, target, folder } = await sshMachine(context, 'Host *\n  UserKnownHostsFile /known');
  await assert.rejects(sshFiles(machine, target), (error) => {
    failsWith('E_FILE', /the host key of crashbox is not known/)(error);
    assert.match(String((error as { hint?: string }).hint), /vmcore kdumpctl propagate/);
    return true;
  });
  writeFileSync(join(folder, 'known'), `@revoked crashbox ${hostKey}\n`);
  await assert.rejects(sshFiles(machine, target), failsWith('E_FILE', /is not known/));
});

test('a key that somebody would have to unlock, or that is not there, is refused', {
  skip,
}, async (context) => {
  const locked = await sshMachine(context, '', 'secret words');
  await assert.rejects(
    sshFiles(locked.machine, locked.target),
    failsWith('E_UNSUPPORTED', /has a passphrase/),
  );
  const missing = { ...locked.target, key: '/root/no-such-key' };
  await assert.rejects(sshFiles(locked.machine, missing), failsWith('E_FILE', /there is no private key/));
  const broken = '/root/broken';
  writeFileSync(join(locked.folder, broken), 'not a key\n', { mode: 0o600 });
  await assert.rejects(
    sshFiles(locked.machine, { ...locked.target, key: broken }),
    failsWith('E_UNSUPPORTED', /is no private key that can be used/),
  );
});

test('a server behind another is refused', { skip }, async (context) => {
  const { machine, target } = await sshMachine(context, 'Host *\n  ProxyJump gate.example');
  await assert.rejects(
    sshFiles(machine, target),
    failsWith('E_UNSUPPORTED', /through proxyjump gate\.example/),
  );
});
