/** Where a virtual address lies, the way there through the page tables, and whether the dump has the page. */
import { asPfn, asVaddr, hex } from '../../base/units.ts';
import type { PageState } from '../../formats/dump.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import { Missing } from '../../kernel/missing.ts';
import { walkPageTables } from '../../kernel/paging/page-walk.ts';
import type { Task } from '../../kernel/tasks/tasks.ts';

export interface TableEntry {
  readonly table: string;
  /** Physical. */
  readonly at: string;
  readonly entry: string;
  readonly flags: readonly string[];
}

export interface Translation {
  readonly address: string;
  /** Null when the address is not mapped, or a table is missing. */
  readonly physical: string | null;
  readonly pfn: number | null;
  /** Is the page in the dump? */
  readonly page: PageState | null;
  /** From the top; none for the linear map of arm64, which is arithmetic. */
  readonly tables: readonly TableEntry[];
  readonly missing: readonly string[];
}

/** By the kernel's own tables, or those of a task. */
export function translateAddress(crashed: CrashedKernel, address: bigint, task?: Task): Translation {
  const missing = new Missing();
  const { memory } = crashed.dump;
  const walk = missing.attempt(`address ${hex(asVaddr(address))}`, () => {
    // A kernel thread runs on the tables of whatever process was there before it.
    const mm = task?.struct.follow('mm') ?? task?.struct.follow('active_mm');
    return walkPageTables(crashed.kernel, asVaddr(address), mm?.pointer('pgd'));
  });
  const paddr = walk?.paddr;
  const pfn = paddr === undefined ? undefined : asPfn(Math.floor(paddr / memory.pageSize));
  return {
    address: hex(asVaddr(address)),
    physical: paddr === undefined ? null : hex(paddr),
    pfn: pfn ?? null,
    page: pfn === undefined ? null : memory.state(pfn),
    tables: (walk?.steps ?? []).map(({ table, at, entry, flags }) => ({
      table,
      at: hex(at),
      entry: hex(entry),
      flags,
    })),
    missing: missing.lines,
  };
}
