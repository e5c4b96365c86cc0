/**
 * The kernel's export table (EXPORT_SYMBOL): names and addresses of what modules may use, data among it. For kernels whose kallsyms has functions only
 * (no CONFIG_KALLSYMS_ALL).
 *
 * Source of truth: include/linux/export.h, include/asm-generic/{export,vmlinux.lds}.h, kernel/module/main.c (Linux 4.18, 5.10, 6.1, 7.2). No symbol that
 * such a kernel keeps says where the table is. It lies in .rodata: __ksymtab, __ksymtab_gpl, checksums, then __ksymtab_strings; entries are sorted by name,
 * for they are found by bsearch. What moved, and what tells is how the entries fit together:
 *   4.19   struct kernel_symbol { s32 value_offset, name_offset }, each relative to its own place, on most architectures (7290d5809571);
 *          before, and elsewhere { unsigned long value; const char *name }
 *   5.4    a third member, of the same size: the namespace (8651ec01daed)
 *
 * A table is taken only when the functions in it are where kallsyms has them. Nothing but the kernel image is read: tables of modules are elsewhere.
 */
import { alignDown, cString, viewOf } from '../../base/bytes.ts';
import { asPaddr, asVaddr, type Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import { memoryPieces, placesOf } from '../memory-search.ts';
import { presentRuns } from '../present-runs.ts';
import type { SymbolTable } from './kallsyms.ts';

/** Exported by every kernel, from its core. */
const landmarks = ['init_task', '__per_cpu_offset', 'jiffies'];
/** Text and data of the largest kernels. */
const imageReach = 256 * 2 ** 20;
/** Tables and strings take less than 1 MB together today. */
const nearStrings = 2 * 2 ** 20;
/** MODULE_NAME_LEN and more: KSYM_NAME_LEN is 512 since 6.1 (b8a94bfb3395). */
const maxName = 512;
/** Tables that follow each other: __ksymtab, __ksymtab_gpl; unused and future ones until 5.11. */
const maxTables = 5;
/** Functions that must be where kallsyms has them. */
const minKnown = 16;

/** How an entry says where something is; `size` of the whole entry. */
interface EntryForm {
  readonly kind: 'relative' | 'absolute';
  readonly size: number;
}
const forms: readonly EntryForm[] = [
  { kind: 'relative', size: 12 },
  { kind: 'relative', size: 8 },
  { kind: 'absolute', size: 24 },
  { kind: 'absolute', size: 16 },
];

interface Export {
  readonly name: string;
  readonly address: Vaddr;
}

/** Undefined when there is none that `functions` confirm, or nothing tells where the kernel image is. */
export function findExports(kernel: Kernel, functions: SymbolTable): ReadonlyMap<string, Vaddr> | undefined {
  const anchor = kernel.info.symbol('_stext');
  const text = anchor === undefined ? undefined : kernel.tryTranslate(anchor)?.paddr;
  if (anchor === undefined || text === undefined) return undefined;
  for (const landmark of landmarks) {
    for (const string of stringsOf(kernel, text, landmark)) {
      // The image is contiguous.
      const window = new Window(
        kernel,
        Math.max(text, alignDown(string - nearStrings, 8)),
        string,
        anchor - BigInt(text),
      );
      for (const form of forms) {
        for (const entry of window.entriesNaming(string, form)) {
          const found = window.tableAround(entry, form);
          if (isConfirmed(found, functions)) return byName(found);
        }
      }
    }
  }
  return undefined;
}

/** Where a string is in the image, physical. It may be the end of a longer one: the linker merges those. */
function* stringsOf(kernel: Kernel, text: number, name: string): Generator<number> {
  const wanted = Uint8Array.from(`${name}\0`, (char) => char.charCodeAt(0));
  for (const piece of memoryPieces(kernel.dump, text, text + imageReach, wanted.length))
    for (const at of placesOf(piece.bytes, wanted)) yield piece.start + at;
}

/** A name that is there twice (memcpy of 5.10 for arm64) says nothing. */
function byName(exports: readonly Export[]): Map<string, Vaddr> {
  const found = new Map<string, Vaddr>();
  const ambiguous = new Set<string>();
  for (const { name, address } of exports) {
    if ((found.get(name) ?? address) !== address) ambiguous.add(name);
    found.set(name, address);
  }
  for (const name of ambiguous) found.delete(name);
  return found;
}

/** Most functions in the table are known to kallsyms, and those are where it has them. */
function isConfirmed(exports: readonly Export[], functions: SymbolTable): boolean {
  let known = 0;
  let agreed = 0;
  for (const { name, address } of exports) {
    if (functions.address(name) === undefined) continue;
    known++;
    for (const other of functions.all(name)) {
      if (other.address !== address) continue;
      agreed++;
      break;
    }
  }
  return agreed >= minKnown && agreed >= known * 0.95;
}

/** The part of the image around a string; what is not in the dump is zero. Places in it are offsets. */
class Window {
  private readonly start: number;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly littleEndian: boolean;
  /** Virtual address of the first byte. */
  private readonly base: bigint;

  /** `start` and `string` physical; `toVirtual` is added to a physical address of the image. */
  constructor({ dump }: Kernel, start: number, string: number, toVirtual: bigint) {
    this.start = start;
    this.base = BigInt.asUintN(64, BigInt(start) + toVirtual);
    this.bytes = new Uint8Array(string + nearStrings - start);
    for (const run of presentRuns(dump, start, start + this.bytes.length)) {
      const from = Math.max(run.start, start);
      const part = this.bytes.subarray(from - start, Math.max(from, run.end) - start);
      dump.memory.read(asPaddr(from), part);
    }
    this.view = viewOf(this.bytes);
    this.littleEndian = dump.littleEndian;
  }

  /** Entries whose name is that string. */
  *entriesNaming(string: number, { kind, size }: EntryForm): Generator<number> {
    const wanted = string - this.start;
    const { view, littleEndian } = this;
    if (kind === 'relative') {
      for (let at = 4; at + size <= wanted; at += 4)
        if (view.getInt32(at, littleEndian) === wanted - at) yield at - 4;
      return;
    }
    const address = this.base + BigInt(wanted);
    const low = Number(address & 0xffff_ffffn);
    for (let at = 8; at + size <= wanted; at += 8) {
      if (view.getUint32(littleEndian ? at : at + 4, littleEndian) !== low) continue;
      if (view.getBigUint64(at, littleEndian) === address) yield at - 8;
    }
  }

  /** All entries that follow each other there, in front of `entry` and behind it, as long as they are sorted; each further table begins anew. */
  tableAround(entry: number, form: EntryForm): Export[] {
    const found: Export[] = [];
    let tables = 1;
    const isNext = (before: Export | undefined, after: Export | undefined): boolean =>
      before === undefined || after === undefined || before.name <= after.name || ++tables <= maxTables;
    for (let at = entry; ; at -= form.size) {
      const export_ = this.entryAt(at, form);
      if (export_ === undefined || !isNext(export_, found.at(-1))) break;
      found.push(export_);
    }
    found.reverse();
    for (let at = entry + form.size; ; at += form.size) {
      const export_ = this.entryAt(at, form);
      if (export_ === undefined || !isNext(found.at(-1), export_)) break;
      found.push(export_);
    }
    return found;
  }

  private entryAt(at: number, { kind, size }: EntryForm): Export | undefined {
    if (at < 0 || at + size > this.bytes.length) return undefined;
    const { view, littleEndian } = this;
    if (kind === 'relative') {
      const name = this.nameAt(at + 4 + view.getInt32(at + 4, littleEndian));
      const address = this.base + BigInt(at + view.getInt32(at, littleEndian));
      return name === undefined ? undefined : { name, address: asVaddr(address) };
    }
    const pointer = view.getBigUint64(at + 8, littleEndian) - this.base;
    const name = pointer < BigInt(this.bytes.length) ? this.nameAt(Number(pointer)) : undefined;
    return name === undefined ? undefined : { name, address: asVaddr(view.getBigUint64(at, littleEndian)) };
  }

  /** Undefined when no identifier is there. */
  private nameAt(at: number): string | undefined {
    if (at < 0 || at >= this.bytes.length) return undefined;
    const name = cString(this.bytes.subarray(at, at + maxName));
    return name.length < maxName && /^[A-Za-z_][\w.$]*$/.test(name) ? name : undefined;
  }
}
