/**
 * Finite state entropy (RFC 8878, 4.1): from how often each symbol of an alphabet occurs to the states that stand for it, and how readers
 * are told. zstd writes sequences by it, and the lengths of the codes of literals.
 *
 * The codes of an alphabet (`codesBytes`):
 *
 *   a u16 for each state, those of a symbol in a row, ascending | for each symbol: u32 deltaBits, u8 extra bits, i24 deltaState |
 *   u32 accuracy: the number of states is 2 to the power of it
 *
 * What is coded is said last symbol first. A state, with the bit above its own ones set, gives away its lowest bits, as many as
 * `(state + deltaBits) >> 16`; what is left and deltaState make the place of the state that follows.
 */

/** The most states: 2^8. The most symbols: 64. */
const maxStates: usize = 256;
const maxSymbols: usize = 64;
/** Offsets in the codes of an alphabet. */
export const symbolsAt: usize = 2 * maxStates;
export const accuracyAt: usize = symbolsAt + 8 * maxSymbols;
export const codesBytes: usize = accuracyAt + 16;

/** Offsets in the workspace: shares (i16 each), rows (u16 each) and the symbol of each state (a byte). */
const rowsAt: usize = 2 * maxSymbols;
const spreadAt: usize = 2 * rowsAt;
export const fseWorkspace: usize = spreadAt + maxStates;

/** How many symbols there are up to the last one that occurs, by the u32 at `counts`; one does. */
export function symbolsUsed(counts: usize, symbols: usize): usize {
  while (load<u32>(counts + ((symbols - 1) << 2)) === 0) symbols--;
  return symbols;
}

/**
 * Shares out 2^accuracy states, of which there are as many as symbols at least: to each symbol that occurs one at least, else by how often it
 * occurs. `total` is the sum of the u32 at `counts`, at most 2^16. Leaves the shares in the workspace.
 */
export function shareOut(counts: usize, symbols: usize, total: u32, accuracy: u32, work: usize): void {
  const size: i32 = 1 << accuracy;
  const scale: u32 = (1 << 24) / total;
  let left = size;
  let most: i32 = 0;
  let mostAt = work;
  for (let i: usize = 0; i < symbols; i++) {
    const occurs = load<u32>(counts + (i << 2));
    let share: i32 = 0;
    if (occurs > 0) {
      share = max(1, <i32>((((<u64>(occurs * scale)) << accuracy) + (1 << 23)) >> 24));
      left -= share;
      if (share > most) {
        most = share;
        mostAt = work + (i << 1);
      }
    }
    store<i16>(work + (i << 1), <i16>share);
  }
  // What rounding left over, or took too much, is the most frequent one's; a large part of what that has is taken from several.
  while (left < 0 && -left > most >> 2) {
    const taken = max(1, min(-left, most >> 3));
    store<i16>(mostAt, <i16>(most - taken));
    left += taken;
    most = 0;
    for (let at = work, end = work + (symbols << 1); at < end; at += 2) {
      const share = <i32>load<i16>(at);
      if (share > most) {
        most = share;
        mostAt = at;
      }
    }
  }
  store<i16>(mostAt, <i16>(most + left));
}

/** Tells readers the shares in the workspace. Returns where that ends; up to 7 bytes more are written. */
export function describe(op: usize, accuracy: u32, work: usize): usize {
  let bits: u64 = accuracy - 5;
  let held: u32 = 4;
  let left: i32 = 1 << accuracy;
  while (left > 0) {
    const share = <i32>load<i16>(work);
    work += 2;
    // Values up to left + 1, of which the lowest take a bit less.
    const width = 32 - clz(left + 1);
    const short = (1 << width) - 2 - left;
    let value = share + 1;
    const isShort = value < short;
    if (!isShort && value >= 1 << (width - 1)) value += short;
    bits |= (<u64>value) << held;
    held += width - <u32>isShort;
    left -= abs(share);
    if (share === 0) {
      let more: u32 = 0;
      while (load<i16>(work) === 0) {
        work += 2;
        if (++more < 3) continue;
        bits |= (<u64>3) << held;
        held += 2;
        more = 0;
        // At most 64 symbols: no more than 22 times 2 bits, beside 16.
      }
      bits |= (<u64>more) << held;
      held += 2;
    }
    store<u64>(op, bits);
    op += <usize>(held >> 3);
    bits >>= <u64>(held & 0x38);
    held &= 7;
  }
  return op + <usize>((held + 7) >> 3);
}

/**
 * Makes the codes by the shares in the workspace, of which -1 are for symbols that have one state each, from `high` on. `extras` has the number
 * of extra bits of each symbol.
 */
export function makeStates(
  codes: usize,
  symbols: usize,
  accuracy: u32,
  high: usize,
  extras: usize,
  work: usize,
): void {
  store<u32>(codes, accuracy, accuracyAt);
  const size: usize = (<usize>1) << accuracy;
  const step = (size >> 1) + (size >> 3) + 3;
  const spread = work + spreadAt;
  let state: usize = 0;
  let low = size;
  let row: u32 = 0;
  for (let i: usize = 0; i < symbols; i++) {
    const share = <i32>load<i16>(work + (i << 1));
    if (share === 0) continue;
    const states = <u32>abs(share);
    store<u16>(work + (i << 1), <u16>row, rowsAt);
    // From `states << bits` on a state gives away `bits`, below one less.
    const bits = states === 1 ? accuracy : accuracy - (31 - clz(states - 1));
    store<u32>(codes + (i << 3), (bits << 16) - (states << bits), symbolsAt);
    store<u32>(codes + (i << 3), ((row - states) << 8) | <u32>load<u8>(extras + i), symbolsAt + 4);
    row += states;
    if (share < 0) store<u8>(spread + --low, <u8>i);
    for (let left = share; left > 0; left--) {
      store<u8>(spread + state, <u8>i);
      do state = (state + step) & (size - 1);
      while (state >= high);
    }
  }
  for (state = 0; state < size; state++) {
    const rowAt = work + ((<usize>load<u8>(spread + state)) << 1);
    const place = load<u16>(rowAt, rowsAt);
    store<u16>(rowAt, place + 1, rowsAt);
    store<u16>(codes + ((<usize>place) << 1), <u16>(size + state));
  }
}

/** What is known of a symbol. */
export function knownOf(codes: usize, symbol: usize): u64 {
  return load<u64>(codes + (symbol << 3), symbolsAt);
}

export function extraBits(known: u64): u32 {
  return <u32>(known >> 32) & 0xff;
}

/** How many bits `state` gives away before the symbol, which are its lowest. */
export function bitsOut(state: u32, known: u64): u32 {
  return (state + <u32>known) >> 16;
}

/** The state that follows, when `rest` is left of the one before. */
export function nextState(codes: usize, rest: u32, known: u64): u32 {
  return load<u16>(codes + ((<usize>(rest + <u32>(<i64>known >> 40))) << 1));
}

/** The state to begin with, so that the symbol is the first one read from it. */
export function firstState(codes: usize, known: u64): u32 {
  const bits = (<u32>known + 0x8000) >> 16;
  return nextState(codes, ((bits << 16) - <u32>known) >> bits, known);
}
