/**
 * bzImage: the boot image of x86_64, for its 64-bit entry.
 *
 * The file is a boot sector with the setup header, the rest of the real-mode code, and the protected-mode part, whose 64-bit entry is at
 * 0x200. Only that part is loaded. What may follow it is a signature.
 *
 * Source of truth: Documentation/arch/x86/boot.rst (Linux 7.2; in 6.1 Documentation/x86/boot.rst). Its offsets hold for the file and for
 * struct boot_params alike, and all fields are little-endian. What is refused here, arch/x86/kernel/kexec-bzimage64.c refuses as well.
 */
import { cString, isPowerOfTwo, u64, viewOf } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { hex } from '../../../base/units.ts';
import { type BareImage, maxKernelBytes } from './image.ts';

/** Fields of the setup header, as offsets in the file and in boot_params. */
export const SetupHeader = {
  start: 0x1f1,
  setupSectors: 0x1f1,
  systemSize: 0x1f4,
  bootFlag: 0x1fe,
  /** Second byte of a short jump over the header: the header ends there. */
  jumpDistance: 0x201,
  magic: 0x202,
  version: 0x206,
  kernelVersion: 0x20e,
  loaderType: 0x210,
  loadFlags: 0x211,
  ramdiskImage: 0x218,
  ramdiskSize: 0x21c,
  commandLinePointer: 0x228,
  initrdAddressMax: 0x22c,
  kernelAlignment: 0x230,
  relocatable: 0x234,
  xloadFlags: 0x236,
  commandLineSize: 0x238,
  hardwareSubarch: 0x23c,
  payloadOffset: 0x248,
  payloadLength: 0x24c,
  setupData: 0x250,
  preferredAddress: 0x258,
  initSize: 0x260,
} as const;

/** Where boot_params has other things again (struct boot_params: edd_mbr_sig_buffer). */
export const setupHeaderLimit = 0x290;

export const XloadFlag = { kernel64: 1, above4G: 2, efiKexec: 16, fiveLevel: 32 } as const;
const loadedHigh = 1;
const sector = 512;
/** The real-mode code's first sector is the boot sector; kernel_version counts from behind it. */
const bootSectorSize = 0x200;

export const isBzImage = (bytes: Uint8Array): boolean =>
  bytes.length >= SetupHeader.version + 2 &&
  bytes[SetupHeader.bootFlag] === 0x55 &&
  bytes[SetupHeader.bootFlag + 1] === 0xaa &&
  cString(bytes.subarray(SetupHeader.magic, SetupHeader.magic + 4)) === 'HdrS';

/** Reads a file for which `isBzImage` holds. E_TRUNCATED, E_CORRUPT, or E_UNSUPPORTED for what has no 64-bit entry. */
export function readBzImage(bytes: Uint8Array, file: string): BareImage {
  const view = viewOf(bytes);
  const setupEnd = ((view.getUint8(SetupHeader.setupSectors) || 4) + 1) * sector;
  if (setupEnd > bytes.length) throw truncated(file, bytes.length, setupEnd, 'its setup code');
  const version = view.getUint16(SetupHeader.version, true);
  checkVersion(version, file);
  const flags = view.getUint16(SetupHeader.xloadFlags, true);
  if (!(view.getUint8(SetupHeader.loadFlags) & loadedHigh)) {
    throw new VmcoreError('E_UNSUPPORTED', 'a zImage, which is loaded below 640 KiB', {
      file,
      hint: 'name a bzImage',
    });
  }
  if (!(flags & XloadFlag.kernel64)) {
    throw new VmcoreError('E_UNSUPPORTED', 'a 32-bit x86 kernel: it has no 64-bit entry', {
      file,
      hint: 'name a kernel for x86_64',
    });
  }
  const end = setupEnd + view.getUint32(SetupHeader.systemSize, true) * 16;
  if (end > bytes.length) throw truncated(file, bytes.length, end, 'the kernel behind its setup code');
  const data = bytes.subarray(setupEnd, end);

  const corrupt = (what: string, offset: number): VmcoreError =>
    new VmcoreError('E_CORRUPT', what, { file, offset, hint: 'get the kernel image again' });
  const alignment = view.getUint32(SetupHeader.kernelAlignment, true);
  if (!isPowerOfTwo(alignment))
    throw corrupt(`a kernel alignment of ${hex(alignment)}`, SetupHeader.kernelAlignment);
  const memorySize = view.getUint32(SetupHeader.initSize, true);
  if (memorySize < data.length || memorySize > maxKernelBytes) {
    throw corrupt(`init_size ${memorySize} for a kernel of ${data.length} bytes`, SetupHeader.initSize);
  }
  const headerEnd = SetupHeader.magic + view.getUint8(SetupHeader.jumpDistance);
  return {
    arch: 'x86_64',
    format: 'bzImage',
    release: releaseOf(bytes, view),
    fileForm: bytes,
    data,
    memorySize,
    entryOffset: 0x200,
    alignment,
    preferredAddress: u64(view, SetupHeader.preferredAddress, true),
    relocatable: view.getUint8(SetupHeader.relocatable) !== 0,
    above4G: (flags & XloadFlag.above4G) !== 0,
    takesEfi: (flags & XloadFlag.efiKexec) !== 0,
    takesFiveLevels: (flags & XloadFlag.fiveLevel) !== 0,
    commandLineMax: view.getUint32(SetupHeader.commandLineSize, true),
    initrdAddressMax: view.getUint32(SetupHeader.initrdAddressMax, true),
    setupHeader: bytes.subarray(SetupHeader.start, Math.min(headerEnd, setupHeaderLimit)),
  };
}

function checkVersion(version: number, file: string): void {
  if (version >= 0x20c) return;
  const text = `${version >> 8}.${String(version & 0xff).padStart(2, '0')}`;
  throw new VmcoreError(
    'E_UNSUPPORTED',
    `boot protocol ${text}; the 64-bit entry came with 2.12 (Linux 3.8)`,
    {
      file,
      offset: SetupHeader.version,
      hint: 'use a newer kernel',
    },
  );
}

const truncated = (file: string, have: number, need: number, what: string): VmcoreError =>
  new VmcoreError(
    'E_TRUNCATED',
    `the file has ${have} bytes, ${what} reaches up to ${need}: the last ${need - have} are missing`,
    { file, offset: have, hint: 'get the kernel image again' },
  );

function releaseOf(bytes: Uint8Array, view: DataView): string | undefined {
  const pointer = view.getUint16(SetupHeader.kernelVersion, true);
  if (pointer === 0) return undefined;
  const at = pointer + bootSectorSize;
  // "6.12.107+deb13-amd64 (builder@host) #1 SMP …"
  return cString(bytes.subarray(at, at + 256)).split(' ')[0] || undefined;
}
