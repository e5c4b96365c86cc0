/**
 * Where the tables of kallsyms are, as vmcoreinfo tells since 6.0 (5fd8fea935a1, f09bddbd8661). What earlier kernels and dumps without it have
 * is found by kallsyms-scan.ts.
 */
import { viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import type { Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';

/** Places are kernel virtual addresses. */
export interface KallsymsPlaces {
  /** Symbols. */
  readonly count: number;
  readonly names: Vaddr;
  readonly tokenTable: Vaddr;
  readonly tokenIndex: Vaddr;
  readonly table:
    | { readonly kind: 'addresses'; readonly at: Vaddr }
    /** `base`: what kallsyms_relative_base holds; kernels whose offsets are place-relative have none. */
    | { readonly kind: 'offsets'; readonly at: Vaddr; readonly base: Vaddr | undefined };
}

/** E_NO_INFO when vmcoreinfo does not tell, E_UNREADABLE when their small parts are not in the dump. */
export function placesFromInfo(kernel: Kernel): KallsymsPlaces {
  const { info, dump } = kernel;
  if (info.symbol('kallsyms_names') === undefined) {
    throw new VmcoreError('E_NO_INFO', 'its vmcoreinfo does not say where kallsyms is', {
      file: dump.source.name,
      hint: 'symbols are read from dumps of Linux 6.0 and later, built with CONFIG_KALLSYMS',
    });
  }
  const count = viewOf(kernel.read(info.requireSymbol('kallsyms_num_syms'), 4));
  const base = info.symbol('kallsyms_relative_base');
  const addresses = info.symbol('kallsyms_addresses');
  return {
    count: count.getUint32(0, dump.littleEndian),
    names: info.requireSymbol('kallsyms_names'),
    tokenTable: info.requireSymbol('kallsyms_token_table'),
    tokenIndex: info.requireSymbol('kallsyms_token_index'),
    table:
      addresses !== undefined
        ? { kind: 'addresses', at: addresses }
        : {
            kind: 'offsets',
            at: info.requireSymbol('kallsyms_offsets'),
            base: base === undefined ? undefined : kernel.readPointer(base),
          },
  };
}
