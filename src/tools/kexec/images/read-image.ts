/**
 * Any file that holds a kernel: recognised by its content, unwrapped, read.
 *
 *   gzip, zstd, xz, lzma    ->  unpacked, then again
 *   EFI zboot               ->  unpacked, then again
 *   unified kernel image    ->  its .linux section, then again
 *   bzImage, Image, vmlinux ->  read
 *
 * A bzImage and an Image are EFI programs too: they are looked for first.
 */
import { viewOf } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { ElfMachine, isElf } from '../../../formats/elf.ts';
import { isPe, PeMachine, parsePe } from '../../../formats/pe.ts';
import type { KexecArch } from '../segment.ts';
import { isArm64Image, readArm64Image } from './arm64-image.ts';
import { isBzImage, readBzImage } from './bzimage.ts';
import type { BareImage, BundledParts, KernelImage } from './image.ts';
import { packingOf, unpack } from './unpack.ts';
import { isKnownMachine, readVmlinux } from './vmlinux.ts';
import { isZboot, openUnifiedImage, openZboot } from './wrapped.ts';

/** A kernel in a packed file in a unified image is three deep; deeper is a joke. */
const maxLayers = 4;

/**
 * `arch` is what it must be for: the machine's. E_FILE for what is no kernel or one of another architecture, E_TRUNCATED and E_CORRUPT for
 * damaged ones, E_UNSUPPORTED for kinds that cannot be loaded, E_NEEDS when xz is needed and not there.
 */
export function readKernelImage(bytes: Uint8Array, file: string, arch: KexecArch): KernelImage {
  const layers: string[] = [];
  let bundled: BundledParts | undefined;
  let inside = bytes;
  for (;;) {
    const bare = readBare(inside, file);
    if (bare !== undefined) {
      if (bare.arch !== arch) throw foreign(file, bare.arch, arch);
      return { ...bare, layers: [...layers, bare.format], bundled };
    }
    if (layers.length === maxLayers) {
      throw new VmcoreError('E_FILE', `nothing but ${layers.join(' in ')}, not a kernel`, {
        file,
        hint: 'name a kernel image',
      });
    }
    const opened = unwrap(inside, file, arch);
    layers.push(opened.layer);
    bundled ??= opened.bundled;
    inside = opened.inside;
  }
}

function readBare(bytes: Uint8Array, file: string): BareImage | undefined {
  if (isBzImage(bytes)) return readBzImage(bytes, file);
  if (isArm64Image(bytes)) return readArm64Image(bytes, file, 'Image');
  if (!isElf(bytes)) return undefined;
  refuseForeignElf(bytes, file);
  return readVmlinux(bytes, file);
}

interface Unwrapped {
  readonly layer: string;
  readonly inside: Uint8Array;
  readonly bundled?: BundledParts;
}

function unwrap(bytes: Uint8Array, file: string, arch: KexecArch): Unwrapped {
  const packing = packingOf(bytes);
  if (packing !== undefined) return { layer: packing, inside: unpack(packing, bytes, file) };
  if (isZboot(bytes)) {
    refuseForeignPe(bytes, file, arch);
    const { inside, packing } = openZboot(bytes, file);
    return { layer: `EFI zboot (${packing})`, inside };
  }
  if (isPe(bytes)) {
    refuseForeignPe(bytes, file, arch);
    const unified = openUnifiedImage(bytes, file);
    if (unified === undefined) {
      throw new VmcoreError('E_FILE', 'an EFI program without a kernel in it (no section .linux)', {
        file,
        hint: 'name a kernel image',
      });
    }
    return { layer: 'unified kernel image', inside: unified.linux, bundled: unified.parts };
  }
  if (bytes.length === 0) throw new VmcoreError('E_FILE', 'empty', { file, hint: 'name a kernel image' });
  throw new VmcoreError('E_FILE', `not a kernel image${guess(bytes)}`, {
    file,
    hint: 'name a bzImage, Image, vmlinux or unified kernel image',
  });
}

/** Files that are easily named instead of the kernel. */
function guess(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, 8)).toString('latin1');
  if (/^07070[12]/.test(head)) return ': this is an initramfs';
  if (head.startsWith('KDUMP') || head.startsWith('makedump')) return ': this is a dump';
  if (bytes.length < 512) return `: only ${bytes.length} bytes`;
  return '';
}

const peNames: Readonly<Record<number, string>> = {
  [PeMachine.x86_64]: 'x86_64',
  [PeMachine.aarch64]: 'arm64',
  [PeMachine.i386]: '32-bit x86',
  [PeMachine.armThumb]: '32-bit ARM',
  20530: '64-bit RISC-V',
  25188: 'LoongArch',
};

/** Said before anything inside is unpacked. */
function refuseForeignPe(bytes: Uint8Array, file: string, arch: KexecArch): void {
  if (!isPe(bytes)) return;
  const { machine } = parsePe(bytes, file);
  const name = peNames[machine] ?? `machine type 0x${machine.toString(16)}`;
  if (name !== arch) throw foreign(file, name, arch);
}

const elfNames: Readonly<Record<number, string>> = {
  3: '32-bit x86',
  20: '32-bit PowerPC',
  21: '64-bit PowerPC',
  22: 's390x',
  40: '32-bit ARM',
  243: 'RISC-V',
  258: 'LoongArch',
  [ElfMachine.x86_64]: 'x86_64',
  [ElfMachine.aarch64]: 'arm64',
};

/** Before the class and byte order, which other architectures have differently. */
function refuseForeignElf(bytes: Uint8Array, file: string): void {
  if (bytes.length < 64) {
    throw new VmcoreError('E_TRUNCATED', `the file has ${bytes.length} bytes, an ELF header 64`, {
      file,
      hint: 'get the kernel image again',
    });
  }
  const machine = viewOf(bytes).getUint16(18, bytes[5] !== 2);
  if (isKnownMachine(machine)) return;
  throw new VmcoreError(
    'E_FILE',
    `an ELF file for ${elfNames[machine] ?? `machine ${machine}`}; kernels for x86_64 and arm64 can be loaded`,
    { file, hint: 'name a kernel for this machine' },
  );
}

const foreign = (file: string, is: string, must: KexecArch): VmcoreError =>
  new VmcoreError('E_FILE', `a kernel for ${is}; this machine is ${must}`, {
    file,
    hint: `name a kernel for ${must}`,
  });
