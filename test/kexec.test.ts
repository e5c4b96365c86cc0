/**
 * kexec on real kernels: armed and panicked, rebooted into, refused; more kernels and calls: matrix-kexec.test.ts. One boot of QEMU for each `before`.
 */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { boot } from '../lab/boots/boot.ts';
import { type KexecAnswer, kexecAnswers } from '../lab/boots/tell-kexec.ts';
import { guestKernels } from '../lab/guests/kernels.ts';
import { armAndPanic, checkDump, type PanickedMachine, workload } from './support/armed-machine.ts';
import { rebootWithEfi } from './support/efi-reboot.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'vmcore-kexec-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

describe('a machine armed by kexec_load', () => {
  it('7.2-x86_64: panics into the capture kernel, which saves the dump; and the kernel keeps the ELF core header up to date when asked to', async () => {
    const armed = await armAndPanic(
      {
        kernel: '7.2-x86_64',
        load: 'load',
        workload: workload('kexec-hotplug.ts'),
      },
      folder,
    );
    checkDump(armed);
    const console = readFileSync(join(armed.kept, 'serial.log'), 'latin1');
    const load = kexecAnswers(console).get('hotplug');
    assert.equal(load?.status, 0, load?.stderr ?? 'nothing was loaded');
    // What udev rules look at: with 1 the crash kernel need not be loaded again.
    assert.match(console, /crash_hotplug: without 0, with 1/);
  });
});

/** One machine that refuses a lot, is armed and disarmed, and then armed by kexec_load for its panic. */
for (const [kernel, foreign, calls] of [
  ['6.1-x86_64', '6.12-arm64', ['-c', '-s', '-a']],
  ['6.12-arm64', '6.1-x86_64', ['-c', '-a']],
] as const) {
  describe(`kexec on ${kernel}`, () => {
    let armed: PanickedMachine;
    let answers: Map<string, KexecAnswer>;
    const { arch } = guestKernels[kernel];
    const answer = (name: string): KexecAnswer => {
      const found = answers.get(name);
      assert.ok(found, `${name} was not told`);
      return found;
    };
    /** One line, with the code and exit status that it has always. */
    const refused = (name: string, status: number, line: RegExp): void => {
      const { status: given, stdout, stderr } = answer(name);
      assert.match(stderr, line, name);
      assert.match(stderr, /^vmcore: [^\n]+ \[E_[A-Z_]+\]\n$/, name);
      assert.equal(given, status, `${name}: ${stderr}`);
      assert.equal(stdout, '');
    };

    before(async () => {
      armed = await armAndPanic(
        { kernel, foreign, load: 'load', workload: workload('kexec-refusals.ts') },
        folder,
      );
      answers = kexecAnswers(readFileSync(join(armed.kept, 'serial.log'), 'latin1'));
    });

    it('saves the dump of its panic', () => checkDump(armed));

    for (const call of calls) {
      it(`${call}: refuses a truncated image`, () => {
        refused(`cut ${call}`, 5, /\/run\/cut-kernel: .*(cut|truncated|ends|missing)/);
      });
      it(`${call}: refuses an image of another architecture, and names both`, () => {
        const other = guestKernels[foreign].arch;
        refused(`foreign ${call}`, 1, new RegExp(`foreign-kernel: .*${other}.*${arch}`));
      });
      it(`${call}: refuses an initramfs in place of a kernel`, () => {
        refused(`initramfs as kernel ${call}`, 1, /this is an initramfs/);
      });
      it(`${call}: says how much a too large capture kernel would need`, () => {
        refused(`too big ${call}`, 6, /3\d\d(\.\d)? MiB.*256 MiB.*crashkernel=\d+M/);
      });
      it(`${call}: needs to be root`, () => {
        refused(`not root ${call}`, 6, /root/);
      });
      it(`${call}: loads, says so, and unloads`, () => {
        assert.equal(answer(`status before ${call}`).status, 0);
        const load = answer(`load ${call}`);
        assert.equal(load.status, 0, load.stderr);
        const by = call === '-c' || arch === 'arm64' ? 'kexec_load' : 'kexec_file_load';
        assert.ok(load.stdout.endsWith(`loaded by ${by}\n`), load.stdout);
        assert.equal(answer(`status after ${call}`).status, 1);
        assert.equal(answer(`unload ${call}`).status, 0, answer(`unload ${call}`).stderr);
        assert.equal(answer('status at last').status, 0);
      });
    }

    it('names a kernel that is not there, and a reboot into nothing', () => {
      refused('nothing there', 1, /\/mnt\/boot\/none/);
      refused('nothing loaded', 6, /no kernel is loaded/);
    });

    it('refuses --hotplug of a kernel that does not update the ELF core header', () => {
      refused('hotplug', 6, /does not update the ELF core header/);
    });

    if (arch === 'arm64') {
      it('refuses a file that is no device tree', () => {
        refused('bad device tree', 5, /\/run\/no\.dtb: not a flattened device tree/);
      });
    }

    it('lays everything out in the reservation without loading it', () => {
      assert.equal(answer('size').stdout, `${256 * 2 ** 20}\n`);
      const plan = JSON.parse(answer('dry run').stdout) as {
        readonly segments: readonly { name: string; address: number; size: number }[];
      };
      const names = plan.segments.map(({ name }) => name).sort();
      const handedOver = arch === 'arm64' ? 'dtb' : 'boot_params';
      assert.deepEqual(names, [handedOver, 'bss', 'elfcorehdr', 'initrd', 'kernel', 'trampoline'].sort());
      const first = Math.min(...plan.segments.map(({ address }) => address));
      const last = Math.max(...plan.segments.map(({ address, size }) => address + size));
      assert.ok(last - first <= 256 * 2 ** 20);
    });
  });
}

describe('a kernel that is locked down', () => {
  it('loads nothing that is not signed by someone it trusts, and says so', async () => {
    const { console } = await boot({
      kernel: '6.1-x86_64',
      workload: workload('kexec-locked-down.ts'),
      crashkernel: '256M',
      load: 'auto',
      onLine: (line) => (line.includes('locked down: done') ? 'stop' : undefined),
    });
    const answers = kexecAnswers(console);
    for (const call of ['-c', '-s', '-a', '--vmlinux=/mnt/boot/vmlinux']) {
      const { status, stderr } = answers.get(`locked ${call}`)!;
      assert.equal(status, 6, stderr);
      assert.match(stderr, /locked down|signature/);
    }
  });
});

describe('kexec -l and -e', () => {
  for (const kernel of ['6.1-x86_64', '6.12-arm64'] as const) {
    it(`${kernel}: reboots into the second kernel, which says why it has no vmcore`, async () => {
      const { console, end } = await boot({
        kernel,
        workload: workload('kexec-reboot.ts'),
        load: 'auto',
      });
      const answers = kexecAnswers(console);
      for (const [name, { status, stderr }] of answers) {
        if (!name.startsWith('no reservation')) continue;
        assert.equal(status, 6);
        assert.match(stderr, /no memory is reserved for a crash kernel.*crashkernel=/);
      }
      assert.equal(answers.get('load')?.status, 0, answers.get('load')?.stderr ?? 'nothing was loaded');
      assert.equal(answers.get('status')?.status, 1);
      assert.equal(console.match(/vmcore: machine-start/g)?.length, 1);
      assert.equal(console.match(/vmcore: stage0-start/g)?.length, 1, 'the second kernel came up');
      assert.match(console, /\/proc\/vmcore: .*not booted by a panic|elfcorehdr/);
      assert.equal(end, 'powered-off');
    });
  }
});

describe('kexec -l and -e on a machine with EFI', () => {
  it('hands EFI over: the second kernel uses its runtime services', async () => {
    await rebootWithEfi('as it is');
  });
});

describe('a crash kernel that was damaged in memory', () => {
  for (const [kernel, ramStart] of [
    ['6.1-x86_64', 0],
    ['6.12-arm64', 0x4000_0000],
  ] as const) {
    it(`${kernel}: is not booted, and the console says why`, async () => {
      const memoryFile = join(folder, `${kernel}.ram`);
      closeSync(openSync(memoryFile, 'wx', 0o600));
      /** One bit in the middle of the initramfs. */
      const damage = (plan: string): void => {
        const [, first = '', last = ''] = /^initrd\s+0x([0-9a-f]+)-0x([0-9a-f]+)/m.exec(plan) ?? [];
        const at = Math.floor((Number.parseInt(first, 16) + Number.parseInt(last, 16)) / 2) - ramStart;
        const file = openSync(memoryFile, 'r+');
        const byte = new Uint8Array(1);
        readSync(file, byte, 0, 1, at);
        byte[0]! ^= 0x10;
        writeSync(file, byte, 0, 1, at);
        closeSync(file);
      };
      const { console, end } = await boot({
        kernel,
        workload: workload('kexec-damaged.ts'),
        crashkernel: '256M',
        load: 'load',
        memoryFile,
        onLine: (line) => {
          const load = kexecAnswers(line).get('load');
          if (load !== undefined) damage(load.stdout);
          return /not booted|stage0-start/.test(line) ? 'stop' : undefined;
        },
      });
      rmSync(memoryFile);
      assert.match(console, /sysrq triggered crash/);
      assert.match(
        console,
        /^vmcore: segment initrd of the loaded kernel is damaged \(sha256\): not booted\r?$/m,
      );
      assert.doesNotMatch(console, /stage0-start/);
      assert.equal(end, 'stopped');
    });
  }
});
