/** What `kdumpctl start` does with an ssh target before it relies on it, against a real OpenSSH server on the loopback. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  knownHostsLine,
  makeKey,
  publicKey,
  type Sshd,
  sshdProgram,
  startSshd,
} from '../lab/servers/sshd.ts';
import { findProgram, requireProgram, runProgram } from '../src/sys/programs.ts';
import type { SshTarget } from '../src/tools/kdumpctl/conf/target.ts';
import type { LiveSystem } from '../src/tools/kdumpctl/image/machine/live-system.ts';
import type { Log } from '../src/tools/kdumpctl/service/log.ts';
import { reachTarget } from '../src/tools/kdumpctl/service/reach-target.ts';
import { targetRoom } from '../src/tools/kdumpctl/service/target-room.ts';
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
    server = await startSshd({ folder });
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
});
