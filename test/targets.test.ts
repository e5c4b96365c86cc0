/**
 * One panic for each kind of target, in a machine of its own: what arrives there is opened, and its log compared with the one that the same run saved
 * beside it. Disks are on different buses, and named in the different ways that kdump.conf knows.
 */
import assert from 'node:assert/strict';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type PanicAndSave, type PanickedAndSaved, panicAndSave } from '../lab/boots/panic-and-save.ts';
import { sshCapture } from '../lab/boots/ssh-capture.ts';
import { findProgram, runChecked } from '../src/sys/programs.ts';
import type { CpioEntry } from '../src/tools/kdumpctl/image/cpio.ts';
import { networkPlanPath, networkPlanText } from '../src/tools/kdumpctl/targets/network-plan.ts';
import { recoverRaw } from '../src/tools/kdumpctl/targets/recover-raw.ts';
import { type GuestDisk, guestAddress, serverAddress } from '../src/tools/rehearse/devices.ts';
import { ganesha, startNfs } from '../src/tools/rehearse/servers/nfs.ts';
import { sshdProgram, startSshd } from '../src/tools/rehearse/servers/sshd.ts';
import { vmcore } from './command.ts';

const isRoot = process.getuid?.() === 0;
const mac = '52:54:00:12:34:56';
/** Emulated processors that wait for their turn may miss the timer that a kernel tries out when it starts. */
const quietTimer = 'no_timer_check';
const crashed = /Kernel panic - not syncing: sysrq triggered crash/;
const folders: string[] = [];
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-test-target-'));
  folders.push(folder);
  return folder;
};

function confOf(target: string, ...more: readonly string[]): string {
  return [target, 'path /var/crash', ...more, 'final_action poweroff', ''].join('\n');
}

/** The console's end when the run did not go as it should. */
async function saved(request: PanicAndSave): Promise<PanickedAndSaved> {
  const run = await panicAndSave({
    memory: 768 << 20,
    ...request,
    parameters: [quietTimer],
    captureParameters: [quietTimer],
  });
  const names = run.events.map(({ name }) => name);
  const isSaved = run.end === 'powered-off' && names.includes('dump-saved') && !names.includes('save-failed');
  assert.ok(isSaved, `${run.end}\n${run.captureConsole.split('\n').slice(-60).join('\n')}`);
  return run;
}

/** A sparse file, 0600. */
function emptyDisk(folder: string, size: number): string {
  const file = join(folder, 'target.img');
  closeSync(openSync(file, 'wx', 0o600));
  truncateSync(file, size);
  return file;
}

const asDisk = (file: string, bus: GuestDisk['bus']): GuestDisk => ({ file, bus, access: 'read-write' });

/** The one folder below `crash`, with a dump and its log in it. */
function checkFolder(crash: string, address: string, dump: string): void {
  const [name = '', ...others] = readdirSync(crash);
  assert.deepEqual(others, []);
  assert.match(
    name,
    new RegExp(`^${address.replaceAll('.', '\\.')}-\\d{4}-\\d\\d-\\d\\d-\\d\\d:\\d\\d:\\d\\d$`),
  );
  const folder = join(crash, name);
  assert.deepEqual(readdirSync(folder).toSorted(), ['kexec-dmesg.log', dump, 'vmcore-dmesg.txt'].toSorted());
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  for (const file of readdirSync(folder))
    assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
  const log = readFileSync(join(folder, 'vmcore-dmesg.txt'));
  assert.match(log.toString('latin1'), crashed);
  assert.ok(dmesgOf(join(folder, dump)).equals(log));
}

function dmesgOf(file: string): Buffer {
  const { status, stdout, stderr } = vmcore('dmesg', file);
  assert.equal(status, 0, stderr);
  return stdout;
}

async function withMounted(
  image: string,
  options: readonly string[],
  look: (folder: string) => void,
): Promise<void> {
  const folder = newFolder();
  await runChecked('mount', ['-o', ['loop', ...options].join(','), image, folder]);
  try {
    look(folder);
  } finally {
    await runChecked('umount', [folder]);
  }
}

/** The first partition begins there, bytes; a usual place. */
const partitionStart = 1 << 20;

/** One partition, all of the disk. `label`: of a GPT; an MBR with that signature otherwise. */
async function partition(
  disk: string,
  table: { readonly label: string } | { readonly signature: string },
): Promise<void> {
  const script =
    'label' in table
      ? `label: gpt\nstart=1MiB, name="${table.label}"\n`
      : `label: dos\nlabel-id: 0x${table.signature}\nstart=1MiB, type=83\n`;
  const file = `${disk}.sfdisk`;
  writeFileSync(file, script);
  await runChecked('sh', ['-c', 'exec sfdisk -q "$1" <"$2"', 'sh', disk, file]);
}

/** What was written down when the machine was armed: another address than the one that it will be given. */
const networkWithLease: CpioEntry = {
  kind: 'file',
  path: networkPlanPath.slice(1),
  data: Buffer.from(
    networkPlanText({
      cards: [
        { mac, name: 'enp1s0', configured: 'dhcp', addresses: ['192.0.2.77/24'], routes: [], mtu: 1500 },
      ],
      hosts: [],
      nameServers: [],
    }),
  ),
};

describe('a dump on each kind of target', { concurrency: 2, timeout: 900_000 }, () => {
  after(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  it('ext4, by the name of its partition, on NVMe', async () => {
    const folder = newFolder();
    const disk = emptyDisk(folder, 512 << 20);
    await partition(disk, { label: 'crash dumps' });
    await runChecked('mkfs.ext4', ['-q', '-F', '-E', `offset=${partitionStart}`, disk, '500M']);
    await saved({
      folder,
      kdumpConf: confOf('ext4 PARTLABEL="crash dumps"', 'core_collector makedumpfile -l -d 31'),
      disks: [asDisk(disk, 'nvme')],
    });
    if (!isRoot) return;
    await withMounted(disk, [`offset=${partitionStart}`], (root) => {
      checkFolder(join(root, 'var/crash'), '127.0.0.1', 'vmcore');
    });
  });

  it('xfs, by label, on SCSI', { skip: !isRoot && 'only root can mount its disk' }, async () => {
    const folder = newFolder();
    const disk = emptyDisk(folder, 512 << 20);
    await runChecked('mkfs.xfs', ['-q', '-L', 'dumps', disk]);
    await saved({
      folder,
      kdumpConf: confOf('xfs LABEL=dumps'),
      modules: ['xfs'],
      disks: [asDisk(disk, 'virtio-scsi')],
    });
    await withMounted(disk, [], (root) => checkFolder(join(root, 'var/crash'), '127.0.0.1', 'vmcore'));
  });

  it('raw partition, by PARTUUID, and recovered from it', async () => {
    const folder = newFolder();
    const disk = emptyDisk(folder, 512 << 20);
    await partition(disk, { signature: '1a2b3c4d' });
    await saved({
      folder,
      kdumpConf: confOf('raw PARTUUID=1a2b3c4d-01'),
      disks: [asDisk(disk, 'ahci')],
    });
    const device = join(folder, 'partition.img');
    await runChecked('dd', [
      `if=${disk}`,
      `of=${device}`,
      `iflag=skip_bytes`,
      `skip=${partitionStart}`,
      'bs=1M',
      'conv=sparse',
      'status=none',
    ]);
    const makedumpfile = join(folder, 'by-makedumpfile');
    await runChecked('sh', ['-c', 'exec makedumpfile -R "$2" <"$1"', 'sh', device, makedumpfile]);
    const recovered = recoverRaw(device, join(folder, 'recovered'), new Date());
    assert.equal(recovered?.outcome, 'complete');
    assert.ok(readFileSync(recovered.file).equals(readFileSync(makedumpfile)));
    assert.match(dmesgOf(recovered.file).toString('latin1'), crashed);
    assert.equal(recoverRaw(device, join(folder, 'recovered'), new Date()), undefined);
  });

  it('ssh', { skip: findProgram(sshdProgram.name) === undefined && 'no sshd' }, async () => {
    const folder = newFolder();
    const server = await startSshd({ folder });
    const crash = join(folder, 'crash');
    try {
      await saved(await sshCapture({ ...server, folder, path: crash, conf: ['final_action poweroff'] }));
      checkFolder(crash, guestAddress, 'vmcore.flat');
    } finally {
      await server.stop();
    }
  });

  it('nfs, with a lease', {
    skip: (!isRoot || findProgram(ganesha.name) === undefined) && 'needs root and nfs-ganesha',
  }, async () => {
    const folder = newFolder();
    const server = await startNfs({ folder });
    try {
      const run = await saved({
        folder,
        kdumpConf: confOf(`nfs ${serverAddress}:${server.export}`),
        modules: ['nfs', 'nfsv4', 'nfsv3'],
        network: {
          card: 'virtio-net',
          mac,
          servers: [{ address: serverAddress, port: 2049, hostPort: server.port }],
        },
        files: [networkWithLease],
      });
      const lease = run.events.find(({ name }) => name === 'network-lease')?.fields;
      assert.equal(lease?.address, `${guestAddress}/24`);
      checkFolder(join(server.folder, 'var/crash'), guestAddress, 'vmcore');
    } finally {
      await server.stop();
    }
  });
});
