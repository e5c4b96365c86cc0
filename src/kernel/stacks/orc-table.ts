/**
 * The ORC tables of the kernel and of its modules: an array of addresses, ascending, and beside it the entries for what begins there.
 *
 * Source of truth: arch/x86/kernel/unwind_orc.c, struct mod_arch_specific of arch/x86/include/asm/module.h (Linux 4.18 to 7.2). An address is s32,
 * relative to its own place. Nothing is read but what a binary search looks at: some 20 numbers of 400,000.
 */
import { viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { KernelModule } from '../modules/module-list.ts';
import { type OrcEntry, OrcFormat, orcEntrySize } from './orc.ts';

interface Table {
  readonly addresses: Vaddr;
  readonly entries: Vaddr;
  readonly count: number;
}

/** A hundred times what kernels have. */
const maxEntries = 2 ** 25;

export class OrcTables {
  private readonly crashed: CrashedKernel;
  private readonly format: OrcFormat;
  private readonly own: Table;
  /** What was looked up before: most tasks sleep in the same few places. */
  private readonly found = new Map<Vaddr, OrcEntry | undefined>();
  private readonly ofModules = new Map<KernelModule, Table | undefined>();

  /** E_NO_INFO when symbols or types do not tell where the tables are (CONFIG_UNWINDER_ORC). */
  constructor(crashed: CrashedKernel) {
    this.crashed = crashed;
    const { symbols } = crashed;
    const addresses = symbols.require('__start_orc_unwind_ip');
    const bytes = symbols.require('__stop_orc_unwind_ip') - addresses;
    this.own = { addresses, entries: symbols.require('__start_orc_unwind'), count: Number(bytes / 4n) };
    if (bytes < 4n || this.own.count > maxEntries) {
      throw new VmcoreError('E_CORRUPT', `its ORC table has ${bytes} bytes`, {
        file: crashed.dump.source.name,
        hint: 'its symbols are damaged',
      });
    }
    this.format = new OrcFormat(crashed);
  }

  /** The entry for an address of text, of a module's when one is given. E_UNREADABLE when the tables are not in the dump. */
  find(address: Vaddr, module: KernelModule | undefined): OrcEntry | undefined {
    if (!this.found.has(address)) this.found.set(address, this.lookUp(address, module));
    return this.found.get(address);
  }

  private lookUp(address: Vaddr, module: KernelModule | undefined): OrcEntry | undefined {
    const table = module === undefined ? this.own : this.tableOf(module);
    if (table === undefined) return undefined;
    let low = 0;
    let high = table.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.addressAt(table, middle) <= address) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? undefined : this.entryAt(table, low - 1);
  }

  private addressAt({ addresses }: Table, index: number): bigint {
    const { kernel } = this.crashed;
    const place = asVaddr(addresses + BigInt(index * 4));
    return asVaddr(place + BigInt(viewOf(kernel.read(place, 4)).getInt32(0, kernel.dump.littleEndian)));
  }

  private entryAt({ entries }: Table, index: number): OrcEntry {
    const { kernel } = this.crashed;
    const bytes = kernel.read(asVaddr(entries + BigInt(index * orcEntrySize)), orcEntrySize);
    return this.format.decode(viewOf(bytes), 0, kernel.dump.littleEndian);
  }

  /** Undefined when the module has none. */
  private tableOf(module: KernelModule): Table | undefined {
    if (!this.ofModules.has(module)) {
      const arch = this.crashed.struct('module', module.address).struct('arch');
      const count = arch.number('num_orcs');
      this.ofModules.set(
        module,
        count < 1 || count > maxEntries
          ? undefined
          : { addresses: arch.pointer('orc_unwind_ip'), entries: arch.pointer('orc_unwind'), count },
      );
    }
    return this.ofModules.get(module);
  }
}
