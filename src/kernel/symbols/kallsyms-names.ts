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
import { alignUp, latin1, viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, type Vaddr } from '../../base/units.ts';
import type { Kernel } from '../kernel.ts';
import type { KallsymsPlaces } from './kallsyms-places.ts';

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
  /** The symbols of this name, ascending, by an index that the first question makes (4 ms for 100,000 symbols). */
  find(name: string): Generator<number>;
}

/** E_CORRUPT when the tables contradict each other. */
export function openNames(kernel: Kernel, places: Omit<KallsymsPlaces, 'table'>): SymbolNames {
  const { dump } = kernel;
  const { count } = places;
  const corrupt = (what: string): VmcoreError =>
    new VmcoreError('E_CORRUPT', `its kallsyms make no sense: ${what}`, {
      file: dump.source.name,
      hint: 'the symbol table is damaged, or of a kernel newer than this program',
    });
  if (count < 1 || count > maxSymbols) throw corrupt(`${count} symbols`);
  const table = readTokens(kernel, places);
  const bytes = new GrowingBytes(kernel, places.names);
  for (const form of ['two-bytes', 'one-byte'] as const) {
    const walk = walkNames(bytes, count, form);
    if (walk !== undefined && endsAtMarkers(bytes, walk, dump.littleEndian))
      return new Names(bytes.upTo(walk.end).subarray(0, walk.end), walk.starts, form, table);
  }
  throw corrupt('the names do not end where the markers begin');
}

/** Expanded strings as bytes; NUL never occurs in them. */
function readTokens(
  kernel: Kernel,
  { tokenIndex, tokenTable }: Pick<KallsymsPlaces, 'tokenIndex' | 'tokenTable'>,
): Uint8Array[] {
  const index = viewOf(kernel.read(tokenIndex, tokens * 2));
  const starts = Array.from({ length: tokens }, (_, i) => index.getUint16(i * 2, kernel.dump.littleEndian));
  const strings = kernel.read(tokenTable, Math.max(...starts) + maxToken);
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

/** Where each symbol begins, and where the last one ends. */
interface Walk {
  readonly starts: Uint32Array;
  readonly end: number;
}

/** Undefined when a length is not possible. */
function walkNames(names: GrowingBytes, count: number, form: LengthForm): Walk | undefined {
  const starts = new Uint32Array(count);
  const longFrom = form === 'two-bytes' ? 0x80 : 0x100;
  let at = 0;
  let bytes = names.upTo(1);
  for (let i = 0; i < count; i++) {
    if (at + 2 > bytes.length) bytes = names.upTo(at + 2);
    starts[i] = at;
    let length = bytes[at++]!;
    if (length >= longFrom) length = (length & 0x7f) | (bytes[at++]! << 7);
    at += length;
    if (length < 1 || length > maxNameTokens || at > maxNameBytes) return undefined;
  }
  return { starts, end: at };
}

/** Markers are aligned to 4 bytes (7.x) or 8, and 64 bits wide until 4.19 (80ffbaa5b1bd). */
function endsAtMarkers(names: GrowingBytes, { starts, end }: Walk, littleEndian: boolean): boolean {
  const count = Math.ceil(starts.length / symbolsPerMarker);
  const agree = (at: number, width: 4 | 8): boolean => {
    const markers = viewOf(names.upTo(at + count * width));
    for (let i = 0; i < count; i++)
      if (markers.getUint32(at + i * width, littleEndian) !== starts[i * symbolsPerMarker]) return false;
    return true;
  };
  const [at4, at8] = [alignUp(end, 4), alignUp(end, 8)];
  return agree(at4, 4) || agree(at8, 4) || agree(at8, 8);
}

class Names implements SymbolNames {
  readonly count: number;
  private readonly bytes: Uint8Array;
  private readonly starts: Uint32Array;
  /** A length byte from this one on has a second one. */
  private readonly longFrom: number;
  private readonly tokens: readonly Uint8Array[];
  /** The same, as text. */
  private readonly texts: readonly string[];
  private index: NameHashes | undefined;

  constructor(bytes: Uint8Array, starts: Uint32Array, form: LengthForm, table: readonly Uint8Array[]) {
    this.bytes = bytes;
    this.starts = starts;
    this.count = starts.length;
    this.longFrom = form === 'two-bytes' ? 0x80 : 0x100;
    this.tokens = table;
    this.texts = table.map(latin1);
  }

  at(index: number): NameAndType {
    const end = this.end(index);
    let text = '';
    for (let i = this.begin(index); i < end; i++) text += this.texts[this.bytes[i]!]!;
    return { type: text.slice(0, 1), name: text.slice(1) };
  }

  *find(name: string): Generator<number> {
    this.index ??= this.hashAll();
    const wanted = encode(name);
    const { heads, next, shift } = this.index;
    for (let i = heads[slotOf(hashOf(wanted, 0), shift)]! - 1; i >= 0; i = next[i]! - 1)
      if (this.isNamed(i, wanted)) yield i;
  }

  /**
   * The hash of a name is a polynomial of its characters, so that a token adds all of its own in one step: what a hash is multiplied with and what
   * is added to it is worked out once for every token, and once more for tokens that begin a name, whose first character is the type.
   */
  private hashAll(): NameHashes {
    const { bytes, count, starts, longFrom } = this;
    const factors = Int32Array.from(this.tokens, ({ length }) => power(length));
    const sums = Int32Array.from(this.tokens, (token) => hashOf(token, 0));
    const firstSums = Int32Array.from(this.tokens, (token) => hashOf(token, 1));
    let bits = 4;
    while (2 ** bits < count) bits++;
    const shift = 32 - bits;
    const heads = new Uint32Array(2 ** bits);
    const next = new Uint32Array(count);
    // Backwards, so that a chain gives symbols in their order.
    let end = bytes.length;
    for (let i = count - 1; i >= 0; i--) {
      const start = starts[i]!;
      let at = bytes[start]! >= longFrom ? start + 2 : start + 1;
      let hash = firstSums[bytes[at++]!]!;
      while (at < end) {
        const token = bytes[at++]!;
        hash = (Math.imul(hash, factors[token]!) + sums[token]!) | 0;
      }
      const slot = slotOf(hash, shift);
      next[i] = heads[slot]!;
      heads[slot] = i + 1;
      end = start;
    }
    return { heads, next, shift };
  }

  /** Compared token by token: nearly every symbol differs in the first. */
  private isNamed(index: number, wanted: Uint8Array): boolean {
    const { bytes } = this;
    const end = this.end(index);
    // The first character is the type.
    let matched = -1;
    for (let i = this.begin(index); i < end; i++) {
      const token = this.tokens[bytes[i]!]!;
      for (let c = 0; c < token.length; c++, matched++)
        if (matched >= 0 && token[c] !== wanted[matched]) return false;
    }
    return matched === wanted.length;
  }

  /** The first token of a name. */
  private begin(index: number): number {
    const at = this.starts[index]!;
    return this.bytes[at]! >= this.longFrom ? at + 2 : at + 1;
  }

  private end(index: number): number {
    return index + 1 < this.count ? this.starts[index + 1]! : this.bytes.length;
  }
}

/** Symbols chained by the hash of their name: numbers of symbols counted from 1, 0 ends a chain. */
interface NameHashes {
  readonly heads: Uint32Array;
  readonly next: Uint32Array;
  /** From a hash to its slot. */
  readonly shift: number;
}

/** Any odd number of many bits. */
const hashBase = 0x01000193;

function hashOf(text: Uint8Array, from: number): number {
  let hash = 0;
  for (let i = from; i < text.length; i++) hash = (Math.imul(hash, hashBase) + text[i]!) | 0;
  return hash;
}

function power(exponent: number): number {
  let product = 1;
  for (let i = 0; i < exponent; i++) product = Math.imul(product, hashBase);
  return product;
}

/** The upper bits of a product (Knuth's golden ratio): the lower ones of a polynomial say little. */
const slotOf = (hash: number, shift: number): number => Math.imul(hash, 0x9e3779b1) >>> shift;

const encode = (name: string): Uint8Array => Uint8Array.from(name, (char) => char.charCodeAt(0));
