/**
 * Does an arm64 kernel do what our device tree says? QEMU starts Debian's 6.12 and 7.2 with it; their logs tell.
 *
 * The initrd lies where only the tree says that it is. At the ELF core header's address there is none, which the kernel notices:
 * it looked there. They end with a panic, because they have no root.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { silentProgress } from '../src/base/progress.ts';
import { requireProgram, runChecked, runProgram } from '../src/sys/programs.ts';
import { writeCpio } from '../src/tools/kdumpctl/image/cpio.ts';
import { captureDeviceTree, deviceTreeBlob } from '../src/tools/kexec/device-tree.ts';
import { readDeviceTreeFile } from '../src/tools/kexec/running-device-tree.ts';
import { debianKernel } from '../src/tools/rehearse/debian.ts';

const folder = mkdtempSync(join(tmpdir(), 'vmcore-device-tree-'));
after(() => rmSync(folder, { recursive: true }));

const commandLine = 'console=ttyAMA0 panic=-1 nr_cpus=1 ignore_loglevel';
const initrdAt = 0x4a00_0000;

/** The log of that suite's kernel. */
async function boot(suite: string): Promise<string> {
  const qemu = requireProgram({ name: 'qemu-system-aarch64', debianPackage: 'qemu-system-arm' });
  const { vmlinuz } = await debianKernel({ suite, flavour: 'arm64', progress: silentProgress });
  const machine = ['-cpu', 'cortex-a72', '-m', '1024', '-nographic'];
  const virt = join(folder, 'virt.dtb');
  await runChecked(qemu, ['-M', `virt,dumpdtb=${virt}`, ...machine], { timeout: 60_000 });

  const initrd = join(folder, 'initrd');
  writeCpio(initrd, [{ path: 'found', kind: 'file', mode: 0o644, data: new Uint8Array(2 ** 20) }]);
  const ours = join(folder, 'ours.dtb');
  const tree = captureDeviceTree(readDeviceTreeFile(virt), {
    commandLine,
    initrd: { start: initrdAt, end: initrdAt + statSync(initrd).size },
    crash: {
      elfcorehdr: { start: 0x4f00_0000, end: 0x4f00_2000 },
      usable: [
        // QEMU puts the kernel and the tree here.
        { start: 0x4000_0000, end: 0x5000_0000 },
        { start: 0x7000_0000, end: 0x7800_0000 },
      ],
    },
    random: (bytes) => Uint8Array.from({ length: bytes }, (_, i) => 37 * i + 11),
  });
  writeFileSync(ours, deviceTreeBlob(tree));
  const run = await runProgram(
    qemu,
    [
      ...['-M', 'virt', ...machine, '-accel', 'tcg', '-no-reboot', '-net', 'none'],
      ...['-kernel', vmlinuz, '-dtb', ours],
      ...['-device', `loader,file=${initrd},addr=${initrdAt},force-raw=on`],
    ],
    { timeout: 300_000 },
  );
  assert.equal(run.status, 0, run.stderr);
  return run.stdout.toString('latin1').replaceAll('\r', '');
}

for (const [release, suite] of [
  ['6.12', 'trixie'],
  ['7.2', 'forky'],
] as const) {
  describe(`Linux ${release} started with our device tree`, () => {
    let log = '';
    before(async () => {
      log = await boot(suite);
      assert.match(log, new RegExp(`Linux version ${release.replace('.', '\\.')}\\.`));
    });

    it('takes the command line', () => assert.ok(log.includes(`Kernel command line: ${commandLine}\n`)));

    it('has the memory of both ranges and no other', () => {
      const [, ranges = ''] = /Early memory node ranges\n(.*?)\n[^\n]*Initmem setup/s.exec(log) ?? [];
      assert.deepEqual(
        Array.from(ranges.matchAll(/mem (0x[0-9a-f]+)-(0x[0-9a-f]+)/g), ([, start, last]) => [
          Number(start),
          Number(last) + 1,
        ]),
        [
          [0x4000_0000, 0x5000_0000],
          [0x7000_0000, 0x7800_0000],
        ],
      );
    });

    it('unpacks the initrd', () => {
      assert.match(log, /Trying to unpack rootfs image as initramfs/);
      assert.match(log, /Freeing initrd memory: 102\dK/);
      assert.doesNotMatch(log, /rootfs image is not initramfs|Initramfs unpacking failed/);
    });

    it('looks for the vmcore at the ELF core header', () => {
      assert.match(log, /Reserving 8 KiB of memory at 0x4f000000 for elfcorehdr/);
      assert.match(log, /Core image elf header not found/);
    });

    it('is seeded at once', () => {
      assert.match(log, /KASLR enabled/);
      assert.match(log, /0\.000000\] random: crng init done/);
    });
  });
}
