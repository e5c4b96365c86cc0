/** Memory as it is: numbers of one width from an address on, virtual or physical; null where the dump has no page. */
import { viewOf } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asPaddr, asVaddr, hex } from '../../base/units.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import { Missing } from '../../kernel/missing.ts';
import { unreadable } from '../../kernel/page-cache.ts';

export type Width = 8 | 16 | 32 | 64;

export interface MemoryQuestion {
  readonly address: bigint;
  /** Numbers. */
  readonly count: number;
  /** Bits of each. */
  readonly width: Width;
  readonly space: 'virtual' | 'physical';
}

export interface MemoryContents {
  readonly address: bigint;
  readonly width: Width;
  /** Undefined where the dump has no page. */
  readonly values: readonly (bigint | undefined)[];
  readonly missing: readonly string[];
}

/** 64 MiB. */
const maxBytes = 2 ** 26;

/** E_USAGE when more is asked for than can be shown. */
export function readMemory(
  crashed: CrashedKernel,
  { address, count, width, space }: MemoryQuestion,
): MemoryContents {
  const size = width / 8;
  if (count < 1 || count * size > maxBytes)
    throw new VmcoreError('E_USAGE', `cannot read ${count} numbers of ${width} bits at once`);
  const missing = new Missing();
  const { dump, kernel } = crashed;
  const { pageSize } = dump.memory;
  const bytes = new Uint8Array(count * size);
  const isThere = new Uint8Array(bytes.length);
  // Page by page, so that one that is missing costs no other.
  for (let done = 0; done < bytes.length; ) {
    const at = asVaddr(address + BigInt(done));
    const part = bytes.subarray(done, done + pageSize - Number(at % BigInt(pageSize)));
    const read = missing.attempt(hex(at), () => {
      if (space === 'virtual') part.set(kernel.read(at, part.length));
      else if (
        at > BigInt(Number.MAX_SAFE_INTEGER) ||
        dump.memory.read(asPaddr(Number(at)), part) < part.length
      )
        throw unreadable(dump, Number(at / BigInt(pageSize)));
      return 'read';
    });
    if (read !== undefined) isThere.fill(1, done, done + part.length);
    done += part.length;
  }
  const view = viewOf(bytes);
  const values = Array.from({ length: count }, (_, i) =>
    isThere[i * size] === 1 && isThere[i * size + size - 1] === 1
      ? numberAt(view, i * size, width, dump.littleEndian)
      : undefined,
  );
  return { address: asVaddr(address), width, values, missing: missing.lines };
}

function numberAt(view: DataView, at: number, width: Width, littleEndian: boolean): bigint {
  switch (width) {
    case 8:
      return BigInt(view.getUint8(at));
    case 16:
      return BigInt(view.getUint16(at, littleEndian));
    case 32:
      return BigInt(view.getUint32(at, littleEndian));
    case 64:
      return view.getBigUint64(at, littleEndian);
  }
}

const bytesPerLine = 16;

/** What is shown beside, or instead of, the numbers of a line. */
export type Presentation =
  | 'numbers'
  | 'characters'
  | { readonly symbolOf: (value: bigint) => string | undefined };

/** Lines of 16 bytes: address, numbers, and the bytes as characters. What is missing is shown as dashes. */
export function memoryText(contents: MemoryContents, presentation: Presentation): string {
  const { address, width, values } = contents;
  const size = width / 8;
  const perLine = bytesPerLine / size;
  const digits = width / 4;
  let text = '';
  for (let i = 0; i < values.length; i += perLine) {
    const line = values.slice(i, i + perLine);
    const numbers = line.map((value) =>
      value === undefined
        ? '-'.repeat(digits)
        : ((typeof presentation === 'object' ? presentation.symbolOf(value) : undefined) ??
          value.toString(16).padStart(digits, '0')),
    );
    const shown = numbers
      .map((number) => number.padEnd(typeof presentation === 'object' ? symbolWidth : digits))
      .join(' ');
    const characters = line.map((value) => asCharacters(value, size)).join('');
    const start = hex(asVaddr(address + BigInt(i * size)));
    if (presentation === 'characters') text += `${start}:  ${characters}\n`;
    else if (typeof presentation === 'object') text += `${start}:  ${shown.trimEnd()}\n`;
    else text += `${start}:  ${shown.padEnd(perLine * (digits + 1) - 1)}  ${characters}\n`;
  }
  return text;
}

/** Room for usual names with an offset. */
const symbolWidth = 28;

/** In the order of memory. */
function asCharacters(value: bigint | undefined, size: number): string {
  if (value === undefined) return ' '.repeat(size);
  return Array.from({ length: size }, (_, i) => {
    const code = Number((value >> BigInt(8 * i)) & 0xffn);
    return code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : '.';
  }).join('');
}
