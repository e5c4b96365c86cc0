/**
 * PE32+ (EFI programs): machine and sections, as far as a boot loader's user needs them.
 *
 * A kernel with an EFI stub, an EFI zboot image and a unified kernel image are all EFI programs; what tells them apart is inside.
 * Source of truth: Microsoft's PE format, and include/linux/pe.h (Linux 6.1). Always little-endian; offsets and sizes are bytes.
 */
import { cString, viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';

/** Machine types of the file header. */
export const PeMachine = { i386: 0x14c, armThumb: 0x1c2, x86_64: 0x8664, aarch64: 0xaa64 } as const;

export interface PeSection {
  /** At most 8 characters, such as `.linux`. */
  readonly name: string;
  /** Bytes in memory. */
  readonly virtualSize: number;
  /** Offset in the file, and bytes there: a multiple of the file alignment, so there may be more of them than belong to it. */
  readonly offset: number;
  readonly fileSize: number;
}

export interface PeFile {
  readonly machine: number;
  readonly sections: readonly PeSection[];
}

const sectionHeaderSize = 40;
/** From the signature on: 4 bytes, then the file header of 20. */
const headersSize = 24;

/** Is it an EFI program (or another Windows one)? `head` begins at the file's beginning and reaches over the PE signature. */
export function isPe(head: Uint8Array): boolean {
  const at = signatureOffset(head);
  return at !== undefined && head[at] === 0x50 && head[at + 1] === 0x45 && !head[at + 2] && !head[at + 3];
}

function signatureOffset(bytes: Uint8Array): number | undefined {
  if (bytes.length < 64 || bytes[0] !== 0x4d || bytes[1] !== 0x5a) return undefined;
  const at = viewOf(bytes).getUint32(0x3c, true);
  return at + headersSize <= bytes.length ? at : undefined;
}

/** Reads the headers of a file for which `isPe` holds. E_TRUNCATED when the section table is not all there. */
export function parsePe(bytes: Uint8Array, file: string): PeFile {
  const at = signatureOffset(bytes);
  if (at === undefined) throw new VmcoreError('E_TRUNCATED', 'ends inside its PE header', { file });
  const view = viewOf(bytes);
  const count = view.getUint16(at + 6, true);
  const table = at + headersSize + view.getUint16(at + 20, true);
  if (table + count * sectionHeaderSize > bytes.length) {
    throw new VmcoreError('E_TRUNCATED', `ends inside its table of ${count} PE sections`, {
      file,
      offset: table,
    });
  }
  const sections = Array.from({ length: count }, (_, i): PeSection => {
    const header = table + i * sectionHeaderSize;
    return {
      name: cString(bytes.subarray(header, header + 8)),
      virtualSize: view.getUint32(header + 8, true),
      fileSize: view.getUint32(header + 16, true),
      offset: view.getUint32(header + 20, true),
    };
  });
  return { machine: view.getUint16(at + 4, true), sections };
}

/** Where the last section ends in the file. What follows is no part of the program: a signature, mostly. */
export const peFileEnd = ({ sections }: PeFile): number =>
  Math.max(0, ...sections.filter(({ fileSize }) => fileSize > 0).map((s) => s.offset + s.fileSize));

/** A section's bytes, without the padding to the file alignment. E_TRUNCATED when they are not all there. */
export function peSectionBytes(bytes: Uint8Array, section: PeSection, file: string): Uint8Array {
  const size = Math.min(section.virtualSize, section.fileSize);
  if (section.offset + size > bytes.length) {
    throw new VmcoreError(
      'E_TRUNCATED',
      `section ${section.name} needs ${section.offset + size} bytes, the file has ${bytes.length}`,
      { file, offset: section.offset },
    );
  }
  return bytes.subarray(section.offset, section.offset + size);
}
