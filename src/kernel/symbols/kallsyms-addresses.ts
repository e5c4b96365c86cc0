/**
 * The four ways in which kallsyms keeps addresses.
 *
 *   absolute         kallsyms_addresses: 64-bit; without CONFIG_KALLSYMS_BASE_RELATIVE, until 6.11
 *   absolute-percpu  s32 o: o >= 0 ? o : base - 1 - o; x86_64 until 6.14 (per-CPU variables were linked at 0)
 *   base-relative    base + u32; arm64, and x86_64 from 6.15 on
 *   place-relative   &offsets[i] + s32; 7.0 and later, which have no kallsyms_relative_base
 *
 * Source of truth: kallsyms_sym_address() of kernel/kallsyms.c (Linux 6.1, 6.12, 7.2).
 */
import { viewOf } from '../../base/bytes.ts';
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import type { KallsymsPlaces } from './kallsyms-places.ts';

export interface AddressTable {
  readonly encoding: 'absolute' | 'absolute-percpu' | 'base-relative' | 'place-relative';
  at(index: number): Vaddr;
}

/** The table in every encoding that its place allows; the caller finds out which is right. */
export function addressTables(kernel: Kernel, { count, table }: KallsymsPlaces): AddressTable[] {
  const { littleEndian } = kernel.dump;
  const read = (start: Vaddr, length: number): DataView => {
    const bytes = new Uint8Array(length);
    kernel.readBulk(start, bytes);
    return viewOf(bytes);
  };
  if (table.kind === 'addresses') {
    const view = read(table.at, count * 8);
    return [{ encoding: 'absolute', at: (index) => asVaddr(view.getBigUint64(index * 8, littleEndian)) }];
  }
  const start = table.at;
  const view = read(start, count * 4);
  const signed = (index: number): number => view.getInt32(index * 4, littleEndian);
  if (table.base === undefined) {
    return [
      {
        encoding: 'place-relative',
        at: (index) => asVaddr(start + BigInt(index * 4 + signed(index))),
      },
    ];
  }
  const { base } = table;
  return [
    {
      encoding: 'absolute-percpu',
      at: (index) => {
        const offset = signed(index);
        return asVaddr(offset >= 0 ? BigInt(offset) : base - 1n - BigInt(offset));
      },
    },
    {
      encoding: 'base-relative',
      at: (index) => asVaddr(base + BigInt(view.getUint32(index * 4, littleEndian))),
    },
  ];
}
