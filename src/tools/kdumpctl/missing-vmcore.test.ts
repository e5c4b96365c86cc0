/** Kernels made of the files that they tell about themselves. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { KernelFiles } from '../kexec/machine/kernel-files.ts';
import { openExplained, whyNoVmcore } from './missing-vmcore.ts';

function why(files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = mkdtempSync(join(tmpdir(), 'kernel-'));
  try {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), content);
    }
    return whyNoVmcore(new KernelFiles(root)).toLine();
  } finally {
    rmSync(root, { recursive: true });
  }
}

const captureLine = { 'proc/cmdline': 'console=ttyS0 nr_cpus=1 elfcorehdr=867944K\n' };
const symbols = { 'proc/kallsyms': '0000000000000000 t read_vmcore\n0000000000000000 T vmcore_cleanup\n' };

describe('a missing /proc/vmcore', () => {
  it('is none of a capture kernel', () => {
    assert.match(
      why({ 'proc/cmdline': 'root=/dev/vda1 crashkernel=256M\n', ...symbols }),
      /^\/proc\/vmcore: is not there: this kernel was not started by a panic.*kexec -p.*\[E_NEEDS\]$/,
    );
  });

  it('may be of a kernel that was told not to use it', () => {
    assert.match(why({ 'proc/cmdline': 'elfcorehdr=0xfffffffffffffffe' }), /not to be used.*\[E_NEEDS\]/);
  });

  it('may be of a kernel that is built without it', () => {
    const others = { 'proc/kallsyms': `${'0000000000000000 t some_function\n'.repeat(5000)}` };
    assert.match(why({ ...captureLine, ...others }), /CONFIG_PROC_VMCORE.*\[E_NEEDS\]/);
  });

  it('may be because of a header that is damaged, in the words of the kernel', () => {
    const log =
      '6,1,0,-;Linux version 6.1\n4,300,900,-;Warning: Core image elf header not found\n4,301,901,-;Kdump: vmcore not initialized\n';
    const line = why({ ...captureLine, ...symbols, 'dev/kmsg': log });
    assert.match(
      line,
      /ELF core header at 0x34f9a000 \("Warning: Core image elf header not found"\).*\[E_CORRUPT\]/,
    );
    assert.match(
      why(captureLine),
      /header at 0x34f9a000.*\[E_CORRUPT\]/,
      'without a list of functions nobody can tell',
    );
  });

  it('of an arm64 kernel is told by its device tree', () => {
    const tree = {
      'proc/cmdline': 'console=ttyAMA0\n',
      'proc/device-tree/#address-cells': Uint8Array.of(0, 0, 0, 2),
      'proc/device-tree/#size-cells': Uint8Array.of(0, 0, 0, 2),
      'proc/device-tree/chosen/bootargs': 'console=ttyAMA0\0',
    };
    assert.match(why({ ...tree, ...symbols }), /was not started by a panic/);
    const header = {
      'proc/device-tree/chosen/linux,elfcorehdr': Uint8Array.of(
        0,
        0,
        0,
        0,
        0x7b,
        0xff,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        16,
        0,
      ),
    };
    assert.match(why({ ...tree, ...header, ...symbols }), /header at 0x7bff0000/);
  });

  it('may be because nothing is mounted', () => {
    assert.match(why({}), /\/proc is not mounted/);
  });

  it('is explained only when it is what was asked for', () => {
    const failing = () => {
      throw new Error('another reason');
    };
    assert.throws(() => openExplained('/tmp/no-dump', failing), /another reason/);
    assert.equal(
      openExplained('/proc/vmcore', (path) => path),
      '/proc/vmcore',
    );
    // The machine of a test is no capture kernel.
    assert.throws(
      () => openExplained('/proc/vmcore', failing),
      failsWith('E_NEEDS', /not started by a panic/),
    );
  });
});
