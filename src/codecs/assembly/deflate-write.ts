/** Deflate's bits, on their way out: the first ones of a block, and then the page. */
import {
  clear,
  distanceExtra,
  distancesAt,
  endOfBlock,
  fixedDistancesAt,
  fixedLiteralsAt,
  fixedSymbols,
  lengthExtra,
  lengthsAt,
  literalsAt,
  saidAt,
  workspaceAt,
} from './deflate-alphabets';
import {
  distanceCodesSaid,
  lengthCodesSaid,
  lengthInHeader,
  literalCodesSaid,
  repeatBits,
} from './deflate-lengths';
import { numberCodes } from './huffman';

/** Zlib's first two bytes: deflate, a window of 32 KiB, the fastest level (RFC 1950, 2.2). */
const zlibHeader: u64 = 0x0178;
/** First bits of a block that is the last: kind << 1 | 1. */
const fixedBlock: u64 = 0b011;
const ownCodesBlock: u64 = 0b101;

/** Length of the fixed code of a literal or length. */
export function fixedLength(symbol: usize): u32 {
  return symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8;
}

/** Makes the fixed codes (RFC 1951, 3.2.6), which the scratch keeps: to be called once, before all else. */
export function makeFixedCodes(scratch: usize): void {
  const literals = scratch + fixedLiteralsAt;
  const distances = scratch + fixedDistancesAt;
  for (let i: usize = 0; i < fixedSymbols; i++) store<u32>(literals + (i << 2), fixedLength(i) << 16);
  for (let i: usize = 0; i < 32; i++) store<u32>(distances + (i << 2), 5 << 16);
  const counts = scratch + workspaceAt;
  clear(counts, counts + 64);
  store<u32>(counts, 24, 4 * 7);
  store<u32>(counts, 152, 4 * 8);
  store<u32>(counts, 112, 4 * 9);
  numberCodes(literals, fixedSymbols, counts);
  clear(counts, counts + 64);
  store<u32>(counts, 32, 4 * 5);
  numberCodes(distances, 32, counts);
}

/** The whole stream but its checksum, with the fixed codes. See `writeSymbols` for what it returns. */
export function writeFixed(
  op: usize,
  scratch: usize,
  page: usize,
  end: usize,
  from: usize,
  to: usize,
): usize {
  const bits = zlibHeader | (fixedBlock << 16);
  return writeSymbols(
    op,
    bits,
    19,
    page,
    end,
    from,
    to,
    scratch + fixedLiteralsAt,
    scratch + fixedDistancesAt,
  );
}

/** The same with the codes in the scratch, which it says first. The lengths that were said end at `saidEnd`. */
export function writeOwnCodes(
  op: usize,
  scratch: usize,
  saidEnd: usize,
  page: usize,
  end: usize,
  from: usize,
  to: usize,
): usize {
  const lengthCodes = lengthCodesSaid(scratch);
  let bits = zlibHeader | (ownCodesBlock << 16);
  bits |= (<u64>(literalCodesSaid(scratch) - 257)) << 19;
  bits |= (<u64>(distanceCodesSaid(scratch) - 1)) << 24;
  bits |= (<u64>(lengthCodes - 4)) << 29;
  let held: u32 = 33;
  for (let i: usize = 0; i < lengthCodes; i++) {
    bits |= (<u64>lengthInHeader(scratch, i)) << held;
    held += 3;
    store<u64>(op, bits);
    op += <usize>(held >> 3);
    bits >>= <u64>(held & 0x38);
    held &= 7;
  }
  for (let at = scratch + saidAt; at < saidEnd; at += 2) {
    const symbol = <u32>load<u8>(at);
    const code = load<u32>(scratch + lengthsAt + ((<usize>symbol) << 2));
    bits |= (<u64>(code & 0xffff)) << held;
    held += code >> 16;
    bits |= (<u64>load<u8>(at, 1)) << held;
    held += repeatBits(symbol);
    store<u64>(op, bits);
    op += <usize>(held >> 3);
    bits >>= <u64>(held & 0x38);
    held &= 7;
  }
  return writeSymbols(op, bits, held, page, end, from, to, scratch + literalsAt, scratch + distancesAt);
}

/**
 * Writes `bits`, of which there are `held`, then the page: its sequences between `at` and `last`, the literals behind them, the end of
 * the block. Returns where the last byte ends. Writes up to 7 bytes more.
 */
function writeSymbols(
  op: usize,
  bits: u64,
  held: u32,
  page: usize,
  end: usize,
  at: usize,
  last: usize,
  literals: usize,
  distances: usize,
): usize {
  while (true) {
    let run = at < last ? <usize>load<u16>(at) : end - page;
    while (run >= 4) {
      const a = load<u32>(literals + ((<usize>load<u8>(page)) << 2));
      bits |= (<u64>(a & 0xffff)) << held;
      held += a >> 16;
      const b = load<u32>(literals + ((<usize>load<u8>(page, 1)) << 2));
      bits |= (<u64>(b & 0xffff)) << held;
      held += b >> 16;
      const c = load<u32>(literals + ((<usize>load<u8>(page, 2)) << 2));
      bits |= (<u64>(c & 0xffff)) << held;
      held += c >> 16;
      const d = load<u32>(literals + ((<usize>load<u8>(page, 3)) << 2));
      bits |= (<u64>(d & 0xffff)) << held;
      held += d >> 16;
      store<u64>(op, bits);
      op += <usize>(held >> 3);
      bits >>= <u64>(held & 0x38);
      held &= 7;
      page += 4;
      run -= 4;
    }
    for (; run > 0; run--, page++) {
      const code = load<u32>(literals + ((<usize>load<u8>(page)) << 2));
      bits |= (<u64>(code & 0xffff)) << held;
      held += code >> 16;
    }
    store<u64>(op, bits);
    op += <usize>(held >> 3);
    bits >>= <u64>(held & 0x38);
    held &= 7;
    if (at >= last) break;

    // At most 14 + 5 + 14 + 13 bits.
    const length = <u32>load<u16>(at, 2);
    const distance = load<u32>(at, 4);
    at += 8;
    const lengthCode = load<u32>(literals + ((<usize>(distance >> 24)) << 2), 4 * 257);
    bits |= (<u64>(lengthCode & 0xffff)) << held;
    held += lengthCode >> 16;
    const lengthBits = lengthExtra(distance >> 24);
    bits |= (<u64>(length & ((1 << lengthBits) - 1))) << held;
    held += lengthBits;
    const symbol = (distance >> 16) & 0xff;
    const distanceCode = load<u32>(distances + ((<usize>symbol) << 2));
    bits |= (<u64>(distanceCode & 0xffff)) << held;
    held += distanceCode >> 16;
    const distanceBits = distanceExtra(symbol);
    bits |= (<u64>(distance & ((1 << distanceBits) - 1))) << held;
    held += distanceBits;
    store<u64>(op, bits);
    op += <usize>(held >> 3);
    bits >>= <u64>(held & 0x38);
    held &= 7;
    page += <usize>length + 3;
  }
  const stop = load<u32>(literals, 4 * endOfBlock);
  bits |= (<u64>(stop & 0xffff)) << held;
  held += stop >> 16;
  store<u64>(op, bits);
  return op + <usize>((held + 7) >> 3);
}
