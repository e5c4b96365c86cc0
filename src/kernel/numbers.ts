/** Plain numbers in the crashed kernel's memory: global variables, of which BTF tells no types, and elements of arrays. */
import { viewOf } from '../base/bytes.ts';
import { asVaddr } from '../base/units.ts';
import type { Kernel } from './kernel.ts';

/** int. All of these: E_UNREADABLE when it is not in the dump. */
export const readInt = (kernel: Kernel, address: bigint): number =>
  viewOf(kernel.read(asVaddr(address), 4)).getInt32(0, kernel.dump.littleEndian);

/** unsigned int. */
export const readUnsignedInt = (kernel: Kernel, address: bigint): number =>
  viewOf(kernel.read(asVaddr(address), 4)).getUint32(0, kernel.dump.littleEndian);

/** long, atomic_long_t, s64: exact up to 2^53, above that approximate. */
export const readLong = (kernel: Kernel, address: bigint): number =>
  Number(viewOf(kernel.read(asVaddr(address), 8)).getBigInt64(0, kernel.dump.littleEndian));

/** unsigned long, u64: exact up to 2^53, above that approximate. */
export const readUnsignedLong = (kernel: Kernel, address: bigint): number =>
  Number(kernel.readPointer(asVaddr(address)));

/** An array of long, from `address` on. */
export function readLongs(kernel: Kernel, address: bigint, count: number): number[] {
  const view = viewOf(kernel.read(asVaddr(address), 8 * count));
  return Array.from({ length: count }, (_, i) => Number(view.getBigInt64(8 * i, kernel.dump.littleEndian)));
}
