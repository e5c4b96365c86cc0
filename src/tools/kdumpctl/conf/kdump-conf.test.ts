/** Every rule of kdump.conf, as the user meets it: the line that is written, and the line that is answered. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { defaultCollector } from './collector.ts';
import { plainKeys } from './entries.ts';
import { type KdumpConf, parseKdumpConf } from './kdump-conf.ts';
import { problemLine } from './problem.ts';
import { deviceText, targetKeys, targetText } from './target.ts';

const file = '/etc/kdump.conf';
const own = { hostname: 'node1', addresses: ['192.0.2.1', '2001:db8::1'] };

/** What is said of a file, without its name and the code that all but few of them have. */
const said = (text: string): string[] =>
  parseKdumpConf(text, file, own).problems.map((problem) =>
    problemLine(problem)
      .replace(`${file}:`, '')
      .replace(/ \[E_USAGE\]$/, ''),
  );
/** The configuration of a file that has nothing wrong with it. */
function parse(text: string): KdumpConf {
  assert.deepEqual(said(text), []);
  return parseKdumpConf(text, file, own).conf;
}

describe('kdump.conf', () => {
  it('has defaults for everything', () => {
    assert.deepEqual(parse(''), {
      target: { kind: 'path' },
      path: '/var/crash',
      collector: defaultCollector('path'),
      hooks: { before: undefined, after: undefined, emergency: undefined },
      extraBins: [],
      extraModules: [],
      failureAction: 'reboot',
      finalAction: 'reboot',
      rebuild: 'when-needed',
      dracutArgs: [],
      fence: { nodes: [], args: [] },
    } satisfies KdumpConf);
  });

  it('says all that can be said', () => {
    const conf = parse(`# where
ext4 UUID=1234   # the small disk

  path   "/dumps//daily/"
core_collector makedumpfile -c --message-level 7 -d 17
kdump_pre /etc/kdump/before
kdump_post /etc/kdump/after
kdump_emergency /etc/kdump/emergency
extra_bins /usr/bin/lftp /usr/bin/curl
extra_modules gfs2  nvme
failure_action poweroff
final_action halt
force_rebuild 1
force_no_rebuild 0
dracut_args --omit-drivers "cfg80211 snd" --add-drivers 'ext2 ext3'
fence_kdump_args -p 7410 -f auto
fence_kdump_nodes node2 192.0.2.2
auto_reset_crashkernel no\r
`);
    assert.equal(targetText(conf.target), 'ext4 UUID=1234');
    assert.deepEqual(conf.collector, {
      ...defaultCollector('filesystem'),
      levels: [17],
      format: { kind: 'kdump', codec: 'zlib' },
    });
    const { target: _, collector: __, ...others } = conf;
    assert.deepEqual(others, {
      path: '/dumps/daily',
      hooks: {
        before: '/etc/kdump/before',
        after: '/etc/kdump/after',
        emergency: '/etc/kdump/emergency',
      },
      extraBins: ['/usr/bin/lftp', '/usr/bin/curl'],
      extraModules: ['gfs2', 'nvme'],
      failureAction: 'poweroff',
      finalAction: 'halt',
      rebuild: 'always',
      dracutArgs: ['--omit-drivers', 'cfg80211 snd', '--add-drivers', 'ext2 ext3'],
      fence: { nodes: ['node2', '192.0.2.2'], args: ['-p', '7410', '-f', 'auto'] },
    });
  });

  it('names every kind of target', () => {
    const named: readonly (readonly [line: string, target: KdumpConf['target']])[] = [
      [
        'ext2 /dev/vda',
        { kind: 'filesystem', fileSystem: 'ext2', device: { by: 'path', value: '/dev/vda' } },
      ],
      ['ext3 UUID="ab-c"', { kind: 'filesystem', fileSystem: 'ext3', device: { by: 'UUID', value: 'ab-c' } }],
      [
        'xfs LABEL=my disk',
        { kind: 'filesystem', fileSystem: 'xfs', device: { by: 'LABEL', value: 'my disk' } },
      ],
      [
        'btrfs PARTUUID=1-2',
        { kind: 'filesystem', fileSystem: 'btrfs', device: { by: 'PARTUUID', value: '1-2' } },
      ],
      [
        'minix "PARTLABEL=x"',
        { kind: 'filesystem', fileSystem: 'minix', device: { by: 'PARTLABEL', value: 'x' } },
      ],
      ['raw /dev/vg/dump', { kind: 'raw', device: { by: 'path', value: '/dev/vg/dump' } }],
      ['nfs server.example:/export/tmp', { kind: 'nfs', server: 'server.example', exported: '/export/tmp' }],
      ['nfs [2001:db8::2]:/export', { kind: 'nfs', server: '[2001:db8::2]', exported: '/export' }],
      ['virtiofs myfs', { kind: 'virtiofs', tag: 'myfs' }],
      ['ssh kdump@server', { kind: 'ssh', user: 'kdump', host: 'server', key: '/root/.ssh/kdump_id_rsa' }],
      [
        'ssh kdump@2001:db8::2\nsshkey /root/key',
        { kind: 'ssh', user: 'kdump', host: '2001:db8::2', key: '/root/key' },
      ],
      [
        'dracut_args --mount "LABEL=dumps /mnt xfs defaults"',
        { kind: 'filesystem', fileSystem: 'xfs', device: { by: 'LABEL', value: 'dumps' } },
      ],
      ['dracut_args --mount="server:/x /mnt nfs4"', { kind: 'nfs', server: 'server', exported: '/x' }],
    ];
    for (const [line, target] of named) {
      const expected =
        target.kind === 'nfs' ? { ...target, server: target.server.replace(/[[\]]/g, '') } : target;
      assert.deepEqual(parse(line).target, expected, line);
    }
    assert.equal(deviceText({ by: 'LABEL', value: 'my disk' }), 'LABEL=my disk');
    assert.equal(targetText(parse('nfs [2001:db8::2]:/export').target), 'nfs [2001:db8::2]:/export');
  });

  it('ends a value at its first #, as the original does, and warns when that may not be meant', () => {
    assert.equal(parse('path /dumps # here\n').path, '/dumps');
    assert.deepEqual(said('ext4 /dev/disk#1\n'), [
      '1: warning: all from "#1" on is taken for a comment; put a blank before # when it is one; a value cannot have a #',
    ]);
  });
});

const wrong: readonly (readonly [rule: string, text: string, lines: readonly string[]])[] = [
  ['a mistyped key', 'paht /x', ['1: unknown key "paht"; did you mean "path"?']],
  ['a mistyped target', 'xt4 /dev/vda', ['1: unknown key "xt4"; did you mean "ext4"?']],
  ['a key in capitals', 'Final_Action halt', ['1: unknown key "Final_Action"; did you mean "final_action"?']],
  [
    'an unknown key',
    'bananas 3',
    ['1: unknown key "bananas"; remove the line; docs/kdump-conf.md lists all keys'],
  ],
  [
    'a key of every object',
    'constructor 3',
    ['1: unknown key "constructor"; remove the line; docs/kdump-conf.md lists all keys'],
  ],
  ['an empty value', '\n\next4\n', ['3: "ext4" has no value; write "ext4 VALUE"']],
  ['a value that is a comment', 'path # /x', ['1: "path" has no value; write "path VALUE"']],
  ['a value of empty quotes', 'path ""', ['1: "path" has no value; write "path VALUE"']],
  ['a quote left open', 'path "/x', ['1: a quote that is not closed; close it, or leave it out']],
  ['a duplicate', 'path /x\npath /y', ['2: path is given twice: first in line 1; keep one of them']],
  ['two targets', 'ext4 /dev/vda\nssh a@b', ['2: a second target: the first is in line 1; keep one of them']],
  [
    'a target twice',
    'ext4 /dev/vda\next4 /dev/vda',
    ['2: a second target: the first is in line 1; keep one of them'],
  ],
  [
    'a target and a mount',
    'nfs a:/b\ndracut_args --mount "/dev/vda /mnt ext4"',
    ['2: a second target: the first is in line 1; keep one of them'],
  ],
  [
    'two mounts',
    'dracut_args --mount "/dev/vda /mnt ext4" --mount "/dev/vdb /m xfs"',
    ['1: a second target: the first is in line 1; keep one of them'],
  ],
  [
    'a mount without a type',
    'dracut_args --mount /dev/vda',
    ['1: --mount "/dev/vda" names no device and type; write --mount "DEVICE MOUNTPOINT TYPE OPTIONS"'],
  ],
  [
    'a mount of another type',
    'dracut_args --mount "x /mnt 9p"',
    [
      '1: --mount: no dump is written to a file system of type "9p"; write --mount "DEVICE MOUNTPOINT TYPE OPTIONS"',
    ],
  ],
  ['net', 'net a@b', ['1: "net" is not used any more; write "ssh USER@HOST" or "nfs SERVER:/EXPORT"']],
  [
    'options',
    'options loop max_loop=1',
    [
      '1: "options" is not used any more; write MODULE.OPTION=VALUE into KDUMP_COMMANDLINE_APPEND of the sysconfig file',
    ],
  ],
  [
    'link_delay',
    'link_delay 3',
    [
      '1: "link_delay" is not used any more; remove the line: a network card is waited for as long as it takes',
    ],
  ],
  [
    'disk_timeout',
    'disk_timeout 3',
    ['1: "disk_timeout" is not used any more; remove the line: a disk is waited for as long as it takes'],
  ],
  [
    'debug_mem_level',
    'debug_mem_level 3',
    [
      '1: "debug_mem_level" is not used any more; write rd.memdebug=LEVEL into KDUMP_COMMANDLINE_APPEND of the sysconfig file',
    ],
  ],
  [
    'blacklist',
    'blacklist nouveau',
    [
      '1: "blacklist" is not used any more; write rd.driver.blacklist=MODULE into KDUMP_COMMANDLINE_APPEND of the sysconfig file',
    ],
  ],
  [
    'the old name of failure_action',
    'default halt',
    [
      '1: warning: "default" is now called failure_action, and will be gone some day; write "failure_action halt"',
    ],
  ],
  [
    'both its names',
    'failure_action halt\ndefault halt',
    [
      '2: warning: "default" is now called failure_action, and will be gone some day; write "failure_action halt"',
      '2: failure_action is given twice: first in line 1; keep one of them',
    ],
  ],
  [
    'another failure_action',
    'failure_action sleep',
    ['1: "sleep" is not a value of failure_action; write reboot, halt, poweroff, shell or dump_to_rootfs'],
  ],
  [
    'another final_action',
    'final_action shell',
    ['1: "shell" is not a value of final_action; write reboot, halt or poweroff'],
  ],
  [
    'dump_to_rootfs without a target',
    'failure_action dump_to_rootfs',
    [
      '1: warning: dump_to_rootfs helps only when the target is another file system, and none is named; name a target, or write "failure_action reboot"',
    ],
  ],
  [
    'force_rebuild neither 0 nor 1',
    'force_rebuild yes',
    ['1: "yes" is not a value of force_rebuild; write 0 or 1'],
  ],
  [
    'force_no_rebuild neither 0 nor 1',
    'force_no_rebuild 2',
    ['1: "2" is not a value of force_no_rebuild; write 0 or 1'],
  ],
  [
    'both of them',
    'force_rebuild 1\nforce_no_rebuild 1',
    ['2: force_rebuild and force_no_rebuild are both 1; keep one of them'],
  ],
  [
    'a fence node that is this machine',
    'fence_kdump_nodes node2 node1',
    ['1: fence_kdump_nodes: "node1" is this machine; name the other nodes of the cluster only'],
  ],
  [
    'its address',
    'fence_kdump_nodes 192.0.2.1',
    ['1: fence_kdump_nodes: "192.0.2.1" is this machine; name the other nodes of the cluster only'],
  ],
  [
    'fence arguments for nobody',
    'fence_kdump_args -p 1',
    [
      '1: warning: fence_kdump_args has no effect without fence_kdump_nodes; name the other nodes of the cluster',
    ],
  ],
  ['ssh without a user', 'ssh server', ['1: "server" names no user; write "ssh USER@HOST"']],
  ['ssh with an empty user', 'ssh @server', ['1: "" is not a user\'s name; write "ssh USER@HOST"']],
  [
    'a user that is an option',
    'ssh -oProxyCommand=x@server',
    ['1: "-oProxyCommand=x" is not a user\'s name; write "ssh USER@HOST"'],
  ],
  [
    'ssh with a folder',
    'ssh a@server:/x',
    ['1: "server:/x" is not a host\'s name or address; write "ssh USER@HOST"; the folder goes into "path"'],
  ],
  [
    'sshkey for nothing',
    'ext4 /dev/vda\nsshkey /key',
    ['2: warning: sshkey has no effect: the target is not ssh; remove the line'],
  ],
  [
    'sshkey without its folder',
    'ssh a@b\nsshkey key',
    ['2: sshkey "key" is not a full path; write "sshkey /root/.ssh/kdump_id_rsa"'],
  ],
  [
    'nfs without an export',
    'nfs server',
    ['1: "server" does not name an NFS export; write "nfs SERVER:/EXPORT", an IPv6 address in brackets'],
  ],
  [
    'nfs without brackets',
    'nfs 2001:db8::1:/x',
    [
      '1: "2001:db8::1:/x" does not name an NFS export; write "nfs SERVER:/EXPORT", an IPv6 address in brackets',
    ],
  ],
  [
    'virtiofs with a folder',
    'virtiofs a b',
    ['1: "a b" is not one virtiofs tag; write "virtiofs TAG", nothing behind it'],
  ],
  [
    'a device without its folder',
    'ext4 vda',
    [
      '1: "vda" does not name a device; write its path, or UUID=, LABEL=, PARTUUID= or PARTLABEL= and its value',
    ],
  ],
  [
    'mount options',
    'ext4 /dev/vda rw',
    ['1: "/dev/vda rw" is more than one device; write the device alone; mount options cannot be given'],
  ],
  ['a tag in small letters', 'ext4 uuid=1', ['1: "uuid=" does not name a device; write UUID=1']],
  ['a tag without a value', 'raw UUID=', ['1: "UUID=" names no device; lsblk -f shows what there is']],
  ['two UUIDs', 'raw UUID=1 2', ['1: "1 2" is more than one UUID; write UUID=VALUE, nothing behind it']],
  [
    'a path that is not full, without a target',
    'path crash',
    ['1: path "crash" is not a full path; write "path /var/crash"'],
  ],
  [
    'a path that leaves the target',
    'ext4 /dev/vda\npath /x/../..',
    ['2: path "/x/../.." leads out of the target; write it without ".."'],
  ],
  [
    'arguments of a hook',
    'kdump_pre /bin/x -v',
    ['1: kdump_pre takes one program and no arguments; write a script that calls it'],
  ],
  [
    'a hook without its folder',
    'kdump_post x',
    ['1: kdump_post "x" is not a full path; write "kdump_post /PATH/OF/PROGRAM"'],
  ],
  [
    'a program without its folder',
    'extra_bins /bin/a b',
    ['1: extra_bins: "b" is not a full path; write /PATH/OF/PROGRAM'],
  ],
  [
    'an open quote of dracut_args',
    'dracut_args --add "x',
    ['1: dracut_args: a quote that is not closed; close it'],
  ],
  [
    'a crashkernel= that is to be changed by an update',
    'auto_reset_crashkernel yes',
    [
      '1: warning: auto_reset_crashkernel "yes" has no effect: crashkernel= is never changed unasked; set it with vmcore kdumpctl reset-crashkernel',
    ],
  ],
];

describe('a mistake in kdump.conf is answered with its line, what is wrong, and what to write', () => {
  for (const [rule, text, lines] of wrong) it(rule, () => assert.deepEqual(said(text), lines));

  it('and all of them at once, in the order of the lines', () => {
    const lines = said('paht /x\next4 vda\nfinal_action sleep\nnfs a:/b\nforce_rebuild 7\n');
    assert.deepEqual(
      lines.map((line) => line.split(':')[0]),
      ['1', '2', '3', '4', '5'],
    );
  });

  it('and one mistake is not answered twice', () => {
    assert.deepEqual(said('ssh server\npath crash\nsshkey /key\ncore_collector makedumpfile -F -d 31'), [
      '1: "server" names no user; write "ssh USER@HOST"',
    ]);
  });

  it('and what is right stays', () => {
    const { conf } = parseKdumpConf('ext4 /dev/vda\nbananas\nfinal_action poweroff\npath /x\npath /y', file);
    assert.equal(targetText(conf.target), 'ext4 /dev/vda');
    assert.equal(conf.finalAction, 'poweroff');
    assert.equal(conf.path, '/x');
  });
});

describe('whatever is written', () => {
  const key = fc.oneof(
    fc.constantFrom(...plainKeys, ...targetKeys, 'default', 'net', '__proto__'),
    fc.string(),
  );
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      'makedumpfile -F',
      'makedumpfile',
      'UUID=',
      '--mount',
      '--mount "a b ext4"',
      '"',
      '\\',
      'a@[',
      "'",
    ),
  );
  const line = fc.tuple(key, value).map(([name, text]) => `${name} ${text}`);

  it('is answered with problems, each one line that names the file', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(line).map((lines) => lines.join('\n')),
        ),
        (text) => {
          for (const problem of parseKdumpConf(text, file, own).problems) {
            assert.match(problemLine(problem), /^\/etc\/kdump\.conf:\d+: .+; .+ \[E_[A-Z_]+\]$/);
          }
        },
      ),
    );
  });
});
