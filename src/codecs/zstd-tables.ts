/**
 * The codes by which assembly/zstd-compress.ts writes sequences: finite state entropy (RFC 8878, 4.1), with the same probabilities for every
 * page. They are how often each symbol comes in the memory of a Linux kernel at work.
 */

/** An alphabet of symbols: how many of the 2^accuracy states each has; -1 for one that has a state but is rarer than that. */
export interface Alphabet {
  readonly accuracy: number;
  readonly shares: readonly number[];
}

/** The three alphabets of sequences, in the order of the scratch. */
export interface Codes {
  readonly literalRuns: Alphabet;
  readonly matchLengths: Alphabet;
  readonly offsets: Alphabet;
}

/** What readers know without being told (3.1.1.3.2.2). */
export const knownCodes: Codes = {
  literalRuns: {
    accuracy: 6,
    shares: [
      4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1,
      -1, -1,
    ],
  },
  matchLengths: {
    accuracy: 6,
    shares: [
      1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
      1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
    ],
  },
  offsets: {
    accuracy: 5,
    shares: [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
  },
};

/** Of kernel memory. Symbols that a page of 64 KiB cannot have are left out. */
export const kernelCodes: Codes = {
  literalRuns: {
    accuracy: 8,
    shares: [
      80, 65, 51, 12, 9, 4, 3, 2, 2, 2, 2, 1, 1, 1, -1, -1, 1, 1, -1, -1, 1, -1, 1, -1, -1, -1, -1, -1, -1,
      -1, -1, -1, -1, -1, -1,
    ],
  },
  matchLengths: {
    accuracy: 7,
    shares: [
      -1, 13, 8, 17, 16, 15, 2, 1, 1, 1, 1, 3, 4, 3, -1, -1, -1, -1, -1, -1, 1, 2, -1, -1, -1, -1, -1, 1, -1,
      1, -1, -1, -1, -1, 2, -1, 1, 2, 1, 2, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    ],
  },
  offsets: { accuracy: 6, shares: [34, 2, 1, 2, 2, 3, 3, 3, 3, 3, 2, 1, -1, -1, -1, -1, -1] },
};

/** Bytes of one alphabet's tables, and what is where in them (assembly/zstd-scratch.ts). */
const alphabetBytes = 2048;
const valuesAt = 512;
const descriptionAt = 1920;
const accuracyAt = 2040;
const descriptionLengthAt = 2044;

/** Which symbol each state stands for (4.1.1). */
export function spread({ accuracy, shares }: Alphabet): Uint8Array {
  const size = 1 << accuracy;
  const symbols = new Uint8Array(size);
  let high = size;
  shares.forEach((share, symbol) => {
    if (share === -1) symbols[--high] = symbol;
  });
  const step = (size >> 1) + (size >> 3) + 3;
  let state = 0;
  shares.forEach((share, symbol) => {
    for (let i = 0; i < share; i++) {
      symbols[state] = symbol;
      do state = (state + step) & (size - 1);
      while (state >= high);
    }
  });
  return symbols;
}

/** The alphabet as a block tells it (4.1.1). */
export function describeAlphabet({ accuracy, shares }: Alphabet): Uint8Array {
  let bits = BigInt(accuracy - 5);
  let held = 4n;
  const put = (value: number, count: number): void => {
    bits |= BigInt(value) << held;
    held += BigInt(count);
  };
  let left = 1 << accuracy;
  for (let symbol = 0; left > 0; symbol++) {
    const share = shares[symbol]!;
    // Values up to left + 1, of which the lowest take a bit less.
    const count = 32 - Math.clz32(left + 1);
    const short = (1 << count) - 2 - left;
    const value = share + 1;
    if (value < short) put(value, count - 1);
    else put(value < 1 << (count - 1) ? value : value + short, count);
    left -= Math.abs(share);
    if (share !== 0) continue;
    let more = 0;
    while (shares[symbol + 1 + more] === 0) more++;
    symbol += more;
    for (; more >= 3; more -= 3) put(3, 2);
    put(more, 2);
  }
  return Uint8Array.from({ length: Number((held + 7n) / 8n) }, (_, i) =>
    Number((bits >> BigInt(8 * i)) & 0xffn),
  );
}

/** A value that has a place in the tables: its symbol, and how many of its low bits follow the symbol. */
interface Value {
  readonly symbol: number;
  readonly extra: number;
}

/**
 * Numbers below the last of `bases` one by one, then what has 1, 2, 4, … times as many. Below the first base a number is its own symbol; each
 * base, and each further power of two, begins what one more symbol stands for.
 */
function valuesOf(bases: readonly number[]): Value[] {
  const [first, last] = [bases[0]!, bases.at(-1)!];
  const values = Array.from({ length: first }, (_, symbol): Value => ({ symbol, extra: 0 }));
  let symbol = first;
  for (let i = 0; i + 1 < bases.length; i++, symbol++) {
    const count = bases[i + 1]! - bases[i]!;
    for (let n = 0; n < count; n++) values.push({ symbol, extra: Math.log2(count) });
  }
  for (let extra = Math.log2(last); extra < 16; extra++, symbol++) values.push({ symbol, extra });
  return values;
}

/** Numbers of literals (3.1.1.3.2.1.1), lengths less 3, and offsets, which are told by their bits alone. */
const valuesOfRuns = valuesOf([16, 18, 20, 22, 24, 28, 32, 40, 48, 64]);
const valuesOfLengths = valuesOf([32, 34, 36, 38, 40, 44, 48, 56, 64, 80, 96, 128]);
const valuesOfOffsets = Array.from({ length: 17 }, (_, bits): Value => ({ symbol: bits, extra: bits }));

function putAlphabet(into: DataView, alphabet: Alphabet, values: readonly Value[]): void {
  const { accuracy, shares } = alphabet;
  const size = 1 << accuracy;
  // States of a symbol, ascending, are in a row; where each symbol's row begins.
  const rows: number[] = [];
  let before = 0;
  for (const share of shares) {
    rows.push(before);
    before += Math.abs(share);
  }
  values.forEach(({ symbol, extra }, i) => {
    // From `count << bits` on a state gives away `bits`, below one less.
    const count = Math.abs(shares[symbol]!);
    const bits = count === 1 ? accuracy : accuracy - (31 - Math.clz32(count - 1));
    into.setUint32(valuesAt + 8 * i, bits * 0x10000 - (count << bits), true);
    into.setInt32(valuesAt + 8 * i + 4, ((rows[symbol]! - count) << 8) | extra, true);
  });
  spread(alphabet).forEach((symbol, state) => {
    into.setUint16(2 * rows[symbol]!, size + state, true);
    rows[symbol]!++;
  });
  const description = describeAlphabet(alphabet);
  new Uint8Array(into.buffer, into.byteOffset + descriptionAt).set(description);
  into.setUint32(accuracyAt, accuracy, true);
  into.setUint32(descriptionLengthAt, description.length, true);
}

export const zstdTablesBytes = 6 * alphabetBytes;

/** All that assembly/zstd-scratch.ts names, in its order. */
export function zstdTables(): Uint8Array {
  const tables = new Uint8Array(zstdTablesBytes);
  let at = 0;
  const put = (alphabet: Alphabet, values: readonly Value[]): void => {
    putAlphabet(new DataView(tables.buffer, at, alphabetBytes), alphabet, values);
    at += alphabetBytes;
  };
  for (const codes of [knownCodes, kernelCodes]) {
    put(codes.literalRuns, valuesOfRuns);
    put(codes.matchLengths, valuesOfLengths);
    put(codes.offsets, valuesOfOffsets);
  }
  return tables;
}
