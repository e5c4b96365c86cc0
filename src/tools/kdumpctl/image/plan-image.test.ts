import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { type Recording, recordedMachine } from '../../../../test/support/recorded-machine.ts';
import { findProgram, runChecked } from '../../../sys/programs.ts';
import { parseKdumpConf } from '../conf/kdump-conf.ts';
import { parseNetworkPlan } from '../targets/network-plan.ts';
import { buildImage } from './build-image.ts';
import { moduleList, writeImageTree } from './image-tree.ts';
import { changedInputs } from './inputs.ts';
import type { ImagePlan } from './plan.ts';
import { planImage } from './plan-image.ts';

const busybox = findProgram('busybox');
const skip =
  busybox === undefined || findProgram('mksquashfs') === undefined
    ? 'needs busybox-static and squashfs-tools'
    : false;
const entry = fileURLToPath(new URL('../../../cli/capture.ts', import.meta.url));

const disk = 'pci0000:00/0000:00:02.0/virtio0/block/vda';
const card = 'pci0000:00/0000:00:03.0/virtio1/net/eth0';
/** A virtual machine with one disk and one card. */
const usual: Recording = {
  devices: [
    { path: 'pci0000:00/0000:00:02.0', driver: 'pci/virtio-pci', module: 'virtio_pci' },
    { path: 'pci0000:00/0000:00:02.0/virtio0', driver: 'virtio/virtio_blk', module: 'virtio_blk' },
    { path: 'pci0000:00/0000:00:03.0', driver: 'pci/virtio-pci', module: 'virtio_pci' },
    { path: 'pci0000:00/0000:00:03.0/virtio1', driver: 'virtio/virtio_net', module: 'virtio_net' },
  ],
  blocks: [{ name: 'vda', path: disk, number: '254:0' }],
  cards: { eth0: card },
  mounts: ['22 1 254:0 / / rw,relatime - ext4 /dev/vda rw'],
  files: { 'proc/sys/kernel/osrelease': '6.1.0-test\n' },
  says: {
    'blkid -p -o export /dev/vda': 'UUID=root-uuid\nTYPE=ext4\n',
    'findfs UUID=root-uuid': '/dev/vda\n',
    'ip -json route get 192.0.2.9': '[{"dst":"192.0.2.9","dev":"eth0"}]',
    'ip -json address show dev eth0':
      '[{"ifname":"eth0","mtu":1500,"addr_info":[{"family":"inet","local":"192.0.2.2","prefixlen":24,"scope":"global"}]}]',
    'ip -json -details link show dev eth0':
      '[{"ifname":"eth0","link_type":"ether","address":"52:54:00:12:34:56"}]',
    'ip -json -4 route show dev eth0': '[]',
    'ip -json -6 route show dev eth0': '[]',
  },
};

const modules = {
  loop: 'drivers/block/loop.ko',
  squashfs: 'fs/squashfs/squashfs.ko',
  virtio_pci: 'drivers/virtio/virtio_pci.ko',
  virtio_blk: 'drivers/block/virtio_blk.ko',
  virtio_net: 'drivers/net/virtio_net.ko',
  jbd2: 'fs/jbd2/jbd2.ko',
  ext4: 'fs/ext4/ext4.ko',
  nfs: 'fs/nfs/nfs.ko',
  nfsv4: 'fs/nfs/nfsv4.ko',
  gfs2: 'fs/gfs2/gfs2.ko',
} as const;

interface Planned {
  readonly folder: string;
  plan(conf: string, bringUp?: 'generator'): Promise<ImagePlan>;
}

/** A kernel with its module tree in a folder, and the machine that it runs on. */
function planned(context: TestContext, recording: Recording = usual): Planned {
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-plan-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const moduleTree = join(folder, '6.1.0-test');
  for (const [name, path] of Object.entries(modules)) {
    const file = join(moduleTree, 'kernel', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `the module ${name}`);
  }
  const dependencies = Object.values(modules).map((path) =>
    path.endsWith('ext4.ko') ? `kernel/${path}: kernel/${modules.jbd2}` : `kernel/${path}:`,
  );
  writeFileSync(join(moduleTree, 'modules.dep'), `${dependencies.join('\n')}\n`);
  writeFileSync(join(moduleTree, 'modules.builtin'), '');
  const image = join(folder, 'vmlinuz');
  writeFileSync(image, 'a kernel');
  const machine = recordedMachine(context, recording);
  return {
    folder,
    plan: (conf, bringUp) =>
      planImage({
        conf: parseKdumpConf(conf, 'kdump.conf').conf,
        confFile: 'kdump.conf',
        kernel: { image, moduleTree },
        programs: { node: process.execPath, root: '/', busybox: busybox ?? '' },
        entry,
        machine,
        ...(bringUp === undefined ? {} : { bringUp }),
      }),
  };
}

const names = ({ modules: list }: ImagePlan): string[] => list.map(({ module }) => module.name);
const text = ({ files }: ImagePlan, path: string): string => {
  const file = files.find((one) => one.path === path);
  assert.ok(file?.kind === 'file' && file.data instanceof Uint8Array, path);
  return Buffer.from(file.data).toString();
};

test('nothing configured: /var/crash of the root file system, and what leads there', {
  skip,
}, async (context) => {
  const plan = await planned(context).plan('');
  assert.deepEqual(names(plan), ['loop', 'squashfs', 'virtio_pci', 'virtio_blk', 'jbd2', 'ext4']);
  assert.equal(
    text(plan, 'etc/kdump.conf'),
    'ext4 UUID=root-uuid\npath /var/crash\ncore_collector makedumpfile -z -d 31\nfailure_action reboot\nfinal_action reboot\n',
  );
  assert.equal(plan.network, undefined);
  assert.deepEqual(plan.warnings, []);
});

test('a server: the card, its driver, the network plan; and the root file system to fall back to', {
  skip,
}, async (context) => {
  const plan = await planned(context).plan(
    'nfs 192.0.2.9:/dumps\npath /machines\nfailure_action dump_to_rootfs\nextra_modules gfs2\ndracut_args --add-drivers "loop" -H',
  );
  assert.deepEqual(names(plan), [
    'loop',
    'squashfs',
    'virtio_pci',
    'virtio_net',
    'nfs',
    'virtio_blk',
    'jbd2',
    'ext4',
    'gfs2',
    'nfsv4',
  ]);
  assert.match(text(plan, 'etc/kdump.conf'), /^nfs 192\.0\.2\.9:\/dumps\npath \/machines\n/);
  assert.match(text(plan, 'etc/kdump-rootfs.conf'), /^ext4 UUID=root-uuid\npath \/machines\n/);
  const network = parseNetworkPlan(text(plan, 'etc/vmcore/network.json'), 'network.json');
  assert.deepEqual(network, plan.network);
  assert.deepEqual(plan.warnings, ['dracut_args: -H has no effect on the built-in capture image']);
});

test('the same machine needs the same image; what changed is said', { skip }, async (context) => {
  const machine = planned(context);
  const before = await machine.plan('');
  assert.deepEqual(changedInputs(before.inputs, (await machine.plan('')).inputs), []);
  assert.deepEqual(
    changedInputs(before.inputs, (await machine.plan('path /elsewhere\nextra_modules gfs2')).inputs),
    ['the order of the modules has changed', 'the module gfs2 is new', 'the configuration has changed'],
  );
  writeFileSync(join(machine.folder, '6.1.0-test/kernel', modules.ext4), 'another build of the module');
  assert.deepEqual(changedInputs(before.inputs, (await machine.plan('')).inputs), [
    'the module ext4 has changed',
  ]);
});

test('a target below LVM is for a generator only', { skip }, async (context) => {
  const machine = planned(context, {
    ...usual,
    blocks: [
      { name: 'vda', path: disk, number: '254:9' },
      {
        name: 'dm-0',
        path: 'virtual/block/dm-0',
        number: '254:0',
        attributes: { 'dm/uuid': 'LVM-x', 'dm/name': 'vg-root' },
      },
    ],
    links: { 'sys/devices/virtual/block/dm-0/slaves/vda': `sys/devices/${disk}` },
    says: { 'blkid -p -o export /dev/dm-0': 'UUID=u\nTYPE=ext4\n', 'findfs UUID=u': '/dev/dm-0\n' },
  });
  await assert.rejects(machine.plan(''), failsWith('E_UNSUPPORTED', /the LVM volume vg-root/));
  const plan = await machine.plan('', 'generator');
  // Of what it is on, the disks are known; the layers between are the generator's.
  assert.deepEqual(names(plan), ['loop', 'squashfs', 'virtio_pci', 'virtio_blk', 'jbd2', 'ext4']);
  assert.match(text(plan, 'etc/kdump.conf'), /^ext4 UUID=u\n/);
});

test('the image and the folder for a generator hold what was planned', { skip }, async (context) => {
  const machine = planned(context);
  const plan = await machine.plan('');
  const output = join(machine.folder, 'kdump.img');
  const { size, modules: loaded } = await buildImage(plan, output);
  assert.deepEqual(loaded, names(plan));
  assert.equal(statSync(output).size, size);
  assert.equal(statSync(output).mode & 0o777, 0o600);
  const unpacked = join(machine.folder, 'unpacked');
  mkdirSync(unpacked);
  assert.ok(busybox);
  await runChecked('sh', ['-c', `cd "$1" && "$2" cpio -idm --quiet <"$3"`, 'sh', unpacked, busybox, output]);
  assert.equal(
    readFileSync(join(unpacked, 'modules/order'), 'utf8'),
    'loop.ko required\nsquashfs.ko required\nvirtio_pci.ko required\nvirtio_blk.ko required\njbd2.ko required\next4.ko required\n',
  );
  assert.equal(readFileSync(join(unpacked, 'modules/ext4.ko'), 'utf8'), 'the module ext4');

  const tree = join(machine.folder, 'tree');
  await writeImageTree(plan, tree);
  assert.equal(readFileSync(join(tree, moduleList), 'utf8'), `${names(plan).join('\n')}\n`);
  assert.equal(readFileSync(join(tree, 'modules/order'), 'utf8'), '');
  for (const folder of [unpacked, tree]) {
    assert.equal(readFileSync(join(folder, 'etc/kdump.conf'), 'utf8'), text(plan, 'etc/kdump.conf'));
    // Every script of stage 0, init among them, is one that its shell understands.
    for (const script of ['init', 'stage0-common.sh', 'stage0-watch.sh', 'stage0-failure.sh']) {
      await runChecked(busybox, ['sh', '-n', join(folder, script)]);
    }
    assert.ok(statSync(join(folder, 'vmcore.squashfs')).size > 2e7);
  }
  await assert.rejects(writeImageTree(plan, tree), failsWith('E_EXISTS'));
});

test('the hooks for generators are shell', { skip }, async () => {
  assert.ok(busybox);
  for (const script of [
    'dracut/99vmcore/module-setup.sh',
    'dracut/99vmcore/target-device.sh',
    'dracut/99vmcore/run-stage0.sh',
    'initramfs-tools/hooks/vmcore',
    'initramfs-tools/scripts/local-top/vmcore',
  ]) {
    const file = fileURLToPath(new URL(`./generators/${script}`, import.meta.url));
    await runChecked(busybox, ['sh', '-n', file]);
    assert.equal(statSync(file).mode & 0o111, 0o111, script);
  }
});
