/** The kernels that Debian ships, read as `vmcore kexec` reads them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type GuestKernelName, guestKernels } from '../lab/guests/kernels.ts';
import { viewOf } from '../src/base/bytes.ts';
import { silentProgress } from '../src/base/progress.ts';
import { readKernelImage } from '../src/tools/kexec/images/read-image.ts';
import { packingOf, unpack } from '../src/tools/kexec/images/unpack.ts';
import { debianKernel } from '../src/tools/rehearse/debian.ts';
import { failsWith } from './support/expect-error.ts';

const other = { x86_64: 'arm64', arm64: 'x86_64' } as const;

for (const [name, { suite, flavour, arch }] of Object.entries(guestKernels)) {
  test(`the image of ${name satisfies string as GuestKernelName}`, async () => {
    const kernel = await debianKernel({ suite, flavour, progress: silentProgress });
    const bytes = readFileSync(kernel.vmlinuz);
    const file = basename(kernel.vmlinuz);
    const image = readKernelImage(bytes, file, arch);
    assert.equal(image.release, kernel.release);
    assert.ok(image.memorySize >= image.data.length);
    // Debian signs its kernels: the signature is no part of what is loaded.
    assert.ok(image.data.length < bytes.length - 1000);
    if (image.arch === 'x86_64') {
      assert.deepEqual(
        [image.relocatable, image.above4G, image.takesEfi, image.alignment],
        [true, true, true, 2 ** 21],
      );
      assert.equal(image.commandLineMax, 2047);
      await sameKernelAsVmlinux(bytes, image.memorySize, kernel.release);
    } else {
      assert.deepEqual([image.pageSize, image.anywhere, image.textOffset], [4096, true, 0]);
      const packed = readKernelImage(gzipSync(bytes, { level: 1 }), file, arch);
      assert.deepEqual([packed.layers, packed.data.length], [['gzip', 'Image'], image.data.length]);
    }
    assert.throws(() => readKernelImage(bytes, file, other[arch]), failsWith('E_FILE', /this machine is/));
    for (const length of [600, 5000, 1_000_000, image.data.length - 1]) {
      assert.throws(() => readKernelImage(bytes.subarray(0, length), file, arch), failsWith('E_TRUNCATED'));
    }
  });
}

/** What the bzImage's decompressor unpacks is a vmlinux: boot.rst, payload_offset and payload_length. */
async function sameKernelAsVmlinux(bytes: Uint8Array, initSize: number, release: string): Promise<void> {
  const view = viewOf(bytes);
  const start = (view.getUint8(0x1f1) + 1) * 512 + view.getUint32(0x248, true);
  const payload = bytes.subarray(start, start + view.getUint32(0x24c, true));
  const vmlinux = readKernelImage(unpack(packingOf(payload)!, payload, 'payload'), 'vmlinux', 'x86_64');
  assert.ok(vmlinux.arch === 'x86_64');
  assert.equal(vmlinux.release, release);
  assert.deepEqual(
    [vmlinux.layers, vmlinux.preferredAddress, vmlinux.entryOffset < vmlinux.memorySize],
    [['vmlinux'], 0x1000000, true],
  );
  assert.ok(vmlinux.memorySize <= initSize);
}
