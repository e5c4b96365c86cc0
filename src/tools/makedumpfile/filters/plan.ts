/**
 * What the user's filters want: bytes to erase and pages to drop or keep, worked out before anything is written.
 *
 * Filters speak of virtual addresses; here they become physical ranges. What cannot be done, because it is not mapped or not in the vmcore, is
 * told in `remarks` and stops nothing: data that is not there needs no erasing.
 */
import { VmcoreError } from '../../../base/errors.ts';
import { asPfn, asVaddr, hex } from '../../../base/units.ts';
import type { Kernel } from '../../../kernel/kernel.ts';
import type { Mapping } from '../../../kernel/paging/paging.ts';
import { type Range, Ranges } from './ranges.ts';

/** What erased bytes become: X as in the original, or zeros for a pointer that was made null. */
export type Filling = 'X' | 'zeros';

/** Page frames that the user chose, whatever the level says. `keep` wins over `drop`; poisoned and offline pages are left out nevertheless. */
export interface PageChoice {
  readonly keep: Ranges;
  readonly drop: Ranges;
}

export interface FilterPlan {
  /** Physical addresses, bytes. */
  readonly erased: Readonly<Record<Filling, Ranges>>;
  /** Page frames. */
  readonly pages: PageChoice;
  /** The ERASEINFO text: a line for each erasure, "erase NAME size N" or "erase NAME nullify". */
  readonly eraseinfo: string;
  /** Bytes erased; where erasures overlap, both count. */
  readonly erasedBytes: number;
  /** What could not be done, one line each. */
  readonly remarks: readonly string[];
}

/** Where an address lies; undefined when it is not mapped. */
export type Translate = (address: bigint) => Mapping | undefined;

/** More in one erasure or range of pages is a mistake: it would take minutes to walk. */
const maxLength = 2 ** 36;

export class PlanBuilder {
  private readonly kernel: Kernel;
  private readonly fillings: Record<Filling, Range[]> = { X: [], zeros: [] };
  private readonly keep: Range[] = [];
  private readonly drop: Range[] = [];
  private readonly lines: string[] = [];
  private readonly remarks: string[] = [];
  private erasedBytes = 0;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  /** E_USAGE when the length is none. */
  erase(address: bigint, length: number, label: string, filling: Filling, translate?: Translate): void {
    let erased = 0;
    const missing = new Map<string, number>();
    this.walk(address, length, `erase ${label}`, translate, (run, bytes, why) => {
      if (run === undefined) missing.set(why, (missing.get(why) ?? 0) + bytes);
      else {
        this.fillings[filling].push(run);
        erased += bytes;
      }
    });
    this.erasedBytes += erased;
    if (erased > 0) this.lines.push(`erase ${label} ${filling === 'X' ? `size ${erased}` : 'nullify'}`);
    for (const [why, bytes] of missing) {
      this.remark(`${label} at ${hex(address)}: ${bytes} of ${length} bytes ${why}`);
    }
  }

  /** `outward`: pages that the range touches; `inward`: only those that lie wholly in it. */
  choose(
    what: 'keep' | 'drop',
    range: { readonly from: bigint; readonly to: bigint },
    rounding: 'outward' | 'inward',
    translate?: Translate,
  ): void {
    const { pageSize } = this.kernel.dump.memory;
    const size = BigInt(pageSize);
    const up = (value: bigint): bigint => ((value + size - 1n) / size) * size;
    const down = (value: bigint): bigint => (value / size) * size;
    const [from, to] =
      rounding === 'outward' ? [down(range.from), up(range.to)] : [up(range.from), down(range.to)];
    if (to <= from) return;
    const pages = what === 'keep' ? this.keep : this.drop;
    const missing = new Map<string, number>();
    this.walk(from, Number(to - from), `${what} pages`, translate, (run, bytes, why) => {
      if (run !== undefined) pages.push({ start: run.start / pageSize, end: run.end / pageSize });
      // A page that is not there need not be dropped; of a process, most addresses are not mapped.
      else if (what === 'drop' ? why === notMapped : why !== notMapped || translate === undefined)
        missing.set(why, (missing.get(why) ?? 0) + bytes / pageSize);
    });
    for (const [why, count] of missing) {
      this.remark(`${what} pages ${hex(from)}-${hex(to)}: ${count} of ${Number((to - from) / size)} ${why}`);
    }
  }

  remark(text: string): void {
    this.remarks.push(text);
  }

  plan(): FilterPlan {
    const { X, zeros } = this.fillings;
    return {
      erased: { X: new Ranges(X), zeros: new Ranges(zeros) },
      pages: { keep: new Ranges(this.keep), drop: new Ranges(this.drop) },
      eraseinfo: this.lines.map((line) => `${line}\n`).join(''),
      erasedBytes: this.erasedBytes,
      remarks: this.remarks,
    };
  }

  /** Page by page; a run is undefined where there is nothing, and `why` says why. */
  private walk(
    address: bigint,
    length: number,
    what: string,
    translate: Translate = (at) => this.kernel.tryTranslate(asVaddr(at)),
    take: (run: Range | undefined, bytes: number, why: string) => void,
  ): void {
    if (!Number.isSafeInteger(length) || length < 0 || length > maxLength) {
      throw new VmcoreError('E_USAGE', `${what}: ${length} bytes at ${hex(address)}`, {
        hint: 'give a length from 0 to 64 GiB',
      });
    }
    const { memory } = this.kernel.dump;
    for (let done = 0; done < length; ) {
      const at = asVaddr(address + BigInt(done));
      const toPageEnd = memory.pageSize - Number(at % BigInt(memory.pageSize));
      const bytes = Math.min(length - done, toPageEnd);
      const paddr = tryOr(() => translate(at)?.paddr);
      if (paddr === undefined) take(undefined, bytes, notMapped);
      else {
        const state = memory.state(asPfn(Math.floor(paddr / memory.pageSize)));
        const isThere = state === 'present';
        take(isThere ? { start: paddr, end: paddr + bytes } : undefined, bytes, why[state]);
      }
      done += bytes;
    }
  }
}

const notMapped = 'are not mapped';
const why = {
  present: '',
  excluded: 'were left out of the vmcore before',
  absent: 'are not in the vmcore',
  lost: 'were lost from the vmcore',
  corrupt: 'are damaged in the vmcore',
} as const;

/** A page table that is not in the vmcore maps nothing for us. */
function tryOr<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof VmcoreError && error.code === 'E_UNREADABLE') return undefined;
    throw error;
  }
}
