/** What `kdumpctl start` and `propagate` do with an ssh target before it is relied on, against a real OpenSSH server on the loopback. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram, requireProgram, runProgram } from '../src/sys/programs.ts';
import type { SshTarget } from '../src/tools/kdumpctl/conf/target.ts';
import type { LiveSystem } from '../src/tools/kdumpctl/image/machine/live-system.ts';
import type { Log } from '../src/tools/kdumpctl/service/log.ts';
import { propagate, type RunOnTerminal } from '../src/tools/kdumpctl/service/propagate.ts';
import { reachTarget } from '../src/tools/kdumpctl/service/reach-target.ts';
import { targetRoom } from '../src/tools/kdumpctl/service/target-room.ts';
import {
  knownHostsLine,
  makeKey,
  publicKey,
  type Sshd,
  sshdProgram,
  startSshd,
} from '../src/tools/rehearse/servers/sshd.ts';
import { failsWith } from './support/expect-error.ts';

const skip = findProgram(sshdProgram.name) === undefined ? 'no sshd: install openssh-server' : false;

describe('an ssh target at start', { skip, timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-test-reach-'));
  const crash = join(folder, "it's $HOME/crash");
  let server: Sshd;
  let said: string[] = [];
  const tell = (text: string): void => void said.push(text);
  const log: Log = { error: tell, warn: tell, info: tell };

  before(async () => {
    // Who comes in finds a home of the test's: authorized_keys goes there, and not to the user's own.
    server = await startSshd({ folder, config: [`SetEnv HOME=${folder}`] });
  });
  after(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  let configs = 0;
  /** This system, whose ssh knows where the server is and which key it has. */
  function system(port: number, hostKey: string): Pick<LiveSystem, 'run'> {
    const files = join(folder, `config${configs++}`);
    writeFileSync(`${files}.known`, knownHostsLine('127.0.0.1', port, hostKey));
    writeFileSync(
      files,
      `Host *\n  Port ${port}\n  UserKnownHostsFile ${files}.known\n  GlobalKnownHostsFile none\n`,
    );
    return {
      run: (program, args) =>
        runProgram(requireProgram(program), ['-F', files, ...args], { timeout: 30_000 }),
    };
  }
  const target = (key = server.identity): SshTarget => ({
    kind: 'ssh',
    user: server.user,
    host: '127.0.0.1',
    key,
  });

  it('gets its folder, for the owner only, and tells how much room there is', async () => {
    const here = system(server.port, server.hostKey);
    await reachTarget(target(), crash, here, log, 0);
    assert.equal(statSync(crash).mode & 0o777, 0o700);
    const { bytes } = await targetRoom({ kind: 'remote' }, target(), crash, here);
    const { bavail, bsize } = statfsSync(folder);
    assert.ok(bytes !== undefined && Math.abs(bytes - bavail * bsize) < 2 ** 30, String(bytes));
    assert.deepEqual(said, []);
    assert.equal((await targetRoom({ kind: 'remote' }, target(), crash, 'look')).bytes, undefined);
  });

  it('that does not know our key, or has another one itself, is refused with what to do', async () => {
    const stranger = join(folder, 'stranger');
    await makeKey(stranger);
    const here = system(server.port, server.hostKey);
    await assert.rejects(
      reachTarget(target(stranger), crash, here, log, 0),
      failsWith('E_NEEDS', /refuses us: .*denied/),
    );
    const other = system(server.port, publicKey(stranger));
    await assert.rejects(
      reachTarget(target(), crash, other, log, 0),
      failsWith('E_NEEDS', /refuses us: Host key verification failed/),
    );
  });

  it('on which the folder cannot be made is refused', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const here = system(server.port, server.hostKey);
    await assert.rejects(
      reachTarget(target(), join(file, 'crash'), here, log, 0),
      failsWith('E_NEEDS', /cannot make .*Not a directory/),
    );
  });

  it('that does not answer is told, and armed for nevertheless', async () => {
    said = [];
    await reachTarget(target(), crash, system(1, server.hostKey), log, 0);
    assert.equal(said.length, 2);
    assert.match(said[1] ?? '', /does not answer: armed nevertheless \(.*refused/);
  });

  it('is given our key by propagate, which makes one, and takes it the next time', async (t) => {
    const key = join(folder, 'new keys/kdump_id_ed25519');
    const files = join(folder, 'propagate');
    writeFileSync(`${files}.known`, knownHostsLine('127.0.0.1', server.port, server.hostKey));
    const host = `Host *\n  Port ${server.port}\n  UserKnownHostsFile ${files}.known\n`;
    writeFileSync(files, host);
    const home = join(folder, 'client');
    mkdirSync(join(home, '.ssh'), { recursive: true, mode: 0o700 });
    // In place of the password: an agent with a key that the server knows already.
    const socket = join(folder, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    t.after(() => agent.kill());
    const env = { ...process.env, HOME: home, SSH_AUTH_SOCK: socket };
    while (!existsSync(socket)) await sleep(20);
    assert.equal(spawnSync('ssh-add', ['-q', server.identity], { stdio: 'ignore', env }).status, 0);
    const programs: string[] = [];
    const run: RunOnTerminal = (program, args) => {
      programs.push(program.name);
      const more = program.name === 'ssh-copy-id' ? ['-F', files] : [];
      const { status, stderr } = spawnSync(requireProgram(program), [...more, ...args], {
        stdio: ['ignore', 'ignore', 'pipe'],
        encoding: 'utf8',
        env,
      });
      assert.equal(status, 0, stderr);
    };
    const ssh = target(key);
    assert.deepEqual(propagate(ssh, 'kdump.conf', run), { key, made: 'new', to: `${server.user}@127.0.0.1` });
    assert.equal(statSync(key).mode & 0o777, 0o600);
    const authorized = readFileSync(join(folder, '.ssh/authorized_keys'), 'utf8');
    assert.ok(authorized.includes(readFileSync(`${key}.pub`, 'utf8').split(' ')[1] ?? '?'));
    assert.equal(propagate(ssh, 'kdump.conf', run).made, 'was there');
    assert.deepEqual(programs, ['ssh-keygen', 'ssh-copy-id', 'ssh-copy-id']);
  });

  it('is what propagate needs', () => {
    assert.throws(
      () => propagate({ kind: 'path' }, 'kdump.conf'),
      failsWith('E_USAGE', /names no ssh target/),
    );
  });
});
