import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failsWith } from '../../../../../test/support/expect-error.ts';
import { type Recording, recordedMachine } from '../../../../../test/support/recorded-machine.ts';
import type { Target } from '../../conf/target.ts';
import { refuseLayers } from './block-device.ts';
import { parseMounts } from './mounts.ts';
import { resolveTarget } from './resolve-target.ts';

const disk = 'pci0000:00/0000:00:02.0/virtio0/block/vda';
const says = (uuid: string, type: string, partUuid: string): string =>
  `DEVNAME=/dev/x\nUUID=${uuid}\nTYPE=${type}\nUSAGE=filesystem\nPART_ENTRY_UUID=${partUuid}\n`;
/** A root on ext4, a second partition with xfs, a third with nothing. */
const usual: Recording = {
  blocks: [
    { name: 'vda', path: disk, number: '254:0' },
    { name: 'vda1', path: `${disk}/vda1`, number: '254:1', attributes: { partition: '1' } },
    { name: 'vda2', path: `${disk}/vda2`, number: '254:2', attributes: { partition: '2' } },
    { name: 'vda3', path: `${disk}/vda3`, number: '254:3', attributes: { partition: '3' } },
  ],
  mounts: [
    '22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/root rw',
    '30 22 0:30 / /run rw - tmpfs tmpfs rw',
    '31 22 254:2 / /srv/crash\\040dumps ro - xfs /dev/vda2 rw',
    '32 22 254:1 /srv/bound /mnt/bound rw - ext4 /dev/root rw',
  ],
  files: { 'var/crash/x': '' },
  says: {
    'blkid -p -o export /dev/vda1': says('root-uuid', 'ext4', 'p1'),
    'blkid -p -o export /dev/vda2': says('xfs-uuid', 'xfs', 'p2'),
    'blkid -p -o export /dev/vda3': 'PART_ENTRY_UUID=p3\n',
    'findfs UUID=root-uuid': '/dev/vda1\n',
    'findfs UUID=xfs-uuid': '/dev/vda2\n',
    'findfs LABEL=dumps': '/dev/vda2\n',
    'findfs PARTUUID=p1': '/dev/vda1\n',
    'findfs PARTUUID=p3': '/dev/vda3\n',
  },
};
const path: Target = { kind: 'path' };

test('a path is on the file system that is mounted there, by its UUID', async (context) => {
  const machine = recordedMachine(context, usual);
  const {
    target,
    path: inside,
    place,
    device,
    warnings,
  } = await resolveTarget(machine, { target: path, path: '/var/crash' });
  assert.deepEqual(target, {
    kind: 'filesystem',
    fileSystem: 'ext4',
    device: { by: 'UUID', value: 'root-uuid' },
  });
  assert.equal(inside, '/var/crash');
  assert.deepEqual(place, { kind: 'mounted', mountPoint: '/', folder: '/var/crash' });
  assert.equal(device?.name, 'vda1');
  assert.deepEqual(warnings, []);
});

test('a path counts from the top of its file system, also behind a bind mount or in a subvolume', async (context) => {
  const machine = recordedMachine(context, {
    ...usual,
    mounts: [
      ...(usual.mounts ?? []),
      '40 22 0:45 /@crash/2026 /var/crash rw - btrfs /dev/vda3 rw,subvol=/@crash/2026',
    ],
    says: {
      ...usual.says,
      'blkid -p -o export /dev/vda3': says('btrfs-uuid', 'btrfs', 'p3'),
      'findfs UUID=btrfs-uuid': '/dev/vda3\n',
    },
  });
  const bound = await resolveTarget(machine, { target: path, path: '/mnt/bound/crash' });
  assert.equal(bound.path, '/srv/bound/crash');
  const subvolume = await resolveTarget(machine, { target: path, path: '/var/crash/x' });
  assert.deepEqual(subvolume.target, {
    kind: 'filesystem',
    fileSystem: 'btrfs',
    device: { by: 'UUID', value: 'btrfs-uuid' },
  });
  assert.equal(subvolume.path, '/@crash/2026/x');
});

test('links on the way to a path are followed', async (context) => {
  const machine = recordedMachine(context, { ...usual, links: { 'var/linked': 'srv/crash dumps/there' } });
  const {
    target,
    path: inside,
    place,
  } = await resolveTarget(machine, { target: path, path: '/var/linked/deeper' });
  assert.equal(target.kind === 'filesystem' && target.fileSystem, 'xfs');
  assert.equal(inside, '/there/deeper');
  assert.deepEqual(place, {
    kind: 'mounted',
    mountPoint: '/srv/crash dumps',
    folder: '/srv/crash dumps/there/deeper',
  });
});

test('a path on a server is a target on that server', async (context) => {
  const machine = recordedMachine(context, {
    ...usual,
    mounts: [...(usual.mounts ?? []), '50 22 0:50 / /var/crash rw - nfs4 [fd00::1]:/export rw,vers=4.2'],
  });
  const { target, path: inside } = await resolveTarget(machine, { target: path, path: '/var/crash/a' });
  assert.deepEqual(target, { kind: 'nfs', server: 'fd00::1', exported: '/export' });
  assert.equal(inside, '/a');
});

test('no dump is saved to a file system in memory', async (context) => {
  await assert.rejects(
    resolveTarget(recordedMachine(context, usual), { target: path, path: '/run/crash' }),
    failsWith('E_UNSUPPORTED', /is on \/run, of type tmpfs/),
  );
});

test('a device is found by its label and known by its UUID; a read-only mount is told', async (context) => {
  const machine = recordedMachine(context, usual);
  const {
    target,
    path: inside,
    place,
    warnings,
  } = await resolveTarget(machine, {
    target: { kind: 'filesystem', fileSystem: 'xfs', device: { by: 'LABEL', value: 'dumps' } },
    path: '/a/b',
  });
  assert.deepEqual(target, {
    kind: 'filesystem',
    fileSystem: 'xfs',
    device: { by: 'UUID', value: 'xfs-uuid' },
  });
  assert.equal(inside, '/a/b');
  assert.deepEqual(place, {
    kind: 'mounted',
    mountPoint: '/srv/crash dumps',
    folder: '/srv/crash dumps/a/b',
  });
  assert.deepEqual(warnings, ['/srv/crash dumps is mounted read-only now']);
});

test('another file system than the configuration says is an error', async (context) => {
  const machine = recordedMachine(context, usual);
  const device = { by: 'path', value: '/dev/vda2' } as const;
  await assert.rejects(
    resolveTarget(machine, { target: { kind: 'filesystem', fileSystem: 'ext4', device }, path: '/' }),
    (error) => {
      failsWith('E_USAGE', /holds xfs, not ext4/)(error);
      assert.match(String((error as { hint?: string }).hint), /write "xfs \/dev\/vda2"/);
      return true;
    },
  );
  await assert.rejects(
    resolveTarget(machine, {
      target: { kind: 'filesystem', fileSystem: 'ext4', device: { by: 'UUID', value: 'gone' } },
      path: '/',
    }),
    failsWith('E_FILE', /no block device has it/),
  );
});

test('a UUID that a copy has too is not relied on', async (context) => {
  const machine = recordedMachine(context, {
    ...usual,
    says: { ...usual.says, 'findfs UUID=root-uuid': '/dev/vda2\n' },
  });
  const { target } = await resolveTarget(machine, { target: path, path: '/' });
  assert.deepEqual(target.kind === 'filesystem' && target.device, { by: 'PARTUUID', value: 'p1' });
});

test('what cannot be read is known by its node, and that is told', async (context) => {
  const machine = recordedMachine(context, { ...usual, says: {} });
  const failing = {
    ...machine,
    run: () => Promise.resolve({ status: 1, stdout: Buffer.alloc(0), stderr: 'Operation not permitted' }),
  };
  const { target, warnings } = await resolveTarget(failing, { target: path, path: '/' });
  assert.deepEqual(target.kind === 'filesystem' && target.device, { by: 'path', value: '/dev/vda1' });
  assert.match(warnings[0] ?? '', /looked for by this name/);
});

test('a raw partition is known by its PARTUUID', async (context) => {
  const machine = recordedMachine(context, usual);
  const raw = (node: string) =>
    resolveTarget(machine, { target: { kind: 'raw', device: { by: 'path', value: node } }, path: '/' });
  const { target, place, warnings } = await raw('/dev/vda3');
  assert.deepEqual(target, { kind: 'raw', device: { by: 'PARTUUID', value: 'p3' } });
  assert.deepEqual(place, { kind: 'device', node: '/dev/vda3' });
  assert.deepEqual(warnings, []);
  await assert.rejects(raw('/dev/vda2'), failsWith('E_USAGE', /would overwrite it, and it is mounted at/));
  await assert.rejects(raw('/dev/vda'), failsWith('E_USAGE', /would overwrite it, and \/dev\/vda1 is on it/));
});

test('layers that need more than a driver are refused by name', async (context) => {
  const layered: Recording = {
    blocks: [
      {
        name: 'dm-0',
        path: 'virtual/block/dm-0',
        number: '253:0',
        attributes: { 'dm/uuid': 'LVM-abc', 'dm/name': 'vg-root', 'slaves/sda2/x': '' },
      },
      {
        name: 'dm-1',
        path: 'virtual/block/dm-1',
        number: '253:1',
        attributes: { 'dm/uuid': 'CRYPT-LUKS2-abc', 'dm/name': 'luks-1' },
      },
      {
        name: 'dm-2',
        path: 'virtual/block/dm-2',
        number: '253:2',
        attributes: { 'dm/uuid': 'part1-mpath-3600', 'dm/name': 'mpatha1' },
      },
      { name: 'md0', path: 'virtual/block/md0', number: '9:0', attributes: { 'md/level': 'raid1' } },
      { name: 'md0p1', path: 'virtual/block/md0/md0p1', number: '259:9', attributes: { partition: '1' } },
      { name: 'loop0', path: 'virtual/block/loop0', number: '7:0' },
      { name: 'sdx', path: 'platform/host2/session1/target2:0:0/2:0:0:1/block/sdx', number: '8:16' },
      { name: 'nvme1n1', path: 'virtual/nvme-fabrics/ctl/nvme1/nvme1n1', number: '259:4' },
    ],
    files: { 'sys/devices/virtual/nvme-fabrics/ctl/nvme1/transport': 'tcp\n' },
  };
  const machine = recordedMachine(context, layered);
  const refused: readonly (readonly [name: string, what: RegExp])[] = [
    ['dm-0', /is the LVM volume vg-root on \/dev\/sda2, which/],
    ['dm-1', /is the encrypted \(LUKS\) device luks-1/],
    ['dm-2', /is the multipath device mpatha1/],
    ['md0', /is the software RAID \(md, raid1\) md0/],
    ['md0p1', /is the software RAID \(md, raid1\) md0/],
    ['loop0', /is the virtual device loop0/],
    ['sdx', /is an iSCSI disk/],
    ['nvme1n1', /is an NVMe disk behind tcp/],
  ];
  for (const [name, what] of refused) {
    const { device } = await resolveTarget(
      {
        ...machine,
        run: () => Promise.resolve({ status: 0, stdout: Buffer.from('TYPE=ext4\n'), stderr: '' }),
      },
      {
        target: { kind: 'filesystem', fileSystem: 'ext4', device: { by: 'path', value: `/dev/${name}` } },
        path: '/',
      },
    );
    assert.ok(device);
    assert.throws(() => refuseLayers(device), failsWith('E_UNSUPPORTED', what));
  }
});

test('a btrfs on two devices is refused', async (context) => {
  const machine = recordedMachine(context, {
    ...usual,
    files: { 'sys/fs/btrfs/b/devices/vda3/x': '', 'sys/fs/btrfs/b/devices/vdb/x': '' },
    says: { 'blkid -p -o export /dev/vda3': says('b', 'btrfs', 'p3') },
  });
  await assert.rejects(
    resolveTarget(machine, {
      target: { kind: 'filesystem', fileSystem: 'btrfs', device: { by: 'path', value: '/dev/vda3' } },
      path: '/',
    }),
    failsWith('E_UNSUPPORTED', /one of 2 devices of a btrfs/),
  );
});

test('mountinfo: optional fields, octal escapes, read-only by either option', () => {
  const [a, b] = parseMounts(
    '36 35 98:0 /mnt1 /a\\040b rw,noatime master:1 shared:2 - ext3 /dev/root ro,errors=continue\n' +
      '37 35 98:0 / /c rw - ext3 /dev/x rw\n',
  );
  assert.deepEqual(a, {
    device: '98:0',
    root: '/mnt1',
    mountPoint: '/a b',
    type: 'ext3',
    source: '/dev/root',
    access: 'read-only',
  });
  assert.equal(b?.access, 'read-write');
});
