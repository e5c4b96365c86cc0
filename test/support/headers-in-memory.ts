/** ELF core headers of guests, as text to compare: out of a RAM image, and out of what we told on the console. */
import assert from 'node:assert/strict';
import { toldHeader } from '../../lab/boots/tell-header.ts';
import { type ByteSource, MemorySource } from '../../src/base/byte-source.ts';
import type { ProgramHeader } from '../../src/formats/elf.ts';
import { findCoreHeader } from '../../src/formats/find-elfcorehdr.ts';
import { readCoreHeader } from '../../src/formats/proc-vmcore.ts';
import { banksOf, type MachineType, RamImage } from '../../src/formats/ram-image.ts';
import { openFile } from '../../src/sys/file-source.ts';

/** The header that was loaded into the machine whose RAM this file is: a line a program header. */
export function loadedHeader(image: string, machine: MachineType): string[] {
  const source = openFile(image);
  try {
    const memory = new RamImage(source, banksOf(machine, source.size));
    return readCoreHeader(memory, findCoreHeader(memory)).segments.map(described);
  } finally {
    source.close();
  }
}

/** The header that we told on the console. */
export function ownHeader(console: string): string[] {
  const bytes = toldHeader(console);
  assert.ok(bytes !== undefined, `our header is on the console: ${console.slice(-1000)}`);
  const source: ByteSource = new MemorySource(bytes, 'console');
  return readCoreHeader(new RamImage(source, [{ paddr: 0, offset: 0, size: bytes.length }]), 0).segments.map(
    described,
  );
}

/** `note|load OFFSET VADDR PADDR SIZE`, hexadecimal. */
function described({ type, offset, vaddr, paddr, fileSize, memorySize }: ProgramHeader): string {
  assert.equal(fileSize, memorySize);
  const numbers = [offset, vaddr, paddr, memorySize].map((value) => value.toString(16));
  return `${type === 4 ? 'note' : 'load'} ${numbers.join(' ')}`;
}
