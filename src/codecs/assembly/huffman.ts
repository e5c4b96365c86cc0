/**
 * Huffman codes for deflate: from how often each symbol occurs to the bits that stand for it (RFC 1951, 3.2.2).
 *
 * A table has a u32 for each symbol. Before, it is how often the symbol occurs; after, its length in bits from bit 16 on and its
 * code below, first bit lowest; 0 for a symbol that does not occur.
 *
 * The lengths are those of Moffat and Katajainen, "In-place calculation of minimum-redundancy codes" (1995). Codes longer than
 * allowed are shortened as in ITU-T T.81 (JPEG), annex K.2, figure K.3.
 */

/** The most symbols of a table: literals and lengths. */
const maxSymbols: usize = 288;
/** Symbols that occur more rarely are sorted by counting, the others, which are few, by insertion. */
const frequent: u32 = 64;
/** No code of so few symbols is longer before it is shortened: 2^16 occurrences make a tree no deeper than 24. */
const maxDepth: usize = 32;

/** Offsets in the workspace: sorted keys (occurrences << 9 | symbol), weights, and counts (of occurrences; then of lengths). */
const weightsAt: usize = 4 * maxSymbols;
export const countsAt: usize = 2 * 4 * maxSymbols;
/** Bytes of workspace that `makeCodes` needs. */
export const codesWorkspace: usize = countsAt + 4 * <usize>frequent;

function clear(at: usize, bytes: usize): void {
  for (const end = at + bytes; at < end; at += 16) v128.store(at, i64x2.splat(0));
}

/** Two symbols at least, which is what every decoder takes: adds the first ones that do not occur. */
function ensureTwo(table: usize, used: usize): void {
  for (let at = table; used < 2; at += 4) {
    if (load<u32>(at) !== 0) continue;
    store<u32>(at, 1);
    used++;
  }
}

/** Writes the keys of the symbols that occur, in their order; returns where they end. */
function listSymbols(table: usize, symbols: usize, keys: usize): usize {
  for (let symbol: usize = 0; symbol < symbols; symbol++) {
    const count = load<u32>(table + (symbol << 2));
    store<u32>(keys, (count << 9) | <u32>symbol);
    keys += (<usize>(count !== 0)) << 2;
  }
  return keys;
}

/** Writes the keys of the symbols that occur, rarest first; returns their number. */
function sortSymbols(table: usize, symbols: usize, work: usize): usize {
  // Where the weights will be.
  const keys = work + weightsAt;
  let end = listSymbols(table, symbols, keys);
  if (end < keys + 8) {
    ensureTwo(table, (end - keys) >> 2);
    end = listSymbols(table, symbols, keys);
  }
  const counts = work + countsAt;
  clear(counts, 4 * <usize>frequent);
  for (let key = keys; key < end; key += 4) {
    const count = load<u32>(key) >> 9;
    if (count >= frequent) continue;
    const slot = counts + ((<usize>count) << 2);
    store<u32>(slot, load<u32>(slot) + 1);
  }
  // From how many there are of each to where their keys begin.
  let rare: usize = 0;
  for (let slot = counts; slot < counts + 4 * <usize>frequent; slot += 4) {
    const count = <usize>load<u32>(slot);
    store<u32>(slot, <u32>(work + (rare << 2)));
    rare += count;
  }
  let sorted = work + (rare << 2);
  const firstFrequent = sorted;
  for (let from = keys; from < end; from += 4) {
    const key = load<u32>(from);
    const count = key >> 9;
    if (count < frequent) {
      const slot = counts + ((<usize>count) << 2);
      const at = <usize>load<u32>(slot);
      store<u32>(at, key);
      store<u32>(slot, <u32>(at + 4));
      continue;
    }
    let at = sorted;
    while (at > firstFrequent && load<u32>(at - 4) > key) {
      store<u32>(at, load<u32>(at - 4));
      at -= 4;
    }
    store<u32>(at, key);
    sorted += 4;
  }
  return (end - keys) >> 2;
}

/** From `used` weights, ascending, at least two, to how many codes there are of each length, in the u32 at `counts`. */
function countLengths(weights: usize, used: usize, counts: usize): void {
  // Inner nodes take the place of weights that are used up, and then hold the number of their parent.
  store<u32>(weights, load<u32>(weights) + load<u32>(weights, 4));
  const end = weights + (used << 2);
  let root = weights;
  let leaf = weights + 8;
  for (let next = weights + 4; next < end - 4; next += 4) {
    let sum: u32;
    if (leaf >= end || load<u32>(root) < load<u32>(leaf)) {
      sum = load<u32>(root);
      store<u32>(root, <u32>next);
      root += 4;
    } else {
      sum = load<u32>(leaf);
      leaf += 4;
    }
    if (leaf >= end || (root < next && load<u32>(root) < load<u32>(leaf))) {
      sum += load<u32>(root);
      store<u32>(root, <u32>next);
      root += 4;
    } else {
      sum += load<u32>(leaf);
      leaf += 4;
    }
    store<u32>(next, sum);
  }
  // From parents to depths, from the root down: an inner node at depth d turns one code of length d into two of d + 1.
  clear(counts, 4 * maxDepth);
  store<u32>(end - 8, 0);
  store<u32>(counts, 2, 4);
  for (let node = end - 12; node >= weights; node -= 4) {
    const depth = load<u32>(<usize>load<u32>(node)) + 1;
    store<u32>(node, depth);
    const slot = counts + ((<usize>depth) << 2);
    store<u32>(slot, load<u32>(slot) - 1);
    store<u32>(slot, load<u32>(slot, 4) + 2, 4);
  }
}

/** Takes codes longer than `maxLength` away, two by two. */
function shorten(counts: usize, maxLength: usize): void {
  for (let length = maxDepth - 1; length > maxLength; length--) {
    const at = counts + (length << 2);
    while (load<u32>(at) > 0) {
      let shorter = at - 8;
      while (load<u32>(shorter) === 0) shorter -= 4;
      // One of a pair moves up to where the pair was; the other goes beside a shorter code, which gets one bit longer.
      store<u32>(at, load<u32>(at) - 2);
      store<u32>(at - 4, load<u32>(at - 4) + 1);
      store<u32>(shorter, load<u32>(shorter, 4) + 2, 4);
      store<u32>(shorter, load<u32>(shorter) - 1);
    }
  }
}

/** The low `length` bits of `code`, at most 16, in reverse. */
function reverse(code: u32, length: u32): u32 {
  code = ((code & 0x5555) << 1) | ((code >> 1) & 0x5555);
  code = ((code & 0x3333) << 2) | ((code >> 2) & 0x3333);
  code = ((code & 0x0f0f) << 4) | ((code >> 4) & 0x0f0f);
  code = ((code & 0x00ff) << 8) | (code >> 8);
  return code >> (16 - length);
}

/**
 * Gives the symbols of a table, whose lengths are there (from bit 16 on), their codes: ascending by length, then by symbol.
 * `counts` has how many there are of each length, and is overwritten.
 */
export function numberCodes(table: usize, symbols: usize, counts: usize): void {
  let code: u32 = 0;
  store<u32>(counts, 0);
  for (let at = counts; at < counts + 64; at += 4) {
    const count = load<u32>(at);
    code <<= 1;
    store<u32>(at, code);
    code += count;
  }
  for (let at = table, end = table + 4 * symbols; at < end; at += 4) {
    const word = load<u32>(at);
    if (word === 0) continue;
    const slot = counts + ((<usize>(word >> 16)) << 2);
    code = load<u32>(slot);
    store<u32>(slot, code + 1);
    store<u32>(at, word | reverse(code, word >> 16));
  }
}

/**
 * Turns occurrences, at most 65536 together, into the lengths of codes, of at most `maxLength` bits, 15 at most. Returns how many bits
 * all occurrences take, and leaves at `countsAt` in the workspace how many codes there are of each length.
 */
export function makeLengths(table: usize, symbols: usize, maxLength: usize, work: usize): u32 {
  const used = sortSymbols(table, symbols, work);
  const weights = work + weightsAt;
  const counts = work + countsAt;
  for (let i: usize = 0; i < used << 2; i += 4) store<u32>(weights + i, load<u32>(work + i) >> 9);
  countLengths(weights, used, counts);
  shorten(counts, maxLength);

  // The rarest get the longest.
  let bits: u32 = 0;
  let key = work;
  for (let length = maxLength; length > 0; length--) {
    for (let left = load<u32>(counts + (length << 2)); left > 0; left--) {
      const word = load<u32>(key);
      store<u32>(table + ((<usize>(word & 511)) << 2), (<u32>length) << 16);
      bits += (word >> 9) * <u32>length;
      key += 4;
    }
  }
  return bits;
}

/** The same with their codes. */
export function makeCodes(table: usize, symbols: usize, maxLength: usize, work: usize): u32 {
  const bits = makeLengths(table, symbols, maxLength, work);
  numberCodes(table, symbols, work + countsAt);
  return bits;
}
