import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findProgram, requireProgram, runChecked } from '../../../sys/programs.ts';
import { defaultCollector } from '../../kdumpctl/conf/collector.ts';
import {
  type DeviceName,
  type FileSystemTarget,
  type RawTarget,
  targetText,
} from '../../kdumpctl/conf/target.ts';
import type { ImagePlan } from '../../kdumpctl/image/plan.ts';
import { fileText, type StandIn } from './stand-in.ts';
import { standInDisk } from './stand-in-disk.ts';

const needed = ['blkid', 'sfdisk', 'mkfs.ext4', 'mkfs.xfs', 'mkfs.btrfs'];
const missing = needed.filter((name) => findProgram(name) === undefined);
const skip = missing.length === 0 ? false : `needs ${missing.join(', ')}`;
/** What xfs needs, and a partition with nothing on it. */
const large = 400 * 2 ** 20;
const small = 32 * 2 ** 20;
const uuid = '3d0a1b52-7c6e-4f5f-9a55-1f2e3d4c5b6a';

const planFor = (target: FileSystemTarget | RawTarget, driver: string): ImagePlan => ({
  kernel: { image: '/boot/vmlinuz', moduleTree: '/lib/modules/none' },
  conf: {
    target,
    path: '/var/crash',
    collector: defaultCollector('filesystem'),
    hooks: { before: undefined, after: undefined, emergency: undefined },
    failureAction: 'reboot',
    finalAction: 'reboot',
    fence: { nodes: [], args: [] },
  },
  place: { kind: 'remote' },
  modules: [{ module: { name: driver, path: `kernel/${driver}.ko`, depends: [] }, optional: false }],
  watchdogs: [],
  network: undefined,
  files: [],
  extraPrograms: new Map(),
  programs: { node: '/node', root: '/', busybox: '/busybox' },
  entry: '/entry.ts',
  warnings: [],
  inputs: [],
});

async function made(
  context: TestContext,
  target: FileSystemTarget | RawTarget,
  driver = 'virtio_blk',
): Promise<StandIn> {
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-stand-in-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const isPartition = target.device.by === 'PARTUUID';
  return standInDisk(planFor(target, driver), target, folder, isPartition ? small : large);
}

/** What blkid finds at `offset` of the disk. */
async function signature({ disks }: StandIn, offset = 0): Promise<string> {
  const blkid = requireProgram({ name: 'blkid', debianPackage: 'util-linux' });
  const args = ['-p', '-o', 'export', '-O', String(offset), disks[0]?.file ?? ''];
  return (await runChecked(blkid, args)).stdout.toString();
}

const ext4 = (device: DeviceName): FileSystemTarget => ({ kind: 'filesystem', fileSystem: 'ext4', device });

test('a file system stands in under the same UUID or label, on the same bus', { skip }, async (context) => {
  for (const fileSystem of ['ext4', 'xfs', 'btrfs'] as const) {
    const standIn = await made(
      context,
      { kind: 'filesystem', fileSystem, device: { by: 'UUID', value: uuid } },
      'nvme',
    );
    assert.match(await signature(standIn), new RegExp(`^UUID=${uuid}$`, 'm'));
    assert.match(await signature(standIn), new RegExp(`^TYPE=${fileSystem}$`, 'm'));
    assert.equal(standIn.disks[0]?.bus, 'nvme');
    assert.deepEqual(standIn.differences, []);
    assert.equal(statSync(standIn.disks[0].file).mode & 0o777, 0o600, 'a dump will be on it');
  }
  const labelled = await made(context, ext4({ by: 'LABEL', value: 'dumps' }));
  assert.match(await signature(labelled), /^LABEL=dumps$/m);
});

test('a partition stands in under the same PARTUUID, of a GPT and of an MBR', { skip }, async (context) => {
  for (const value of [uuid, '1a2b3c4d-02']) {
    const raw = await made(context, { kind: 'raw', device: { by: 'PARTUUID', value } });
    const sfdisk = requireProgram({ name: 'sfdisk', debianPackage: 'fdisk' });
    const { stdout } = await runChecked(sfdisk, ['--json', raw.disks[0]?.file ?? '']);
    assert.match(stdout.toString().toLowerCase(), value === uuid ? new RegExp(uuid) : /"id": ?"0x1a2b3c4d"/);
    assert.equal(await raw.takeDump(), undefined, 'nothing was saved yet');
  }
  const partition = await made(context, ext4({ by: 'PARTUUID', value: uuid }));
  assert.match(await signature(partition, 2 ** 20), /^TYPE=ext4$/m);
  assert.equal(await partition.takeDump(), undefined);
});

test('what is named by its node gets a name of its own, and that is told', { skip }, async (context) => {
  const standIn = await made(context, ext4({ by: 'path', value: '/dev/sda3' }));
  const [difference, ...others] = standIn.differences;
  assert.deepEqual(others, []);
  assert.match(difference ?? '', /found by UUID, not as \/dev\/sda3/);
  const { target } = standIn.plan.conf;
  assert.match(targetText(target), /^ext4 UUID=/);
  assert.ok(fileText(standIn.plan, 'etc/kdump.conf').startsWith(targetText(target)));
});
