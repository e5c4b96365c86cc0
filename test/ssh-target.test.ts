/** The ssh target against a real OpenSSH server on the loopback: what arrives, under which name, and what is told when it does not. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FlattenedSource } from '../src/formats/flattened-source.ts';
import { openFile } from '../src/sys/file-source.ts';
import { findProgram, runChecked } from '../src/sys/programs.ts';
import type { SshTarget } from '../src/tools/kdumpctl/conf/target.ts';
import type { DumpStore } from '../src/tools/kdumpctl/targets/dump-store.ts';
import { openSsh, sshClient } from '../src/tools/kdumpctl/targets/ssh.ts';
import { unwatched } from '../src/tools/kdumpctl/targets/store-place.ts';
import {
  knownHostsLine,
  makeKey,
  publicKey,
  type Sshd,
  sshdProgram,
  startSshd,
} from '../src/tools/rehearse/servers/sshd.ts';
import { failsWith } from './support/expect-error.ts';
import { recordingJournal } from './support/recording-journal.ts';

const skip = findProgram(sshdProgram.name) === undefined ? 'no sshd: install openssh-server' : false;

interface Changes {
  readonly port?: number;
  readonly hostKey?: string;
  readonly key?: string;
  readonly path?: string;
  readonly name?: string;
}

describe('ssh target', { skip, timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-test-ssh-'));
  const crash = join(folder, "it's $HOME/crash");
  let server: Sshd;

  before(async () => {
    server = await startSshd({ folder });
  });
  after(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  let configs = 0;
  /** As the capture image does: host keys and port from a configuration, the rest from the target. */
  function open(changes: Changes = {}): Promise<DumpStore> {
    const { port = server.port, hostKey = server.hostKey, key = server.identity, path = crash } = changes;
    const { name = '10.0.2.15-2026-11-22-01:43:05' } = changes;
    const files = join(folder, String(configs++));
    const config = `${files}.conf`;
    const known = `${files}.known`;
    writeFileSync(known, hostKey === '' ? '' : knownHostsLine('127.0.0.1', port, hostKey));
    writeFileSync(
      config,
      `Host *\n  Port ${port}\n  GlobalKnownHostsFile ${known}\n  UserKnownHostsFile none\n  LogLevel ERROR\n`,
    );
    const target: SshTarget = { kind: 'ssh', user: server.user, host: '127.0.0.1', key };
    const place = { path, name, deviceLimit: 1000, serverLimit: 1000, blocking: unwatched };
    return openSsh(target, place, recordingJournal(), sshClient(target, ['-F', config]));
  }
  const filesOf = (store: DumpStore): string[] => readdirSync(folderOf(store)).toSorted();
  const folderOf = (store: DumpStore): string => store.place.slice(store.place.indexOf(' /') + 1);

  it('keeps files and a flattened dump, only for the owner', async () => {
    const store = await open();
    assert.equal(folderOf(store), join(crash, '10.0.2.15-2026-11-22-01:43:05'));
    assert.ok((store.free() ?? 0) > 2 ** 20);
    const text = randomBytes(300_000);
    assert.equal(await store.saveFile('vmcore-dmesg.txt', text), true);
    const { sink, finish } = await store.beginDump('vmcore', 'flattened');
    // More than a pipe holds, and not in order.
    const pages = randomBytes(5_000_000);
    sink.write(4096, pages);
    sink.write(0, pages.subarray(0, 4096));
    assert.ok(filesOf(store).includes('vmcore-incomplete'));
    assert.equal(await finish('complete'), 'vmcore.flat');
    await store.close();
    assert.deepEqual(filesOf(store), ['vmcore-dmesg.txt', 'vmcore.flat']);
    assert.deepEqual(readFileSync(join(folderOf(store), 'vmcore-dmesg.txt')), text);
    assert.equal(statSync(folderOf(store)).mode & 0o777, 0o700);
    assert.equal(statSync(join(folderOf(store), 'vmcore.flat')).mode & 0o777, 0o600);
    const dump = new FlattenedSource(openFile(join(folderOf(store), 'vmcore.flat')), 'refuse');
    const there = Buffer.alloc(dump.size);
    dump.read(0, there);
    dump.close();
    assert.ok(there.equals(Buffer.concat([pages.subarray(0, 4096), pages])));
  });

  it('keeps every byte in its place when the dump is a copy', async () => {
    const store = await open({ name: 'copy' });
    const { sink, finish } = await store.beginDump('vmcore', 'plain');
    sink.write(0, Buffer.from('ELF'));
    sink.write(200_000, Buffer.from('end'));
    assert.equal(await finish('complete'), 'vmcore');
    await store.close();
    const expected = Buffer.alloc(200_003);
    expected.write('ELF');
    expected.write('end', 200_000);
    assert.ok(readFileSync(join(folderOf(store), 'vmcore')).equals(expected));
  });

  it('never writes into the folder of another dump', async () => {
    const [first, second] = [await open({ name: 'same' }), await open({ name: 'same' })];
    assert.equal(folderOf(second), `${folderOf(first)}-2`);
    await first.close();
    await second.close();
  });

  it('leaves an incomplete dump under the name that says so, without an end record', async () => {
    const store = await open({ name: 'incomplete' });
    const { sink, finish } = await store.beginDump('vmcore', 'flattened');
    sink.write(0, Buffer.from('KDUMP'));
    assert.equal(await finish('incomplete'), 'vmcore-incomplete');
    await store.close();
    assert.deepEqual(filesOf(store), ['vmcore-incomplete']);
    const path = join(folderOf(store), 'vmcore-incomplete');
    assert.throws(() => new FlattenedSource(openFile(path), 'refuse'), failsWith('E_TRUNCATED'));
  });

  it('a second attempt takes the place of the first', async () => {
    const store = await open({ name: 'again' });
    const first = await store.beginDump('vmcore', 'plain');
    first.sink.write(0, Buffer.alloc(1000, 1));
    await first.finish('incomplete');
    const second = await store.beginDump('vmcore', 'plain');
    second.sink.write(0, Buffer.from('short'));
    await second.finish('complete');
    await store.close();
    assert.equal(readFileSync(join(folderOf(store), 'vmcore'), 'latin1'), 'short');
  });

  it('says that the connection is refused', async () => {
    await assert.rejects(open({ port: 1 }), failsWith('E_IO', /the server refuses the connection/));
  });

  it('sends nothing to a host whose key has changed', async () => {
    const other = join(folder, 'other_host_key');
    await makeKey(other);
    await assert.rejects(
      open({ hostKey: publicKey(other), path: join(folder, 'changed') }),
      failsWith('E_NEEDS', /the host key of the server has changed/),
    );
    assert.ok(!readdirSync(folder).includes('changed'));
  });

  it('sends nothing to a host that is not known', async () => {
    await assert.rejects(open({ hostKey: '' }), failsWith('E_NEEDS', /host key of the server is not known/));
  });

  it('says that the key is not accepted', async () => {
    const key = join(folder, 'other_key');
    await makeKey(key);
    await assert.rejects(open({ key }), failsWith('E_NEEDS', /permission denied for the key/));
  });

  it('says that there is no key', async () => {
    await assert.rejects(
      open({ key: join(folder, 'none') }),
      failsWith('E_NEEDS', /permission denied for the key/),
    );
  });

  it('says that the folder cannot be made', async () => {
    writeFileSync(join(folder, 'file'), '');
    await assert.rejects(
      open({ path: join(folder, 'file') }),
      failsWith('E_IO', /ssh failed: mkdir: .*(File exists|Not a directory)/),
    );
  });

  it('says that the server is full, and what it has stays', {
    skip: process.getuid?.() !== 0 && 'only root can mount',
  }, async () => {
    const small = join(folder, 'small');
    mkdirSync(small);
    await runChecked('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
    try {
      const store = await open({ path: small });
      assert.equal(store.free(), 2 ** 20);
      const { sink, finish } = await store.beginDump('vmcore', 'flattened');
      const full = failsWith('E_NO_SPACE', /no space left on the server/);
      assert.throws(() => {
        for (let offset = 0; offset < 2 ** 26; offset += 2 ** 16)
          sink.write(offset, Buffer.alloc(2 ** 16, 1));
      }, full);
      await assert.rejects(finish('incomplete'), full);
      await store.close();
      assert.deepEqual(filesOf(store), ['vmcore-incomplete']);
      assert.ok(statSync(join(folderOf(store), 'vmcore-incomplete')).size > 900_000);
    } finally {
      await runChecked('umount', [small]);
    }
  });

  it('gives nothing its name when the connection dies in the middle', async () => {
    const store = await open({ name: 'died' });
    const { sink, finish } = await store.beginDump('vmcore', 'flattened');
    sink.write(0, Buffer.alloc(2 ** 20, 1));
    process.kill(await sessionIn(folderOf(store)), 'SIGKILL');
    const died = failsWith('E_IO', /the server went away \(ssh: /);
    await assert.rejects(async () => {
      for (let i = 1; i < 100; i++) sink.write(i * 2 ** 20, Buffer.alloc(2 ** 20, 1));
      await finish('complete');
    }, died);
    await assert.rejects(finish('incomplete'), died);
    await store.close();
    assert.deepEqual(filesOf(store), ['vmcore-incomplete']);
  });

  it('memory holds no more of a dump than a pipe does', async () => {
    const store = await open({ name: 'memory' });
    const { sink, finish } = await store.beginDump('vmcore', 'flattened');
    const before = process.memoryUsage().rss;
    const piece = Buffer.alloc(2 ** 20, 7);
    for (let i = 0; i < 200; i++) sink.write(i * 2 ** 20, piece);
    assert.ok(process.memoryUsage().rss - before < 32 * 2 ** 20);
    await finish('complete');
    await store.close();
  });
});

/** The process of sshd that serves the command which writes into `folder`. */
async function sessionIn(folder: string): Promise<number> {
  for (let i = 0; i < 100; i++) {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        if (readlinkSync(`/proc/${pid}/cwd`) !== folder) continue;
        const parent = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
        const isServer = readFileSync(`/proc/${parent}/comm`, 'latin1') === 'sshd\n';
        if (isServer) return Number(parent);
      } catch {
        // It has ended.
      }
    }
    await sleep(50);
  }
  throw new Error(`no session of sshd has ${folder} as its folder`);
}
