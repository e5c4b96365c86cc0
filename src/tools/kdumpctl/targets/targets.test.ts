/** What of the targets is plain text: words for a shell, options of a mount, a lease, what ssh says. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { recordingJournal } from '../../../../test/support/recording-journal.ts';
import type { ErrorCode } from '../../../base/errors.ts';
import { parseLease } from './dhcp.ts';
import { isPartOfAnother, withoutUdev } from './find-device.ts';
import { runLimited, waitFor } from './limited.ts';
import { merged } from './network.ts';
import type { CardPlan } from './network-plan.ts';
import { nfsOptions } from './nfs.ts';
import { quoted, shellCommand } from './shell-quote.ts';
import { sshError } from './ssh-errors.ts';
import { whenReached } from './when-reached.ts';

/** What a shell makes of a line: its words. */
function wordsOf(line: string): string[] {
  const { stdout } = spawnSync('sh', ['-c', `printf '%s\\0' ${line}`]);
  return stdout.toString().split('\0').slice(0, -1);
}

describe('words for a shell', () => {
  it('come out as they went in', () => {
    const words = ['', "it's", '$HOME `id` $(id)', 'a\nb\t', '\\', '*', '-n', '"', '!x', 'ä'];
    assert.deepEqual(wordsOf(words.map(quoted).join(' ')), words);
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 5 }), (texts) => {
        const clean = texts.map((text) => text.replaceAll('\0', ''));
        assert.deepEqual(wordsOf(clean.map(quoted).join(' ')), clean);
      }),
      { numRuns: 50 },
    );
  });
  it('a NUL is refused', () => assert.throws(() => quoted('a\0b'), failsWith('E_USAGE')));
  it('a script gets its arguments, through a login shell', () => {
    const line = shellCommand('printf "%s|" "$@"', ["it's", '$HOME', '']);
    assert.equal(spawnSync('sh', ['-c', line]).stdout.toString(), "it's|$HOME||");
  });
});

describe('what ssh says', () => {
  const cases: readonly [said: string, code: ErrorCode, what: RegExp][] = [
    ['ssh: connect to host h port 22: Connection refused\r\n', 'E_IO', /refuses the connection/],
    [
      '@@@@@@@\r\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\r\n@@@@\r\nHost key verification failed.\r\n',
      'E_NEEDS',
      /host key of the server has changed/,
    ],
    [
      'No ED25519 host key is known for h and you have requested strict checking.\r\nHost key verification failed.\r\n',
      'E_NEEDS',
      /host key of the server is not known/,
    ],
    ['root@h: Permission denied (publickey).\r\n', 'E_NEEDS', /permission denied for the key/],
    ['mkdir: cannot create directory ‘/x’: Permission denied', 'E_FILE', /may not write to the folder/],
    ['cat: write error: No space left on device', 'E_NO_SPACE', /no space left on the server/],
    ['mkdir: cannot create directory: Read-only file system', 'E_FILE', /read-only/],
    ['ssh: Could not resolve hostname h: Name or service not known', 'E_FILE', /has no address/],
    ['ssh: connect to host h port 22: No route to host', 'E_IO', /cannot be reached/],
    ['Timeout, server h not responding.\r\n', 'E_IO', /went away/],
    ['client_loop: send disconnect: Broken pipe\r\n', 'E_IO', /went away/],
    ['sh: 1: cat: not found', 'E_IO', /^ssh failed: sh: 1: cat: not found$/],
    ['', 'E_IO', /it said nothing/],
  ];
  for (const [said, code, what] of cases) {
    it(said.trim().split('\n').at(-1) || 'nothing', () => {
      const error = sshError(said, 'root@h');
      assert.equal(error.code, code);
      assert.match(error.message, what);
      assert.match(error.toLine(), /^root@h: [^\n\r]+; [^\n\r]+ \[E_/);
    });
  }
});

describe('a server that is not reached', () => {
  const unreachable = sshError('ssh: connect to host h port 22: No route to host', 'root@h');
  it('is tried again until it answers', async () => {
    const { event, events } = recordingJournal();
    let tries = 0;
    const attempt = async (): Promise<string> => {
      if (++tries < 2) throw unreachable;
      return 'answer';
    };
    assert.equal(await whenReached(attempt, 10_000, { event }), 'answer');
    assert.deepEqual(
      events.map(({ name }) => name),
      ['target-unreachable'],
    );
  });
  it('is given up in the end; what it answers is final', async () => {
    const fails = (error: Error) => () => Promise.reject(error);
    await assert.rejects(whenReached(fails(unreachable), 0, recordingJournal()), unreachable);
    const refused = sshError('Connection refused', 'root@h');
    const { event, events } = recordingJournal();
    await assert.rejects(whenReached(fails(refused), 10_000, { event }), refused);
    assert.deepEqual(events, []);
  });
});

describe('options of an NFS mount', () => {
  it('version 4', () =>
    assert.equal(
      nfsOptions('10.0.2.100', '4.2').join(','),
      'vers=4.2,addr=10.0.2.100,proto=tcp,soft,timeo=200,retrans=2',
    ));
  it('version 3 needs no lock manager; IPv6 has a protocol of its own', () =>
    assert.equal(
      nfsOptions('fd00::1', '3').join(','),
      'vers=3,addr=fd00::1,proto=tcp6,mountproto=tcp6,nolock,soft,timeo=200,retrans=2',
    ));
});

describe('a lease', () => {
  const lease = parseLease('ip=10.0.2.15\nmask=24\nrouter=10.0.2.2 10.0.2.9\ndns=10.0.2.3 x\n', 'eth0');
  it('is read', () =>
    assert.deepEqual(lease, { address: '10.0.2.15/24', router: '10.0.2.2', nameServers: ['10.0.2.3'] }));
  it('needs an address', () => {
    assert.throws(
      () => parseLease('ip=\nmask=\nrouter=\ndns=\n', 'eth0'),
      failsWith('E_IO', /without an address/),
    );
    assert.throws(() => parseLease('ip=10.0.2.15\nmask=\n', 'eth0'), failsWith('E_IO', /without an address/));
  });
  const card: CardPlan = {
    mac: '52:54:00:12:34:56',
    name: 'enp1s0',
    configured: 'dhcp',
    addresses: ['192.0.2.7/24', 'fd00::7/64'],
    routes: [
      { to: 'default', via: '192.0.2.1', family: 4 },
      { to: 'default', via: 'fd00::1', family: 6 },
      { to: '198.51.100.0/24', via: '10.0.2.9', family: 4 },
    ],
    mtu: 1500,
  };
  it('replaces what was known of IPv4, and leaves the rest', () =>
    assert.deepEqual(merged(card, lease), {
      addresses: ['10.0.2.15/24', 'fd00::7/64'],
      routes: [
        { to: 'default', via: 'fd00::1', family: 6 },
        { to: '198.51.100.0/24', via: '10.0.2.9', family: 4 },
        { to: 'default', via: '10.0.2.2', family: 4 },
      ],
      nameServers: ['10.0.2.3'],
    }));
  it('without a router leaves the gateway that was known', () =>
    assert.deepEqual(merged(card, { ...lease, router: undefined }).routes, card.routes));
});

describe('links of udev', () => {
  it('are what they stand for', () => {
    assert.deepEqual(withoutUdev({ by: 'path', value: '/dev/disk/by-uuid/1-2' }), {
      by: 'UUID',
      value: '1-2',
    });
    assert.deepEqual(withoutUdev({ by: 'path', value: '/dev/disk/by-partlabel/a\\x20b\\xc3\\xa4' }), {
      by: 'PARTLABEL',
      value: 'a bä',
    });
    assert.deepEqual(withoutUdev({ by: 'path', value: '/dev/vda1' }), { by: 'path', value: '/dev/vda1' });
  });
});

describe('a device that something is built on', () => {
  it('is told by its holders in sysfs, or by those of its disk', (t) => {
    const sysfs = mkdtempSync(join(tmpdir(), 'vmcore-sysfs-'));
    t.after(() => rmSync(sysfs, { recursive: true }));
    // A multipath device on sda, an LVM on sdb2; sdb1 is free.
    for (const folder of [
      'sda/holders/dm-0',
      'sda/sda1/holders',
      'sdb/sdb1/holders',
      'sdb/sdb2/holders/dm-1',
    ])
      mkdirSync(join(sysfs, 'devices', folder), { recursive: true });
    mkdirSync(join(sysfs, 'devices/sdb/holders'));
    mkdirSync(join(sysfs, 'class'));
    const held = ['sda', 'sda/sda1', 'sdb', 'sdb/sdb1', 'sdb/sdb2'].filter((device) => {
      const link = join(sysfs, 'class', basename(device));
      symlinkSync(join('../devices', device), link);
      return isPartOfAnother(link);
    });
    assert.deepEqual(held, ['sda', 'sda/sda1', 'sdb/sdb2']);
  });
});

describe('limits', () => {
  it('a program that does not end is left', async () => {
    const started = performance.now();
    await assert.rejects(
      runLimited('sh', ['-c', 'echo why >&2; sleep 60'], 200),
      failsWith('E_IO', /0\.2 s: why/),
    );
    assert.ok(performance.now() - started < 5000);
  });
  it('a program that is not there is named', () =>
    assert.rejects(runLimited('no-such-program', [], 1000), failsWith('E_NEEDS', /no-such-program/)));
  it('one that ended badly tells', async () => {
    const { status, stderr } = await runLimited('sh', ['-c', 'echo no >&2; exit 3'], 5000);
    assert.deepEqual([status, stderr], [3, 'no\n']);
  });
  it('a wait ends with its answer, or without', async () => {
    let asked = 0;
    assert.equal(await waitFor(() => (++asked === 3 ? 'yes' : undefined), 5000, 1), 'yes');
    assert.equal(await waitFor(() => undefined, 20, 5), undefined);
  });
});
