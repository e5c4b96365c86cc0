import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { parseSysconfig } from '../conf/sysconfig.ts';
import { type FoundKernel, findCaptureKernel, imagePlace } from './capture-kernel.ts';
import { placesBelow } from './places.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vmcore-boot-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const put = (...files: readonly string[]): void => {
  for (const file of files) {
    mkdirSync(join(root, dirname(file)), { recursive: true });
    writeFileSync(join(root, file), '');
  }
};
const find = (sysconfig: string, running = '6.1.0-50-amd64', commandLine = ''): FoundKernel => {
  const parsed = parseSysconfig(sysconfig, 'sysconfig');
  assert.deepEqual(parsed.problems, []);
  return findCaptureKernel(parsed.sysconfig, { runningRelease: running, commandLine, root });
};
const below = (path: string): string => join(root, path);

describe('the capture kernel', () => {
  it('is the running one', () => {
    put('boot/vmlinuz-6.1.0-50-amd64', 'lib/modules/6.1.0-50-amd64/modules.dep');
    assert.deepEqual(find(''), {
      image: below('boot/vmlinuz-6.1.0-50-amd64'),
      moduleTree: below('lib/modules/6.1.0-50-amd64'),
      release: '6.1.0-50-amd64',
    });
  });

  it('is the one that sysconfig names, where it says', () => {
    put('boot/vmlinuz-6.1.0-50-amd64', 'lib/modules/6.1.0-50-amd64/modules.dep');
    put('opt/kernels/bzImage-6.9.gz', 'lib/modules/6.9/modules.dep');
    const { image, release } = find(
      'KDUMP_KERNELVER=6.9\nKDUMP_BOOTDIR=/opt/kernels\nKDUMP_IMG=bzImage\nKDUMP_IMG_EXT=.gz\n',
    );
    assert.deepEqual([image, release], [below('opt/kernels/bzImage-6.9.gz'), '6.9']);
  });

  it('is found where boot loaders put it', () => {
    const id = '0123456789abcdef0123456789abcdef';
    put('lib/modules/6.1/modules.dep');
    writeFileSync(below('lib/modules/6.1/vmlinuz'), '');
    assert.equal(find('', '6.1').image, below('lib/modules/6.1/vmlinuz'));
    put('etc/machine-id', `boot/efi/EFI/Linux/${id}-6.1.efi`);
    writeFileSync(below('etc/machine-id'), `${id}\n`);
    assert.equal(find('', '6.1').image, below(`boot/efi/EFI/Linux/${id}-6.1.efi`));
    put(`boot/${id}/6.1/linux`);
    assert.equal(find('', '6.1').image, below(`boot/${id}/6.1/linux`));
    put('boot/ostree/x/vmlinuz-6.1');
    const booted = 'ro BOOT_IMAGE=(hd0,gpt2)/ostree/x/vmlinuz-6.1 quiet';
    assert.equal(find('', '6.1', booted).image, below('boot/ostree/x/vmlinuz-6.1'));
    assert.equal(find('', '6.1', booted.replace('6.1', '6.0')).image, below(`boot/${id}/6.1/linux`));
  });

  it('is no debug kernel where the plain one is installed', () => {
    put('boot/vmlinuz-6.1+debug', 'lib/modules/6.1+debug/modules.dep');
    assert.equal(find('', '6.1+debug').release, '6.1+debug');
    put('boot/vmlinuz-6.1', 'lib/modules/6.1/modules.dep');
    assert.equal(find('', '6.1+debug').release, '6.1');
  });

  it('is missed in words', () => {
    assert.throws(() => find('KDUMP_KERNELVER=6.9\n'), {
      code: 'E_FILE',
      file: '/lib/modules/6.9',
      message: 'the kernel 6.9 has no modules here',
    });
    put('lib/modules/6.9/modules.dep');
    assert.throws(() => find('KDUMP_KERNELVER=6.9\nKDUMP_BOOTDIR=/opt\n'), {
      file: '/opt/vmlinuz-6.9',
      message: 'the kernel 6.9 is not in /opt',
    });
  });
});

describe("the capture image's place", () => {
  it("is among what the service keeps, or beside an initramfs of Fedora's name", () => {
    put('boot/vmlinuz-6.1', 'lib/modules/6.1/modules.dep', 'boot/initrd.img-6.1');
    const places = placesBelow(root);
    assert.equal(imagePlace(find('', '6.1'), places), below('var/lib/kdump/initramfs-6.1kdump.img'));
    put('boot/initramfs-6.1.img');
    assert.equal(imagePlace(find('', '6.1'), places), below('boot/initramfs-6.1kdump.img'));
  });
});
