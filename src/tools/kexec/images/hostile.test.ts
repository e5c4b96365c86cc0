/** Damaged images: whatever the bytes, the answer is an image or one of our errors, soon and in bounded memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { elfFile } from '../../../../test/support/elf-file.ts';
import {
  arm64ImageBytes,
  bzImageBytes,
  peBytes,
  zbootBytes,
} from '../../../../test/support/kernel-images.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { readKernelImage } from './read-image.ts';

const kernel = new Uint8Array(600);
const bzImage = bzImageBytes({ kernel, setupSectors: 2 });
const image = arm64ImageBytes({ kernel });
const vmlinux = (machine: number): Uint8Array => {
  const vaddr = machine === 62 ? 0xffffffff81000000n : 0xffff800080000000n;
  const data = machine === 62 ? kernel : image;
  const file = elfFile({ type: 2, machine, segments: [{ paddr: 0x1000000, vaddr, data }] });
  new DataView(file.buffer).setBigUint64(24, machine === 62 ? 0x1000000n : vaddr, true);
  return file;
};
const images: Readonly<Record<string, Uint8Array>> = {
  bzImage,
  Image: image,
  'EFI zboot': zbootBytes({ packing: 'gzip', payload: gzipSync(image) }),
  'unified kernel image': peBytes({ sections: [{ name: '.linux', data: bzImage }] }),
  'vmlinux of x86_64': vmlinux(62),
  'vmlinux of arm64': vmlinux(183),
};

for (const [name, whole] of Object.entries(images)) {
  test(`${name}: read when whole; with other bytes, or cut short, an answer of ours`, () => {
    const arch = /arm64|zboot|^Image/.test(name) ? 'arm64' : 'x86_64';
    readKernelImage(whole, name, arch);
    const change = fc.record({
      // Headers are in the first 1 KiB.
      at: fc.oneof(fc.nat(127), fc.nat(1023), fc.nat(whole.length - 1)),
      value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)),
      run: fc.constantFrom(1, 1, 4, 8),
    });
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 4 }),
        fc.nat(whole.length),
        fc.boolean(),
        (changes, cut, isCut) => {
          const bytes = whole.slice(0, isCut ? cut : whole.length);
          for (const { at, value, run } of changes) bytes.fill(value, at, at + run);
          try {
            const { data, memorySize } = readKernelImage(bytes, name, arch);
            assert.ok(data.length <= memorySize);
          } catch (error) {
            if (!(error instanceof VmcoreError)) throw error;
          }
        },
      ),
      { numRuns: 400 },
    );
  });
}
