/** Targets on real block devices of this machine (loop devices of image files): found by every name, mounted, written to, let go of. */
import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { VmcoreError } from '../src/base/errors.ts';
import { runChecked, runProgram } from '../src/sys/programs.ts';
import {
  type DeviceName,
  deviceText,
  type FileSystem,
  type Target,
} from '../src/tools/kdumpctl/conf/target.ts';
import type { DumpStore } from '../src/tools/kdumpctl/targets/dump-store.ts';
import { openStore } from '../src/tools/kdumpctl/targets/open-store.ts';
import { recoverRaw } from '../src/tools/kdumpctl/targets/recover-raw.ts';
import { failsWith } from './support/expect-error.ts';
import { recordingJournal } from './support/recording-journal.ts';

/** Why there can be no loop devices here; false when there can. */
async function noLoops(): Promise<string | false> {
  if (process.getuid?.() !== 0) return 'only root can make loop devices';
  const { status, stderr } = await runProgram('losetup', ['-f']);
  return status === 0 ? false : `no loop devices: ${stderr.trim()}`;
}

const at = new Date(2026, 10, 22, 1, 43, 5);
const dumpFolder = '127.0.0.1-2026-11-22-01:43:05';

describe('targets on block devices', { skip: await noLoops(), timeout: 120_000 }, () => {
  let work: string;
  let image: string;
  let loop: string;
  beforeEach(async () => {
    work = mkdtempSync(join(tmpdir(), 'vmcore-test-disk-'));
    image = join(work, 'disk.img');
    closeSync(openSync(image, 'wx', 0o600));
    truncateSync(image, 400 << 20);
    loop = '';
  });
  afterEach(async () => {
    if (loop !== '') await runChecked('losetup', ['-d', loop]);
    rmSync(work, { recursive: true });
  });

  async function attach(...options: readonly string[]): Promise<void> {
    loop = (await runChecked('losetup', ['-f', '--show', ...options, image])).stdout.toString().trim();
  }
  const tag = async (device: string, name: string): Promise<string> =>
    (await runChecked('blkid', ['-p', '-s', name, '-o', 'value', device])).stdout.toString().trim();

  const open = (
    target: Exclude<Target, { kind: 'path' }>,
    path = '/var/crash',
    device = 20_000,
  ): Promise<DumpStore> =>
    openStore({ target, path, address: '127.0.0.1', time: at, limits: { device } }, recordingJournal());
  const fileSystem = (type: FileSystem, device: DeviceName): Exclude<Target, { kind: 'path' }> => ({
    kind: 'filesystem',
    fileSystem: type,
    device,
  });

  /** Mounts it, and looks. */
  async function inside(
    options: readonly string[],
    look: (root: string) => void | Promise<void>,
  ): Promise<void> {
    const root = join(work, 'mounted');
    mkdirSync(root, { recursive: true });
    await runChecked('mount', [...options, loop, root]);
    try {
      await look(root);
    } finally {
      await runChecked('umount', [root]);
    }
  }

  const saveSomething = async (store: DumpStore): Promise<void> => {
    await store.saveFile('vmcore-dmesg.txt', Buffer.from('log'));
    const { sink, finish } = await store.beginDump('vmcore', 'plain');
    sink.write(100_000, Buffer.from('end'));
    await finish('complete');
    await store.close();
  };
  const check = (root: string): void => {
    const folder = join(root, 'var/crash', dumpFolder);
    assert.deepEqual(readdirSync(folder).toSorted(), ['vmcore', 'vmcore-dmesg.txt']);
    assert.equal(readFileSync(join(folder, 'vmcore')).length, 100_003);
  };

  for (const [type, mkfs, byLabel] of [
    ['ext4', ['mkfs.ext4', '-q', '-L', 'test label'], 'test label'],
    ['xfs', ['mkfs.xfs', '-q', '-L', 'test-xfs'], 'test-xfs'],
    ['btrfs', ['mkfs.btrfs', '-q', '-L', 'test-btrfs'], 'test-btrfs'],
  ] as const) {
    it(`${type}, by path, UUID and label`, async () => {
      await runChecked(mkfs[0], [...mkfs.slice(1), image]);
      await attach();
      const names: DeviceName[] = [
        { by: 'path', value: loop },
        { by: 'UUID', value: await tag(loop, 'UUID') },
        { by: 'LABEL', value: byLabel },
      ];
      for (const [i, name] of names.entries()) {
        const store = await open(fileSystem(type, name));
        assert.equal(
          store.place,
          `${type} ${deviceText(name)} /var/crash/${dumpFolder}${i === 0 ? '' : `-${i + 1}`}`,
        );
        assert.ok((store.free() ?? 0) > 100 << 20);
        await saveSomething(store);
      }
      await inside([], check);
    });
  }

  it('btrfs: the path is counted from the top, whatever subvolume is the default', async () => {
    await runChecked('mkfs.btrfs', ['-q', image]);
    await attach();
    const root = join(work, 'mounted');
    mkdirSync(root);
    await runChecked('mount', [loop, root]);
    await runChecked('btrfs', ['subvolume', 'create', join(root, 'sub')]);
    await runChecked('btrfs', ['subvolume', 'set-default', join(root, 'sub')]);
    await runChecked('umount', [root]);
    await saveSomething(await open(fileSystem('btrfs', { by: 'path', value: loop }), '/var/crash'));
    await inside(['-o', 'subvolid=5'], check);
  });

  it('partitions by UUID and name', async (t) => {
    const script = join(work, 'script');
    writeFileSync(script, 'label: gpt\nstart=1MiB, size=200MiB, name="first"\nname="crash dumps"\n');
    await runChecked('sh', ['-c', 'exec sfdisk -q "$1" <"$2"', 'sh', image, script]);
    await attach('-P');
    const second = `${loop}p2`;
    if (!existsSync(second)) {
      t.skip('the kernel of this machine knows no partitions of loop devices');
      return;
    }
    await runChecked('mkfs.ext4', ['-q', second]);
    const names: DeviceName[] = [
      { by: 'PARTUUID', value: (await tag(second, 'PART_ENTRY_UUID')).toUpperCase() },
      { by: 'PARTLABEL', value: 'crash dumps' },
    ];
    for (const name of names) await saveSomething(await open(fileSystem('ext4', name)));
  });

  it('a device that does not come is waited for no longer than the limit, and what is there is told', async () => {
    await attach();
    const started = performance.now();
    await assert.rejects(
      open(fileSystem('ext4', { by: 'UUID', value: '00000000-0000-0000-0000-000000000000' }), '/', 1000),
      failsWith('E_FILE', /no such device after 1 s; there are: \w+/),
    );
    assert.ok(performance.now() - started < 20_000);
  });

  it('a device that comes late is found', async () => {
    await runChecked('mkfs.ext4', ['-q', '-L', 'late', image]);
    const opening = open(fileSystem('ext4', { by: 'LABEL', value: 'late' }));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await attach();
    await saveSomething(await opening);
  });

  it('another file system than the configured one is told, in the kernel’s words too', async () => {
    await runChecked('mkfs.ext4', ['-q', image]);
    await attach();
    await assert.rejects(
      open(fileSystem('xfs', { by: 'path', value: loop })),
      failsWith('E_IO', /^mount failed: there is no xfs on it .*\(the kernel: "XFS \(loop\d+\): .*magic/),
    );
    assert.doesNotMatch(readFileSync('/proc/self/mounts', 'utf8'), new RegExp(`^${loop} `, 'm'));
  });

  it('one that is in use is told', async () => {
    await runChecked('mkfs.xfs', ['-q', image]);
    await attach();
    await inside(['-o', 'ro'], async () => {
      const busy = open(fileSystem('ext4', { by: 'path', value: loop }));
      await assert.rejects(busy, failsWith('E_EXISTS', /^mount failed: it is in use/));
    });
  });

  it('a target that is still in use cannot be let go of, and that is told', async () => {
    await runChecked('mkfs.ext4', ['-q', image]);
    await attach();
    const store = await open(fileSystem('ext4', { by: 'path', value: loop }));
    const [, root = ''] =
      new RegExp(`^${loop} (\\S+) `, 'm').exec(readFileSync('/proc/self/mounts', 'utf8')) ?? [];
    const used = openSync(root, 'r');
    try {
      await assert.rejects(store.close(), failsWith('E_IO', /^umount failed: still in use/));
    } finally {
      closeSync(used);
      await store.close();
    }
  });

  it('a read-only target is told, and not left mounted', async () => {
    await runChecked('mkfs.ext4', ['-q', image]);
    await attach('-r');
    await assert.rejects(open(fileSystem('ext4', { by: 'path', value: loop })), (error: unknown) => {
      assert.ok(error instanceof VmcoreError);
      assert.match(error.toLine(), /^ext4 \/dev\/loop\d+: mount failed: .* read-only.*\[E_FILE\]/);
      return true;
    });
    assert.doesNotMatch(readFileSync('/proc/self/mounts', 'utf8'), new RegExp(`^${loop} `, 'm'));
  });

  it('a full target says which', async () => {
    truncateSync(image, 8 << 20);
    await runChecked('mkfs.ext4', ['-q', image]);
    await attach();
    const store = await open(fileSystem('ext4', { by: 'path', value: loop }));
    const { sink, finish } = await store.beginDump('vmcore', 'plain');
    assert.throws(
      () => sink.write(0, new Uint8Array(16 << 20)),
      (error: unknown) => {
        assert.ok(error instanceof VmcoreError);
        const place = `ext4 ${loop} /var/crash/${dumpFolder}/vmcore-incomplete`;
        assert.ok(
          error.toLine().startsWith(`${place}: cannot write: no space left on the device`),
          error.toLine(),
        );
        return true;
      },
    );
    assert.equal(await finish('incomplete'), 'vmcore-incomplete');
    await store.close();
  });

  it('a raw device takes the dump, and gives it back once', async () => {
    await attach();
    const store = await open({ kind: 'raw', device: { by: 'path', value: loop } });
    assert.equal(store.free(), 400 << 20);
    const { sink, finish } = await store.beginDump('vmcore', 'flattened');
    const bytes = new Uint8Array(3_000_001).fill(9);
    sink.write(0, bytes);
    await finish('complete');
    await store.close();
    // The page cache of the device and of the file behind it are not one.
    const out = join(work, 'by-makedumpfile');
    await runChecked('sh', ['-c', 'exec makedumpfile -R "$2" <"$1"', 'sh', loop, out]);
    assert.deepEqual(new Uint8Array(readFileSync(out)), bytes);
    const recovered = recoverRaw(loop, join(work, 'kept'), at);
    assert.equal(basename(recovered?.file ?? ''), 'vmcore');
    assert.deepEqual(new Uint8Array(readFileSync(recovered?.file ?? '')), bytes);
    assert.equal(recoverRaw(loop, join(work, 'kept'), at), undefined);
  });

  it('a raw device that is mounted is refused', async () => {
    await runChecked('mkfs.ext4', ['-q', image]);
    await attach();
    const root = join(work, 'mounted');
    mkdirSync(root);
    await runChecked('mount', [loop, root]);
    try {
      await assert.rejects(
        open({ kind: 'raw', device: { by: 'path', value: loop } }),
        failsWith('E_EXISTS', /in use: mounted/),
      );
    } finally {
      await runChecked('umount', [root]);
    }
  });
});
