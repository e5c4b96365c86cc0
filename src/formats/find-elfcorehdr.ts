/**
 * Finding the ELF core header in a machine's RAM when nobody knows its address any more.
 *
 * Every loader puts it at the beginning of a page. It is recognised by what it describes: notes and memory by physical address, and one of
 * the notes is VMCOREINFO. The crashed kernel or its loader has copies of it; the one that the capture kernel was
 * given lies in memory that it does not describe, the reservation of crashkernel=.
 */
import { alignDown } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import { hex } from '../base/units.ts';
import { noteNames } from './dump.ts';
import { isElf, parseNotes, SegmentType } from './elf.ts';
import { type CoreHeader, readCoreHeader } from './proc-vmcore.ts';
import type { RamImage } from './ram-image.ts';

/** The smallest page of the machines we know. */
const pageSize = 4096;
const blockSize = 4 << 20;

/**
 * The address of the one header that fits. E_NOT_A_DUMP when there is none, E_USAGE, naming the addresses, when several that differ fit.
 */
export function findCoreHeader(memory: RamImage): number {
  const found: { address: number; header: CoreHeader }[] = [];
  for (const address of pagesThatBeginAnElfFile(memory)) {
    const header = coreHeaderAt(memory, address);
    if (header !== undefined && describesMemory(memory, header) && !describes(header, address))
      found.push({ address, header });
  }
  const [first, ...others] = found;
  if (first === undefined) {
    throw new VmcoreError('E_NOT_A_DUMP', 'no ELF core header in the image', {
      file: memory.source.name,
      hint: 'is it the RAM of a machine with a loaded crash kernel, and is the memory layout right?',
    });
  }
  if (others.some(({ header }) => !isSame(header.bytes, first.header.bytes))) {
    throw new VmcoreError(
      'E_USAGE',
      `ELF core headers at ${found.map(({ address }) => hex(address)).join(', ')}, which differ`,
      { file: memory.source.name, hint: 'name the one that elfcorehdr= had with --elfcorehdr ADDRESS' },
    );
  }
  return first.address;
}

function* pagesThatBeginAnElfFile(memory: RamImage): Generator<number> {
  const block = new Uint8Array(blockSize);
  for (const { paddr, size } of memory.banks) {
    for (let start = paddr; start < paddr + size; start += blockSize) {
      // Memory that the machine never touched.
      start = alignDown(memory.nextData(start, paddr + size), pageSize);
      const length = memory.read(start, block.subarray(0, Math.min(blockSize, paddr + size - start)));
      const bytes = block.subarray(0, length);
      for (let at = 0; at + 4 <= bytes.length; at += pageSize) {
        if (bytes[at] === 0x7f && isElf(bytes.subarray(at, at + 4))) yield start + at;
      }
    }
  }
}

/** Undefined for what is an ELF file, but no ELF core header: programs and libraries are everywhere in memory. */
function coreHeaderAt(memory: RamImage, address: number): CoreHeader | undefined {
  try {
    return readCoreHeader(memory, address);
  } catch (error) {
    if (error instanceof VmcoreError) return undefined;
    throw error;
  }
}

/**
 * Offsets that are physical addresses, and VMCOREINFO among the notes. Not all of what it describes need be in the image: one that was cut off
 * is to be called that.
 */
function describesMemory(memory: RamImage, { segments, littleEndian }: CoreHeader): boolean {
  const notes = segments.filter(({ type }) => type === SegmentType.note);
  const loads = segments.filter(({ type }) => type === SegmentType.load);
  if (notes.length + loads.length < segments.length) return false;
  if (!notes.every(({ offset, paddr }) => offset === paddr)) return false;
  // RAM that was moved has another offset, but never all of it.
  if (!loads.some(({ offset, paddr }) => offset === paddr)) return false;
  return notes.some(({ offset, memorySize }) => {
    const area = new Uint8Array(Math.min(memorySize, 1 << 16));
    memory.read(offset, area);
    try {
      return parseNotes(area, littleEndian, memory.source.name, offset).some(
        ({ name }) => name === noteNames.vmcoreinfo,
      );
    } catch (error) {
      if (error instanceof VmcoreError) return false;
      throw error;
    }
  });
}

const describes = ({ segments }: CoreHeader, address: number): boolean =>
  segments.some(
    ({ type, offset, memorySize }) =>
      type === SegmentType.load && offset <= address && address < offset + memorySize,
  );

const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);
