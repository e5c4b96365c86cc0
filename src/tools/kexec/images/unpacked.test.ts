import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { elfFile } from '../../../../test/support/elf-file.ts';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { arm64ImageBytes, bzImageBytes } from '../../../../test/support/kernel-images.ts';
import { readKernelImage } from './read-image.ts';
import { runsUnpacked, unpackBzImage, unpackedImage } from './unpacked.ts';

const MiB = 2 ** 20;
/** Text at 16 MiB; behind it data, of which the last 3 MiB of 4 are zeros in the file, and 1 MiB more of bss that is not. */
const vmlinux = elfFile({
  type: 2,
  segments: [
    { paddr: 16 * MiB, vaddr: 0xffffffff81000000n, data: new Uint8Array(MiB).fill(0x90) },
    {
      paddr: 18 * MiB,
      vaddr: 0xffffffff81200000n,
      data: new Uint8Array(4 * MiB).fill(0x5a, 0, MiB - 100),
      memorySize: 5 * MiB,
    },
  ],
});
new DataView(vmlinux.buffer).setBigUint64(24, BigInt(16 * MiB + 0x100), true);

/** The payload lies behind code that unpacks it, and the relocations behind the payload. */
function packedIn(payload: Uint8Array) {
  const kernel = new Uint8Array(0x400 + payload.length + 64).fill(0xee);
  kernel.set(payload, 0x400);
  const bytes = bzImageBytes({ kernel });
  const view = new DataView(bytes.buffer);
  view.setUint32(0x248, 0x400, true);
  view.setUint32(0x24c, payload.length, true);
  return readKernelImage(bytes, 'vmlinuz', 'x86_64');
}
const unpacked = (payload: Uint8Array) => {
  const image = packedIn(payload);
  return unpackedImage(image, unpackBzImage(image, 'vmlinuz'), 'vmlinuz');
};

for (const [name, pack] of [
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
] as const) {
  test(`${name}: the vmlinux in a bzImage, entered where it says, with all that the bzImage tells of itself`, () => {
    const packed = packedIn(pack(vmlinux));
    const image = unpacked(pack(vmlinux));
    assert.deepEqual(image.layers, ['bzImage', 'vmlinux']);
    const { entryOffset, preferredAddress, alignment, memorySize } = image;
    assert.deepEqual(
      { entryOffset, preferredAddress, alignment, memorySize },
      { entryOffset: 0x100, preferredAddress: 16 * MiB, alignment: 2 * MiB, memorySize: 7 * MiB },
    );
    assert.ok(packed.arch === 'x86_64');
    const { release, setupHeader, takesEfi, takesFiveLevels, commandLineMax } = packed;
    assert.deepEqual(
      [image.release, image.setupHeader, image.takesEfi, image.takesFiveLevels, image.commandLineMax],
      [release, setupHeader, takesEfi, takesFiveLevels, commandLineMax],
    );
  });
}

test('zeros behind the data are bss: they are not loaded', () => {
  const { data } = unpacked(gzipSync(vmlinux));
  assert.equal(data.length, 3 * MiB);
  assert.deepEqual([data[0], data[MiB], data[2 * MiB], data.at(-101), data.at(-1)], [0x90, 0, 0x5a, 0x5a, 0]);
});

test('what cannot be unpacked says why', () => {
  const arm64 = readKernelImage(arm64ImageBytes(), 'Image', 'arm64');
  assert.throws(() => unpackBzImage(arm64, 'Image'), failsWith('E_UNSUPPORTED', /does not unpack itself/));
  // lz4's first bytes (lz4_Frame_format.md, legacy frame).
  const lz4 = Uint8Array.of(0x02, 0x21, 0x4c, 0x18, 1, 2, 3, 4);
  assert.throws(() => unpacked(lz4), failsWith('E_UNSUPPORTED', /neither with gzip/));
  assert.throws(() => unpacked(gzipSync(vmlinux).subarray(0, 100)), failsWith('E_TRUNCATED', /ends early/));
  assert.throws(() => unpacked(gzipSync(Buffer.from('no kernel'))), failsWith('E_TRUNCATED', /ELF/));
  const foreign = gzipSync(elfFile({ type: 2, machine: 183, segments: [] }));
  assert.throws(() => unpacked(foreign), failsWith('E_FILE', /not a kernel/));
});

test('a place outside of the image holds nothing', () => {
  const bytes = bzImageBytes();
  new DataView(bytes.buffer).setUint32(0x248, 0xffff_fff0, true);
  const image = readKernelImage(bytes, 'vmlinuz', 'x86_64');
  assert.throws(() => unpackBzImage(image, 'vmlinuz'), failsWith('E_UNSUPPORTED', /neither with gzip/));
});

test('a confidential machine needs the code in front of the kernel', () => {
  const cpuinfo = (flags: string): string =>
    `processor\t: 0\nflags\t\t: fpu ${flags} sse2\n\nprocessor\t: 1\n`;
  assert.equal(runsUnpacked(cpuinfo('lm')), true);
  assert.equal(runsUnpacked(cpuinfo('lm hypervisor')), true);
  // A host that has the feature is not encrypted by it.
  assert.equal(runsUnpacked(cpuinfo('lm sme sev sev_es')), true);
  assert.equal(runsUnpacked(cpuinfo('lm hypervisor sev_snp')), false);
  assert.equal(runsUnpacked(cpuinfo('lm hypervisor tdx_guest')), false);
});
