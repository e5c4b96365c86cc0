import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { elfFile } from '../../../../test/support/elf-file.ts';
import { failsWith } from '../../../../test/support/expect-error.ts';
import {
  arm64ImageBytes,
  bzImageBytes,
  peBytes,
  zbootBytes,
} from '../../../../test/support/kernel-images.ts';
import { findProgram } from '../../../sys/programs.ts';
import type { Arm64KernelImage, X86KernelImage } from './image.ts';
import { readKernelImage } from './read-image.ts';

function readX86(bytes: Uint8Array): X86KernelImage {
  const image = readKernelImage(bytes, 'vmlinuz', 'x86_64');
  assert.ok(image.arch === 'x86_64');
  return image;
}

function readArm64(bytes: Uint8Array): Arm64KernelImage {
  const image = readKernelImage(bytes, 'Image', 'arm64');
  assert.ok(image.arch === 'arm64');
  return image;
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const u32 = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint32(at, value, true);
  return copy;
};

test('bzImage: the protected-mode part without the signature, and what the header asks for', () => {
  const kernel = new Uint8Array(1600).fill(0x5a);
  const image = readX86(bzImageBytes({ kernel, tail: new Uint8Array(1472).fill(1) }));
  assert.deepEqual(image.data, kernel);
  assert.deepEqual(image.layers, ['bzImage']);
  assert.equal(image.release, '6.1.0-50-amd64');
  const { entryOffset, alignment, preferredAddress, memorySize, commandLineMax, initrdAddressMax } = image;
  assert.deepEqual(
    { entryOffset, alignment, preferredAddress, memorySize, commandLineMax, initrdAddressMax },
    {
      entryOffset: 0x200,
      alignment: 0x200000,
      preferredAddress: 0x1000000,
      memorySize: 0x3f97000,
      commandLineMax: 2047,
      initrdAddressMax: 0x7fffffff,
    },
  );
  const { relocatable, above4G, takesEfi, takesFiveLevels } = image;
  assert.deepEqual([relocatable, above4G, takesEfi, takesFiveLevels], [true, true, true, true]);
  // From 0x1f1 to 0x202 + the byte at 0x201 (boot.rst, "64-bit boot protocol").
  assert.equal(image.setupHeader.length, 0x202 + 0x6a - 0x1f1);
  assert.equal(image.setupHeader[0x202 - 0x1f1], 'H'.charCodeAt(0));
});

test('bzImage: bits and fields that are not there', () => {
  const image = readX86(bzImageBytes({ xloadFlags: 1, relocatable: false, setupSectors: 0 }));
  const { relocatable, above4G, takesEfi, takesFiveLevels } = image;
  assert.deepEqual([relocatable, above4G, takesEfi, takesFiveLevels], [false, false, false, false]);
  // No number of setup sectors means four (boot.rst).
  assert.equal(image.data.length, 4096);
});

test('bzImage: each thing that is wrong has its own words', () => {
  const whole = bzImageBytes();
  const wrong = (
    bytes: Uint8Array,
    code: 'E_TRUNCATED' | 'E_CORRUPT' | 'E_UNSUPPORTED',
    what: RegExp,
  ): void => assert.throws(() => readX86(bytes), failsWith(code, what));
  wrong(whole.subarray(0, whole.length - 100), 'E_TRUNCATED', /6144: the last 100 are missing/);
  wrong(whole.subarray(0, 1024), 'E_TRUNCATED', /its setup code reaches up to 2048/);
  wrong(bzImageBytes({ version: 0x20b }), 'E_UNSUPPORTED', /protocol 2\.11/);
  wrong(bzImageBytes({ loadFlags: 0 }), 'E_UNSUPPORTED', /zImage/);
  wrong(bzImageBytes({ xloadFlags: 0 }), 'E_UNSUPPORTED', /32-bit/);
  wrong(bzImageBytes({ alignment: 0x180000 }), 'E_CORRUPT', /alignment of 0x180000/);
  wrong(bzImageBytes({ initSize: 100 }), 'E_CORRUPT', /init_size 100/);
  wrong(bzImageBytes({ initSize: 0xffffffff }), 'E_CORRUPT', /init_size/);
});

test('arm64 Image: header fields', () => {
  const image = readArm64(arm64ImageBytes({ textOffset: 0x80000, flags: 0b0110 }));
  assert.deepEqual(
    [image.textOffset, image.memorySize, image.pageSize, image.anywhere, image.data.length],
    [0x80000, 0x24f0000, 65536, false, 4096],
  );
  const usual = readArm64(arm64ImageBytes());
  assert.deepEqual([usual.textOffset, usual.pageSize, usual.anywhere], [0, 4096, true]);
  assert.equal(readArm64(arm64ImageBytes({ flags: 8 })).pageSize, undefined);
});

test('arm64 Image: the release comes from the banner, not from its format string', () => {
  const kernel = text('…Linux version %s (%s)\0…Linux version 6.12.107+deb13-arm64 (x@y) (gcc …)\0');
  assert.equal(readArm64(arm64ImageBytes({ kernel })).release, '6.12.107+deb13-arm64');
  assert.equal(readArm64(arm64ImageBytes()).release, undefined);
});

test('arm64 Image: each thing that is wrong has its own words', () => {
  assert.throws(() => readArm64(arm64ImageBytes({ flags: 0xb })), failsWith('E_UNSUPPORTED', /big-endian/));
  assert.throws(() => readArm64(arm64ImageBytes({ imageSize: 0 })), failsWith('E_UNSUPPORTED', /3\.17/));
  assert.throws(() => readArm64(arm64ImageBytes({ imageSize: 64 })), failsWith('E_CORRUPT', /image_size 64/));
  assert.throws(() => readArm64(arm64ImageBytes({ textOffset: 2 ** 30 })), failsWith('E_CORRUPT'));
});

test('arm64 Image with an EFI stub ends with its last section; a shorter file names what is missing', () => {
  const pe = peBytes({ machine: 0xaa64, sections: [{ name: '.text', data: new Uint8Array(1000) }] });
  const stub = u32(pe, 56, 0x644d5241);
  new DataView(stub.buffer).setUint32(16, 0x10000, true);
  const signed = new Uint8Array(stub.length + 1472);
  signed.set(stub);
  assert.equal(readArm64(signed).data.length, stub.length);
  assert.throws(
    () => readArm64(stub.subarray(0, stub.length - 24)),
    failsWith('E_TRUNCATED', /the last 24 are missing/),
  );
});

test('packed images are unpacked: whole files, and inside EFI zboot', () => {
  const plain = arm64ImageBytes();
  assert.deepEqual(readArm64(gzipSync(plain)).layers, ['gzip', 'Image']);
  assert.deepEqual(readArm64(zstdCompressSync(plain)).data, plain);
  const gzip = readArm64(zbootBytes({ packing: 'gzip', payload: gzipSync(plain) }));
  assert.deepEqual(gzip.layers, ['EFI zboot (gzip)', 'Image']);
  assert.deepEqual(gzip.fileForm, plain);
  const zstd = readArm64(zbootBytes({ packing: 'zstd22', payload: zstdCompressSync(plain) }));
  assert.deepEqual(zstd.layers, ['EFI zboot (zstd22)', 'Image']);
});

const xz = findProgram('xz');
test('xz and lzma are unpacked by xz', { skip: xz === undefined && 'xz is not installed' }, () => {
  const plain = arm64ImageBytes();
  for (const [packing, format] of [
    ['xzkern', 'xz'],
    ['lzma', 'lzma'],
  ]) {
    const payload = execFileSync(xz!, [`--format=${format}`, '--stdout'], { input: plain });
    const image = readArm64(zbootBytes({ packing: packing!, payload }));
    assert.deepEqual(image.data, plain);
    const short = zbootBytes({ packing: packing!, payload: payload.subarray(0, payload.length - 20) });
    assert.throws(() => readArm64(short), failsWith('E_TRUNCATED', /ends early/));
  }
});

test('EFI zboot: what cannot be unpacked, what is damaged, what is missing', () => {
  const payload = gzipSync(arm64ImageBytes());
  assert.throws(() => readArm64(zbootBytes({ packing: 'lz4', payload })), failsWith('E_UNSUPPORTED', /lz4/));
  const whole = zbootBytes({ packing: 'gzip', payload });
  assert.throws(
    () => readArm64(whole.subarray(0, whole.length - 14)),
    failsWith('E_TRUNCATED', /the last 10 are missing/),
  );
  const short = zbootBytes({ packing: 'gzip', payload: payload.subarray(0, payload.length - 20) });
  assert.throws(() => readArm64(short), failsWith('E_TRUNCATED', /gzip data in it ends early/));
  const damaged = payload.slice();
  damaged[damaged.length - 6]! ^= 0xff;
  assert.throws(
    () => readArm64(zbootBytes({ packing: 'gzip', payload: damaged })),
    failsWith('E_CORRUPT', /gzip/),
  );
  const foreign = zbootBytes({ packing: 'gzip', payload, machine: 0x5064 });
  assert.throws(() => readArm64(foreign), failsWith('E_FILE', /machine type 0x5064; this machine is arm64/));
});

test('packed in packed in packed in packed is not unpacked for ever', () => {
  let bytes: Uint8Array = new Uint8Array(1000);
  for (let i = 0; i < 6; i++) bytes = gzipSync(bytes);
  assert.throws(() => readArm64(bytes), failsWith('E_FILE', /gzip in gzip in gzip in gzip/));
});

test('a unified kernel image names its parts and gives kernel, initrd and command line', () => {
  const linux = bzImageBytes({ release: '6.12.1' });
  const uki = peBytes({
    sections: [
      { name: '.text', data: new Uint8Array(10) },
      { name: '.osrel', data: text('ID=debian\nPRETTY_NAME="Debian GNU/Linux 13"\n') },
      { name: '.uname', data: text('6.12.1') },
      { name: '.cmdline', data: text('root=/dev/vda1 quiet\n\0') },
      { name: '.ucode', data: text('micro') },
      { name: '.initrd', data: text('070701') },
      { name: '.linux', data: linux },
      { name: '.profile', data: text('ID=second\n') },
      { name: '.cmdline', data: text('another') },
    ],
  });
  const image = readX86(uki);
  assert.deepEqual(image.layers, ['unified kernel image', 'bzImage']);
  assert.deepEqual(image.fileForm, linux);
  assert.equal(image.bundled?.commandLine, 'root=/dev/vda1 quiet');
  assert.equal(image.bundled?.release, '6.12.1');
  assert.equal(image.bundled?.system, 'Debian GNU/Linux 13');
  // Microcode first, and the initramfs at a multiple of four.
  assert.deepEqual(image.bundled?.initrd, text('micro\0\0\x00070701'));
  assert.deepEqual(
    image.bundled?.sections.map(({ name }) => name),
    ['.text', '.osrel', '.uname', '.cmdline', '.ucode', '.initrd', '.linux', '.profile', '.cmdline'],
  );
});

test('an EFI program of another kind is no kernel', () => {
  const program = peBytes({ sections: [{ name: '.text', data: new Uint8Array(10) }] });
  assert.throws(() => readX86(program), failsWith('E_FILE', /no section \.linux/));
});

const kernelMap = 0xffffffff80000000n;

test('vmlinux of x86_64: its segments side by side, the entry as an offset', () => {
  const entry = (bytes: Uint8Array): Uint8Array => u32(bytes, 24, 0x1000040);
  const file = entry(
    elfFile({
      type: 2,
      segments: [
        { paddr: 0x1000000, vaddr: kernelMap + 0x1000000n, data: new Uint8Array(0x100).fill(1) },
        { paddr: 0x1200000, vaddr: 0n, data: new Uint8Array(0x80).fill(2), memorySize: 0x9000 },
      ],
    }),
  );
  const image = readX86(file);
  assert.deepEqual(image.layers, ['vmlinux']);
  assert.deepEqual(
    [image.preferredAddress, image.entryOffset, image.memorySize, image.data.length],
    [0x1000000, 0x40, 0x209000, 0x200080],
  );
  assert.deepEqual([image.data[0xff], image.data[0x100], image.data[0x200000]], [1, 0, 2]);
  assert.equal(image.fileForm, undefined);
});

test('vmlinux of arm64 becomes an Image', () => {
  const kernel = arm64ImageBytes({ imageSize: 0x30000 });
  const start = 0xffff800080000000n;
  const file = elfFile({
    type: 3,
    machine: 183,
    segments: [
      { paddr: 0, vaddr: start, data: kernel },
      { paddr: 0, vaddr: start + 0x10000n, data: Uint8Array.of(1, 2, 3), memorySize: 0x20000 },
    ],
  });
  new DataView(file.buffer).setBigUint64(24, start, true);
  const image = readArm64(file);
  assert.deepEqual([image.format, image.memorySize, image.data.length], ['vmlinux', 0x30000, 0x10003]);
  assert.deepEqual(image.data.subarray(0, kernel.length), kernel);
});

test('ELF files that are no kernel, or not for here', () => {
  const segments = [{ paddr: 0x1000000, vaddr: kernelMap, data: new Uint8Array(16) }];
  const refused = (bytes: Uint8Array, code: 'E_FILE' | 'E_TRUNCATED' | 'E_CORRUPT', what: RegExp): void =>
    assert.throws(() => readX86(bytes), failsWith(code, what));
  refused(elfFile({ segments }), 'E_FILE', /core dump/);
  refused(elfFile({ type: 1, segments }), 'E_FILE', /module/);
  refused(
    elfFile({ type: 2, segments: [{ paddr: 0x400000, data: new Uint8Array(16) }] }),
    'E_FILE',
    /program/,
  );
  refused(elfFile({ type: 3, segments: [{ type: 3, paddr: 0 }] }), 'E_FILE', /a program, not a kernel/);
  refused(elfFile({ type: 2, machine: 22, littleEndian: false, segments }), 'E_FILE', /s390x/);
  refused(elfFile({ type: 2, segments }), 'E_CORRUPT', /entry 0x0/);
  const whole = elfFile({ type: 2, segments });
  refused(whole.subarray(0, whole.length - 6), 'E_TRUNCATED', /the last 6 are missing/);
  refused(whole.subarray(0, 40), 'E_TRUNCATED', /ELF header/);
  assert.throws(() => readX86(elfFile({ type: 2, fileClass: 1, segments })), {
    hint: 'name a 64-bit kernel',
  });
});

test('an image of another architecture: both are named', () => {
  assert.throws(() => readArm64(bzImageBytes()), failsWith('E_FILE', /for x86_64; this machine is arm64/));
  assert.throws(() => readX86(arm64ImageBytes()), failsWith('E_FILE', /for arm64; this machine is x86_64/));
  const uki = peBytes({ machine: 0xaa64, sections: [{ name: '.linux', data: arm64ImageBytes() }] });
  assert.throws(() => readX86(uki), failsWith('E_FILE', /for arm64; this machine is x86_64/));
});

test('files that are easily mistaken for the kernel are named', () => {
  const padded = (head: string): Uint8Array => {
    const bytes = new Uint8Array(1000);
    bytes.set(text(head));
    return bytes;
  };
  assert.throws(() => readX86(padded('070701')), failsWith('E_FILE', /initramfs/));
  assert.throws(() => readX86(padded('KDUMP   ')), failsWith('E_FILE', /dump/));
  assert.throws(() => readX86(padded('hello')), failsWith('E_FILE', /not a kernel image$/));
  assert.throws(() => readX86(text('hello')), failsWith('E_FILE', /only 5 bytes/));
  assert.throws(() => readX86(new Uint8Array()), failsWith('E_FILE', /empty/));
});
