/**
 * Files that carry a kernel image inside: EFI zboot images and unified kernel images. Both are EFI programs (formats/pe.ts).
 *
 * Sources of truth: drivers/firmware/efi/libstub/zboot-header.S and Makefile.zboot (Linux 6.1 to 7.2) for zboot; the UAPI group's
 * specification of unified kernel images and systemd-stub(7) for the others.
 */
import { cString, latin1, viewOf } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { type PeFile, type PeSection, parsePe, peSectionBytes } from '../../../formats/pe.ts';
import type { BundledParts } from './image.ts';
import { type Packing, unpack } from './unpack.ts';

/** `MZ`, and `zimg` behind two bytes that are zero or an instruction. */
export const isZboot = (bytes: Uint8Array): boolean =>
  bytes.length >= 64 && bytes[0] === 0x4d && bytes[1] === 0x5a && latin1(bytes.subarray(4, 8)) === 'zimg';

/** The names that kernel builds use (`comp-type-y`), and the plain ones. */
const zbootPackings: Readonly<Record<string, Packing>> = {
  gzip: 'gzip',
  zstd22: 'zstd',
  zstd: 'zstd',
  xzkern: 'xz',
  xz: 'xz',
  lzma: 'lzma',
};

/** What it unpacks to, and the compression's name. E_TRUNCATED, E_CORRUPT, and E_UNSUPPORTED for lz4 and lzo. */
export function openZboot(bytes: Uint8Array, file: string): { inside: Uint8Array; packing: string } {
  const view = viewOf(bytes);
  const offset = view.getUint32(8, true);
  const size = view.getUint32(12, true);
  const name = cString(bytes.subarray(24, 56));
  if (offset + size > bytes.length) {
    throw new VmcoreError(
      'E_TRUNCATED',
      `the file has ${bytes.length} bytes, the packed kernel in it reaches up to ${offset + size}: the last ${offset + size - bytes.length} are missing`,
      { file, offset: bytes.length, hint: 'get the kernel image again' },
    );
  }
  const packing = zbootPackings[name];
  if (packing === undefined) {
    throw new VmcoreError('E_UNSUPPORTED', `an EFI zboot image packed with ${name || 'nothing known'}`, {
      file,
      offset: 24,
      hint: 'unpack it and name the Image, or use a kernel packed with gzip or zstd',
    });
  }
  return { inside: unpack(packing, bytes.subarray(offset, offset + size), file), packing: name };
}

/** Sections that describe one more choice of command line; the first choice comes before them. */
const profileSection = '.profile';

/**
 * The kernel in a unified kernel image, and what else is there. Undefined when it is an EFI program of another kind. Where the image
 * offers several profiles, the first is read.
 */
export function openUnifiedImage(
  bytes: Uint8Array,
  file: string,
): { linux: Uint8Array; pe: PeFile; parts: BundledParts } | undefined {
  const pe = parsePe(bytes, file);
  const nextProfile = pe.sections.findIndex(({ name }, i) => name === profileSection && i > firstKernel(pe));
  const sections = nextProfile < 0 ? pe.sections : pe.sections.slice(0, nextProfile);
  const read = (name: string): Uint8Array | undefined => {
    const section = sections.find((candidate) => candidate.name === name);
    return section && peSectionBytes(bytes, section, file);
  };
  const text = (name: string): string | undefined => {
    const content = read(name);
    return content && new TextDecoder().decode(content).replace(/[\0\s]+$/, '');
  };
  const linux = read('.linux');
  if (linux === undefined) return undefined;
  const initrd = joined(read('.ucode'), read('.initrd'));
  const commandLine = text('.cmdline');
  const release = text('.uname');
  const system = /^PRETTY_NAME=["']?(.*?)["']?$/m.exec(text('.osrel') ?? '')?.[1];
  return {
    linux,
    pe,
    parts: {
      ...(initrd === undefined ? {} : { initrd }),
      ...(commandLine === undefined ? {} : { commandLine }),
      ...(release === undefined ? {} : { release }),
      ...(system === undefined ? {} : { system }),
      sections: pe.sections.map((section) => ({ name: section.name, size: contentSize(section) })),
    },
  };
}

const firstKernel = ({ sections }: PeFile): number => sections.findIndex(({ name }) => name === '.linux');

const contentSize = ({ virtualSize, fileSize }: PeSection): number => Math.min(virtualSize, fileSize);

function joined(first: Uint8Array | undefined, second: Uint8Array | undefined): Uint8Array | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  // Archives of an initramfs begin at multiples of four (Documentation/driver-api/early-userspace/buffer-format.rst).
  const start = Math.ceil(first.length / 4) * 4;
  const both = new Uint8Array(start + second.length);
  both.set(first);
  both.set(second, start);
  return both;
}
