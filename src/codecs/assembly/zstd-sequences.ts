/**
 * The sequences of a zstd block (RFC 8878, 3.1.1.3.2): each of their three alphabets has the codes that every reader knows, or codes of the
 * block's own.
 *
 * A sequence, a match and the literals before it, is kept in eight bytes:
 *
 *   u16 literals, u16 length - 3, u32: the offset as the format says it, 1 to 3 for one of the last three, else 3 more than it is (20 bits);
 *   above it, added here, the symbols of the literals and of the length (6 bits each)
 */
import { clear, count } from './deflate-alphabets';
import {
  accuracyAt,
  bitsOut,
  codesBytes,
  describe,
  extraBits,
  firstState,
  knownOf,
  makeStates,
  nextState,
  shareOut,
  symbolsUsed,
} from './fse';
import {
  alphabetSymbols,
  countsAt,
  countsEnd,
  extrasAt,
  fseWorkspaceAt,
  knownCodesAt,
  sharesAt,
  symbolsOfLengthsAt,
  symbolsOfRunsAt,
  toldCodesAt,
} from './zstd-scratch';

/** The alphabets, in the order of the scratch and of the block. */
const runs: usize = 0;
const offsets: usize = 1;
const lengths: usize = 2;

/** What codes an alphabet has (3.1.1.3.2.1): those that every reader knows, none for only one symbol, or codes that are told. */
const predefinedMode: u32 = 0;
const rleMode: u32 = 1;
const compressedMode: u32 = 2;
/** Fewer sequences than these gain less by codes of their own than it takes to tell the codes. */
const few: u32 = 60;

function countsOf(scratch: usize, alphabet: usize): usize {
  return scratch + countsAt + alphabet * 4 * alphabetSymbols;
}
function extrasOf(scratch: usize, alphabet: usize): usize {
  return scratch + extrasAt + alphabet * alphabetSymbols;
}
function knownCodesOf(scratch: usize, alphabet: usize): usize {
  return scratch + knownCodesAt + alphabet * codesBytes;
}
function toldCodesOf(scratch: usize, alphabet: usize): usize {
  return scratch + toldCodesAt + alphabet * codesBytes;
}

/** Makes the codes that every reader knows: to be called once, when the constants are in the scratch. */
export function makeKnownCodes(scratch: usize): void {
  const work = scratch + fseWorkspaceAt;
  for (let alphabet: usize = 0; alphabet < 3; alphabet++) {
    const shares = scratch + sharesAt + alphabet * alphabetSymbols;
    let states: usize = 0;
    let high: usize = 0;
    for (let i: usize = 0; i < alphabetSymbols; i++) {
      const share = load<i8>(shares + i);
      store<i16>(work + (i << 1), <i16>share);
      states += <usize>abs(share);
      if (share > 0) high += <usize>share;
    }
    const codes = knownCodesOf(scratch, alphabet);
    const extras = extrasOf(scratch, alphabet);
    makeStates(codes, alphabetSymbols, <u32>ctz(states), high, extras, work);
  }
}

/** Counts the symbols of the sequences between `at` and `end`, and adds those of literals and lengths to them. */
function countSymbols(scratch: usize, at: usize, end: usize): void {
  clear(scratch + countsAt, scratch + countsEnd);
  for (; at < end; at += 8) {
    const run = <u32>load<u16>(at);
    const length = <u32>load<u16>(at, 2);
    const said = load<u32>(at, 4);
    // From where the constants end, each power of two has a symbol.
    const runSymbol: u32 = run < 64 ? load<u8>(scratch + run, symbolsOfRunsAt) : 19 + 31 - clz(run);
    const lengthSymbol: u32 =
      length < 128 ? load<u8>(scratch + length, symbolsOfLengthsAt) : 36 + 31 - clz(length);
    store<u32>(at, said | (runSymbol << 20) | (lengthSymbol << 26), 4);
    count(countsOf(scratch, runs), runSymbol);
    count(countsOf(scratch, lengths), lengthSymbol);
    count(countsOf(scratch, offsets), 31 - clz(said));
  }
}

/** What codes an alphabet is to have for `total` sequences, the last of its symbols occurring `last` times. */
function modeFor(last: u32, total: u32): u32 {
  // The codes that are known take less than the byte that a symbol takes.
  if (total < 3) return predefinedMode;
  if (last === total) return rleMode;
  return total < few ? predefinedMode : compressedMode;
}

/** Makes the codes of an alphabet and writes what tells them. Returns where that ends. */
function tellCodes(op: usize, scratch: usize, alphabet: usize, mode: u32, symbols: usize, total: u32): usize {
  const codes = toldCodesOf(scratch, alphabet);
  const work = scratch + fseWorkspaceAt;
  // About six sequences a state, and as many states as symbols at least; 8 bits are the most an offset may have. One symbol has one state.
  const accuracy = mode === rleMode ? 0 : min(max(29 - clz(total), symbols > 32 ? 6 : 5), 8);
  shareOut(countsOf(scratch, alphabet), symbols, total, accuracy, work);
  makeStates(codes, symbols, accuracy, (<usize>1) << accuracy, extrasOf(scratch, alphabet), work);
  if (mode === compressedMode) return describe(op, accuracy, work);
  store<u8>(op, <u8>(symbols - 1));
  return op + 1;
}

function codesOf(scratch: usize, alphabet: usize, mode: u32): usize {
  return mode === predefinedMode ? knownCodesOf(scratch, alphabet) : toldCodesOf(scratch, alphabet);
}

/**
 * Writes the section of the sequences from `start` to before `end`. Returns where it ends; 0 when `limit` is reached
 * before.
 */
export function writeSequences(op: usize, limit: usize, scratch: usize, start: usize, end: usize): usize {
  const total = <u32>((end - start) >> 3);
  if (total < 128) {
    store<u8>(op, <u8>total);
    op++;
    if (total === 0) return op;
  } else {
    // At most 16384, below what would take a third byte.
    store<u16>(op, <u16>((total >> 8) | 0x80 | (total << 8)));
    op += 2;
  }
  countSymbols(scratch, start, end);
  const modesAt = op;
  op++;
  let modes: u32 = 0;
  for (let alphabet = runs; alphabet <= lengths; alphabet++) {
    const counts = countsOf(scratch, alphabet);
    const symbols = symbolsUsed(counts, alphabetSymbols);
    const mode = modeFor(load<u32>(counts + ((symbols - 1) << 2)), total);
    if (mode !== predefinedMode) op = tellCodes(op, scratch, alphabet, mode, symbols, total);
    modes = (modes | mode) << 2;
  }
  store<u8>(modesAt, <u8>modes);
  return writeBits(
    op,
    limit,
    codesOf(scratch, runs, modes >> 6),
    codesOf(scratch, lengths, (modes >> 2) & 3),
    codesOf(scratch, offsets, (modes >> 4) & 3),
    start,
    end,
  );
}

/** The sequences themselves, the last one first, as readers begin at the end. */
function writeBits(
  op: usize,
  limit: usize,
  runCodes: usize,
  lengthCodes: usize,
  offsetCodes: usize,
  start: usize,
  at: usize,
): usize {
  let bits: u64 = 0;
  let held: u32 = 0;
  let runState: u32 = 0;
  let lengthState: u32 = 0;
  let offsetState: u32 = 0;
  for (let isLast = true; at > start; isLast = false) {
    if (op >= limit) return 0;
    at -= 8;
    const sequence = load<u64>(at);
    const said = load<u32>(at, 4) & 0xfffff;
    const symbols = load<u32>(at, 4) >> 20;
    const ofOffset = knownOf(offsetCodes, <usize>(31 - clz(said)));
    const ofLength = knownOf(lengthCodes, <usize>(symbols >> 6));
    const ofRun = knownOf(runCodes, <usize>(symbols & 63));
    let out: u32;
    if (isLast) {
      offsetState = firstState(offsetCodes, ofOffset);
      lengthState = firstState(lengthCodes, ofLength);
      runState = firstState(runCodes, ofRun);
    } else {
      out = bitsOut(offsetState, ofOffset);
      bits |= (<u64>(offsetState & ((1 << out) - 1))) << held;
      held += out;
      offsetState = nextState(offsetCodes, offsetState >> out, ofOffset);
      out = bitsOut(lengthState, ofLength);
      bits |= (<u64>(lengthState & ((1 << out) - 1))) << held;
      held += out;
      lengthState = nextState(lengthCodes, lengthState >> out, ofLength);
      out = bitsOut(runState, ofRun);
      bits |= (<u64>(runState & ((1 << out) - 1))) << held;
      held += out;
      runState = nextState(runCodes, runState >> out, ofRun);
    }
    // At most 7 bits left over and three times 8; with those of a long run and a long length 31 more.
    if (extraBits(ofRun | ofLength) !== 0) {
      out = extraBits(ofRun);
      bits |= (sequence & ((1 << out) - 1)) << held;
      held += out;
      out = extraBits(ofLength);
      bits |= ((sequence >> 16) & ((1 << out) - 1)) << held;
      held += out;
      store<u64>(op, bits);
      op += <usize>(held >> 3);
      bits >>= <u64>(held & 0x38);
      held &= 7;
    }
    out = extraBits(ofOffset);
    bits |= (<u64>(said & ((1 << out) - 1))) << held;
    held += out;
    store<u64>(op, bits);
    op += <usize>(held >> 3);
    bits >>= <u64>(held & 0x38);
    held &= 7;
  }

  let out = load<u32>(lengthCodes, accuracyAt);
  bits |= (<u64>(lengthState & ((1 << out) - 1))) << held;
  held += out;
  out = load<u32>(offsetCodes, accuracyAt);
  bits |= (<u64>(offsetState & ((1 << out) - 1))) << held;
  held += out;
  out = load<u32>(runCodes, accuracyAt);
  bits |= (<u64>(runState & ((1 << out) - 1))) << held;
  held += out;
  // The highest bit that is set ends it.
  store<u64>(op, bits | ((<u64>1) << held));
  return op + <usize>((held + 8) >> 3);
}
