/**
 * The names of kallsyms: each a length and so many bytes, every byte standing for a string of up to a few dozen characters.
 *
 *   kallsyms_names         per symbol: length, then token numbers; the expanded string is a type letter and the name
 *   kallsyms_markers       u32: where every 256th symbol begins in names; not in vmcoreinfo, but always right behind the names
 *   kallsyms_token_table   NUL-terminated strings; kallsyms_token_index: u16[256], where each begins
 *
 * A length is one byte; since 6.1 (73bbb94466fd) 0x80 in it means that a second byte has the bits from 7 on. Which of the two is told by the
 * markers. Source of truth: scripts/kallsyms.c, kernel/kallsyms.c (Linux 6.1, 6.12, 7.2).
 */
import { latin1, viewOf } from '../base/bytes.ts';
import { VmcoreError } from '../base/errors.ts';
import { asVaddr, type Vaddr } from '../base/units.ts';
import type { Kernel } from './kernel.ts';

/** 7.2 has 180,000; all of allyesconfig has under two million. */
const maxSymbols = 2 ** 22;
/** Token numbers per name: KSYM_NAME_LEN is 512 since 6.1 (b8a94bfb3395). */
const maxNameTokens = 1024;
/** 1.2 to 3 MB today. */
const maxNameBytes = 2 ** 26;
const symbolsPerMarker = 256;
const tokens = 256;
/** The strings of the last token end this soon after its beginning. */
const maxToken = 512;
/** Read at a time while it is not known where the names end. */
const readStep = 2 ** 18;

type LengthForm = 'one-byte' | 'two-bytes';

export interface NameAndType {
  readonly name: string;
  /** A letter as nm(1) prints it. */
  readonly type: string;
}

export interface SymbolNames {
  readonly count: number;
  at(index: number): NameAndType;
  /** All, in their order. */
  all(): Iterable<NameAndType>;
  /** The first symbol of this name from `from` on, or -1. */
  find(name: string, from: number): number;
}

/** E_CORRUPT when the tables contradict each other. */
export function openNames(kernel: Kernel): SymbolNames {
  const { info, dump } = kernel;
  const corrupt = (what: string): VmcoreError =>
    new VmcoreError('E_CORRUPT', `its kallsyms make no sense: ${what}`, {
      file: dump.source.name,
      hint: 'the symbol table is damaged, or of a kernel newer than this program',
    });
  const countBytes = kernel.read(info.requireSymbol('kallsyms_num_syms'), 4);
  const count = viewOf(countBytes).getUint32(0, dump.littleEndian);
  if (count < 1 || count > maxSymbols) throw corrupt(`${count} symbols`);
  const table = readTokens(kernel);
  const bytes = new GrowingBytes(kernel, info.requireSymbol('kallsyms_names'));
  for (const form of ['two-bytes', 'one-byte'] as const) {
    const walk = walkNames(bytes, count, form);
    if (walk !== undefined && endsAtMarkers(bytes, walk, dump.littleEndian))
      return new Names(bytes.upTo(walk.end), walk.starts, count, form, table);
  }
  throw corrupt('the names do not end where the markers begin');
}

/** Expanded strings as bytes; NUL never occurs in them. */
function readTokens(kernel: Kernel): Uint8Array[] {
  const { info, dump } = kernel;
  const index = viewOf(kernel.read(info.requireSymbol('kallsyms_token_index'), tokens * 2));
  const starts = Array.from({ length: tokens }, (_, i) => index.getUint16(i * 2, dump.littleEndian));
  const strings = kernel.read(info.requireSymbol('kallsyms_token_table'), Math.max(...starts) + maxToken);
  return starts.map((start) => {
    const end = strings.indexOf(0, start);
    return strings.subarray(start, end < 0 ? start : end);
  });
}

/** Memory from an address on, read as far as it is looked at. */
class GrowingBytes {
  private readonly kernel: Kernel;
  private readonly start: Vaddr;
  private bytes = new Uint8Array(0);
  private length = 0;

  constructor(kernel: Kernel, start: Vaddr) {
    this.kernel = kernel;
    this.start = start;
  }

  /** At least `length` bytes. E_UNREADABLE when they are not in the dump. */
  upTo(length: number): Uint8Array {
    while (this.length < length) this.grow(length);
    return this.bytes.subarray(0, this.length);
  }

  private grow(length: number): void {
    // A whole step may run over the end of what the dump has; what was asked for must be there.
    for (const want of [this.length + readStep, length]) {
      if (want < length) continue;
      if (this.bytes.length < want) {
        const larger = new Uint8Array(Math.max(want, this.bytes.length * 2));
        larger.set(this.bytes.subarray(0, this.length));
        this.bytes = larger;
      }
      try {
        const at = asVaddr(this.start + BigInt(this.length));
        this.kernel.readBulk(at, this.bytes.subarray(this.length, want));
        this.length = want;
        return;
      } catch (error) {
        if (want === length || !(error instanceof VmcoreError)) throw error;
      }
    }
  }
}

/** Where every 256th symbol begins, and where the last one ends. */
interface Walk {
  readonly starts: Uint32Array;
  readonly end: number;
}

/** Undefined when a length is not possible. */
function walkNames(names: GrowingBytes, count: number, form: LengthForm): Walk | undefined {
  const starts = new Uint32Array(Math.ceil(count / symbolsPerMarker));
  let at = 0;
  let bytes = names.upTo(1);
  for (let i = 0; i < count; i++) {
    if (at + 2 > bytes.length) bytes = names.upTo(at + 2);
    if (i % symbolsPerMarker === 0) starts[i / symbolsPerMarker] = at;
    let length = bytes[at++]!;
    if (form === 'two-bytes' && length >= 0x80) length = (length & 0x7f) | (bytes[at++]! << 7);
    at += length;
    if (length < 1 || length > maxNameTokens || at > maxNameBytes) return undefined;
  }
  return { starts, end: at };
}

/** Markers are aligned to 4 bytes (7.x) or 8. */
function endsAtMarkers(names: GrowingBytes, { starts, end }: Walk, littleEndian: boolean): boolean {
  return [4, 8].some((alignment) => {
    const at = Math.ceil(end / alignment) * alignment;
    const markers = viewOf(names.upTo(at + starts.length * 4));
    return starts.every((start, i) => markers.getUint32(at + i * 4, littleEndian) === start);
  });
}

class Names implements SymbolNames {
  readonly count: number;
  private readonly bytes: Uint8Array;
  private readonly starts: Uint32Array;
  private readonly isLong: boolean;
  private readonly tokens: readonly Uint8Array[];
  /** The same, as text. */
  private readonly texts: readonly string[];

  constructor(
    bytes: Uint8Array,
    starts: Uint32Array,
    count: number,
    form: LengthForm,
    table: readonly Uint8Array[],
  ) {
    this.bytes = bytes;
    this.starts = starts;
    this.count = count;
    this.isLong = form === 'two-bytes';
    this.tokens = table;
    this.texts = table.map(latin1);
  }

  at(index: number): NameAndType {
    let at = this.starts[Math.floor(index / symbolsPerMarker)]!;
    for (let i = index % symbolsPerMarker; i > 0; i--) at = this.end(at);
    return this.expand(at);
  }

  *all(): Generator<NameAndType> {
    for (let i = 0, at = 0; i < this.count; i++, at = this.end(at)) yield this.expand(at);
  }

  private expand(at: number): NameAndType {
    const end = this.end(at);
    let text = '';
    for (let i = this.begin(at); i < end; i++) text += this.texts[this.bytes[i]!]!;
    return { type: text.slice(0, 1), name: text.slice(1) };
  }

  find(name: string, from: number): number {
    const wanted = Uint8Array.from(name, (char) => char.charCodeAt(0));
    const { bytes } = this;
    let at = this.starts[Math.floor(from / symbolsPerMarker)] ?? 0;
    let end: number;
    for (let i = from - (from % symbolsPerMarker); i < this.count; i++, at = end) {
      end = this.end(at);
      if (i < from) continue;
      // Compared token by token: nearly every symbol differs in the first.
      let matched = -1;
      let isEqual = true;
      for (let k = this.begin(at); isEqual && k < end; k++) {
        const token = this.tokens[bytes[k]!]!;
        for (let c = 0; c < token.length; c++, matched++) {
          // The first character is the type.
          if (matched >= 0 && token[c] !== wanted[matched]) {
            isEqual = false;
            break;
          }
        }
      }
      if (isEqual && matched === wanted.length) return i;
    }
    return -1;
  }

  /** The first token of the name whose length is at `at`. */
  private begin(at: number): number {
    return this.isLong && this.bytes[at]! >= 0x80 ? at + 2 : at + 1;
  }

  private end(at: number): number {
    const first = this.bytes[at]!;
    return this.isLong && first >= 0x80
      ? at + 2 + ((first & 0x7f) | (this.bytes[at + 1]! << 7))
      : at + 1 + first;
  }
}
