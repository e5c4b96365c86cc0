/**
 * The BTF of vmlinux, found in a dump without any symbol: by its magic.
 *
 * It lies in .rodata, so that it is contiguous in physical memory and within the kernel image: that is searched from _stext on. Where nothing
 * tells where the image is, all of a dump can be searched. A module's BTF, or another kernel's in the page cache, is told by what
 * is in it, and by its size.
 *
 * Source of truth: include/asm-generic/vmlinux.lds.h (BTF, Linux 6.12), Documentation/bpf/btf.rst.
 */
import { viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asPaddr } from '../../base/units.ts';
import type { Dump } from '../../formats/dump.ts';
import type { Kernel } from '../kernel.ts';
import { memoryPieces } from '../memory-search.ts';
import { Btf, type BtfHeader, btfHeaderSize, parseBtfHeader } from './btf.ts';

/** Text and read-only data of the largest kernels (all of allyesconfig is 200 MB). */
const imageReach = 256 * 2 ** 20;
/** 4-8 MiB today. */
const maxBtf = 128 * 2 ** 20;
/** Present in every kernel since the first; a module's own BTF does not repeat them. */
const landmarks = ['task_struct', 'list_head'];

/**
 * The kernel's own BTF; undefined when the dump has none, or does not tell where the kernel image is. Only the image is read: a dump of any size
 * takes the same time, and no page that must not be touched is.
 */
export function findBtf(kernel: Kernel): Btf | undefined {
  const text = kernel.info.symbol('_stext');
  const start = text === undefined ? undefined : kernel.tryTranslate(text)?.paddr;
  if (start === undefined) return undefined;
  for (const btf of candidates(kernel.dump, start, start + imageReach)) return btf;
  return undefined;
}

/** The largest BTF of a whole kernel anywhere in the dump, for dumps that tell nothing. Reads all of it. */
export function findLargestBtf(dump: Dump): Btf | undefined {
  let largest: Btf | undefined;
  for (const btf of candidates(dump, 0, dump.memory.endPfn * dump.memory.pageSize))
    if (largest === undefined || btf.endId > largest.endId) largest = btf;
  return largest;
}

/** Every whole vmlinux BTF that begins in [start, end), physical. */
function* candidates(dump: Dump, start: number, end: number): Generator<Btf> {
  // Pieces overlap by a header, so that none is cut.
  for (const piece of memoryPieces(dump, start, end, btfHeaderSize)) {
    for (const { offset, header } of headersIn(piece.bytes)) {
      const btf = readBtf(dump, piece.start + offset, header);
      if (btf !== undefined) yield btf;
    }
  }
}

function* headersIn(bytes: Uint8Array): Generator<{ offset: number; header: BtfHeader }> {
  // 9f eb 01 00 on little-endian machines, which is all that we read.
  for (let at = bytes.indexOf(0x9f); at >= 0; at = bytes.indexOf(0x9f, at + 1)) {
    if (bytes[at + 1] !== 0xeb || bytes[at + 2] !== 1 || bytes[at + 3] !== 0) continue;
    const header = parseBtfHeader(bytes.subarray(at));
    if (header !== undefined && isPlausible(header)) yield { offset: at, header };
  }
}

/** Types before strings, as every producer writes them, and no more than there can be. */
function isPlausible({ typesAt, typesLength, stringsAt, stringsLength }: BtfHeader): boolean {
  return (
    typesLength > 0 &&
    typesLength % 4 === 0 &&
    stringsLength > 1 &&
    typesAt + typesLength <= stringsAt &&
    stringsAt + stringsLength <= maxBtf
  );
}

function readBtf(dump: Dump, paddr: number, header: BtfHeader): Btf | undefined {
  const { memory, source } = dump;
  // The first type and the first string decide cheaply, before megabytes are read.
  const probe = new Uint8Array(8);
  const read = (at: number, into: Uint8Array): boolean => memory.read(asPaddr(at), into) === into.length;
  if (!read(paddr + header.typesAt, probe)) return undefined;
  const kind = (viewOf(probe).getUint32(4, header.littleEndian) >>> 24) & 0x1f;
  if (kind < 1 || kind > 19) return undefined;
  if (!read(paddr + header.stringsAt, probe.subarray(0, 1)) || probe[0] !== 0) return undefined;
  const bytes = new Uint8Array(header.stringsAt + header.stringsLength);
  if (!read(paddr, bytes)) return undefined;
  try {
    const btf = new Btf(bytes, `${source.name}:BTF`);
    return landmarks.every((name) => btf.struct(name) !== undefined) ? btf : undefined;
  } catch (error) {
    // Bytes that only look like a header: go on searching.
    if (error instanceof VmcoreError && error.code === 'E_CORRUPT') return undefined;
    throw error;
  }
}
