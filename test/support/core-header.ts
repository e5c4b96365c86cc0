/** ELF core headers as they lie in memory, from the ABI's tables, so that readers are not tested with our own writer. */
import { concat } from './elf-file.ts';

export interface HeaderSpec {
  /** PT_LOAD or PT_NOTE. */
  readonly type: 1 | 4;
  readonly offset: number;
  readonly size: number;
  /** The offset when not given. */
  readonly paddr?: number;
}

export function programHeader({ type, offset, size, paddr = offset }: HeaderSpec): Uint8Array {
  const bytes = new Uint8Array(56);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, type === 1 ? 7 : 0, true);
  view.setBigUint64(8, BigInt(offset), true);
  view.setBigUint64(16, type === 1 ? 0xffff_8880_0000_0000n + BigInt(paddr) : 0n, true);
  view.setBigUint64(24, BigInt(paddr), true);
  view.setBigUint64(32, BigInt(size), true);
  view.setBigUint64(40, BigInt(size), true);
  return bytes;
}

/** An x86_64 core file's header with `count` program headers behind it. */
export function coreFileHeader(count: number): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const view = new DataView(bytes.buffer);
  view.setUint16(16, 4, true);
  view.setUint16(18, 62, true);
  view.setUint32(20, 1, true);
  view.setUint32(32, 64, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, count, true);
  return bytes;
}

export const coreHeader = (headers: readonly HeaderSpec[], count = headers.length): Uint8Array =>
  concat(coreFileHeader(count), ...headers.map(programHeader));
