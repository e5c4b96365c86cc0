/**
 * Image: the boot image of arm64, unpacked. It is loaded whole and entered at its first byte.
 *
 * Source of truth: Documentation/arch/arm64/booting.rst (Linux 7.2; in 6.1 Documentation/arm64/booting.rst), the 64-byte header. With an
 * EFI stub it is a PE file as well, and where its sections end, the kernel ends: what follows is a signature.
 */
import { u64, viewOf } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { isPe, parsePe, peFileEnd } from '../../../formats/pe.ts';
import { type BareImage, maxKernelBytes, releaseIn } from './image.ts';

/** Offsets of the header's fields. */
export const ImageHeader = { textOffset: 8, imageSize: 16, flags: 24, magic: 56, size: 64 } as const;
/** "ARM\x64" */
export const imageMagic = 0x644d5241;

const flagBits = { bigEndian: 1, anywhere: 8 } as const;
const pageSizes = [undefined, 4096, 16384, 65536] as const;

export const isArm64Image = (bytes: Uint8Array): boolean =>
  bytes.length >= ImageHeader.size && viewOf(bytes).getUint32(ImageHeader.magic, true) === imageMagic;

/** Reads bytes for which `isArm64Image` holds. E_UNSUPPORTED for big-endian and very old kernels, E_TRUNCATED, E_CORRUPT. */
export function readArm64Image(bytes: Uint8Array, file: string, format: 'Image' | 'vmlinux'): BareImage {
  const view = viewOf(bytes);
  const imageSize = u64(view, ImageHeader.imageSize, true);
  // 64 bits, of which only the lowest four have a meaning.
  const flags = view.getUint32(ImageHeader.flags, true);
  if (imageSize === 0) {
    throw new VmcoreError('E_UNSUPPORTED', 'does not say how much memory it needs (Linux before 3.17)', {
      file,
      offset: ImageHeader.imageSize,
      hint: 'use a newer kernel',
    });
  }
  if (flags & flagBits.bigEndian) {
    throw new VmcoreError('E_UNSUPPORTED', 'a big-endian kernel', {
      file,
      offset: ImageHeader.flags,
      hint: 'name a little-endian kernel',
    });
  }
  const data = bytes.subarray(0, endOf(bytes, file));
  const textOffset = u64(view, ImageHeader.textOffset, true);
  if (data.length > imageSize || imageSize > maxKernelBytes || textOffset >= 2 ** 21 || textOffset % 4096) {
    throw new VmcoreError(
      'E_CORRUPT',
      `image_size ${imageSize} and text_offset ${textOffset} for a kernel of ${data.length} bytes`,
      { file, offset: ImageHeader.textOffset, hint: 'get the kernel image again' },
    );
  }
  return {
    arch: 'arm64',
    format,
    release: releaseIn(data),
    fileForm: bytes,
    data,
    memorySize: imageSize,
    textOffset,
    pageSize: pageSizes[(flags >> 1) & 3],
    anywhere: (flags & flagBits.anywhere) !== 0,
  };
}

function endOf(bytes: Uint8Array, file: string): number {
  if (!isPe(bytes)) return bytes.length;
  const end = peFileEnd(parsePe(bytes, file));
  if (end > bytes.length) {
    throw new VmcoreError(
      'E_TRUNCATED',
      `the file has ${bytes.length} bytes, its sections reach up to ${end}: the last ${end - bytes.length} are missing`,
      { file, offset: bytes.length, hint: 'get the kernel image again' },
    );
  }
  return end;
}
