/**
 * A bzImage as what it would unpack itself to. A capture kernel that is loaded so starts in a fraction of the time: the code in a bzImage
 * that unpacks it has one processor, xz mostly, and no hurry, while the machine is down.
 *
 * What is unpacked is a vmlinux (payload_offset and payload_length of Documentation/arch/x86/boot.rst, protocol 2.08), with the table of
 * its relocations behind it (arch/x86/boot/compressed/Makefile), which only a kernel at another virtual address needs: this one runs where
 * it was linked, as with nokaslr. The rest that the code in front of it does is for the firmware's boot, not for kexec's: a look for ACPI's
 * tables, which a kernel does again; a switch to 5-level page tables, in which it stays where the running kernel uses them; and what a
 * confidential machine needs (see runsUnpacked()).
 */
import { viewOf } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { SetupHeader } from './bzimage.ts';
import type { KernelImage, X86KernelImage } from './image.ts';
import { packingOf, unpack } from './unpack.ts';
import { readVmlinux } from './vmlinux.ts';

/** Data behind the last byte that is not zero ends with a page. */
const pageBytes = 4096;
const zeros = new Uint8Array(pageBytes);

/** The vmlinux in it. E_UNSUPPORTED for what is no bzImage or is packed in another way, E_CORRUPT and E_TRUNCATED for damage, E_NEEDS without xz. */
export function unpackBzImage(image: KernelImage, file: string): Uint8Array {
  const { data, setupHeader } = requireBzImage(image, file);
  const header = viewOf(setupHeader);
  const field = (offset: number): number => {
    const at = offset - SetupHeader.start;
    return at + 4 > header.byteLength ? 0 : header.getUint32(at, true);
  };
  const start = field(SetupHeader.payloadOffset);
  const packed = data.subarray(start, start + field(SetupHeader.payloadLength));
  const packing = packingOf(packed);
  if (packing === undefined) {
    throw new VmcoreError('E_UNSUPPORTED', 'a bzImage that is packed neither with gzip, zstd, xz nor lzma', {
      file,
      hint: 'load it as it is',
    });
  }
  return unpack(packing, packed, file);
}

/** The image with its vmlinux in place of what unpacks it. Errors as unpackBzImage(). */
export function unpackedImage(image: KernelImage, vmlinux: Uint8Array, file: string): X86KernelImage {
  const packed = requireBzImage(image, file);
  const kernel = readVmlinux(vmlinux, file);
  if (kernel.arch !== 'x86_64') {
    throw new VmcoreError('E_CORRUPT', 'a bzImage with a kernel for another architecture in it', {
      file,
      hint: 'get the kernel image again',
    });
  }
  const { data, memorySize, entryOffset, alignment, preferredAddress } = kernel;
  return {
    ...packed,
    layers: [...packed.layers, kernel.format],
    format: kernel.format,
    data: withoutZerosBehind(data),
    memorySize,
    entryOffset,
    alignment,
    preferredAddress,
  };
}

function requireBzImage(image: KernelImage, file: string): X86KernelImage {
  if (image.arch === 'x86_64' && image.format === 'bzImage') return image;
  throw new VmcoreError('E_UNSUPPORTED', `a kernel that does not unpack itself (${image.format})`, {
    file,
    hint: 'load it as it is',
  });
}

/** The linker makes bss part of the file where more sections follow it: tens of MiB. */
function withoutZerosBehind(data: Uint8Array): Uint8Array {
  let end = data.length - (data.length % pageBytes);
  if (end !== data.length) return data;
  while (end > 0 && Buffer.compare(data.subarray(end - pageBytes, end), zeros) === 0) end -= pageBytes;
  return data.subarray(0, end);
}

/**
 * Can a kernel be started on this machine without the code of the bzImage? `cpuinfo`: /proc/cpuinfo. Not where the machine's memory is
 * encrypted or its state kept from the hypervisor (SEV, TDX): there that code hands the kernel what it needs (sev_enable() in
 * arch/x86/boot/compressed/sev.c, Linux 6.1).
 */
export function runsUnpacked(cpuinfo: string): boolean {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(' '));
  const isConfidential = ['sev', 'sev_es', 'sev_snp', 'tdx_guest'].some((flag) => flags.has(flag));
  return !(flags.has('hypervisor') && isConfidential);
}
