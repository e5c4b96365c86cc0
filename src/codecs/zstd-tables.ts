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
const alphabetBytes = 1024;
const symbolsAt = 512;
const descriptionAt = 944;
const accuracyAt = 1016;
const descriptionLengthAt = 1020;

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

function putAlphabet(into: DataView, alphabet: Alphabet): void {
  const { accuracy, shares } = alphabet;
  const size = 1 << accuracy;
  // States of a symbol, ascending, are in a row; where each symbol's row begins.
  const rows: number[] = [];
  let before = 0;
  shares.forEach((share, symbol) => {
    const count = Math.abs(share);
    rows.push(before);
    // From `count << bits` on a state gives away `bits`, below one less.
    const bits = count <= 1 ? accuracy : accuracy - (31 - Math.clz32(count - 1));
    into.setUint32(symbolsAt + 8 * symbol, bits * 0x10000 - (count << bits), true);
    into.setInt32(symbolsAt + 8 * symbol + 4, before - count, true);
    before += count;
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

/** Symbols of literal runs below 64 (3.1.1.3.2.1.1): what each stands for begins here, from 16 on. */
const runBases = [16, 18, 20, 22, 24, 28, 32, 40, 48, 64] as const;
/** Symbols of match lengths less 3, below 128, from 32 on. */
const lengthBases = [32, 34, 36, 38, 40, 44, 48, 56, 64, 80, 96, 128] as const;

/** A u16 for each number below the last of `bases`: its symbol, and above it its extra bits. Below the first one symbols are the numbers. */
function smallNumbers(bases: readonly number[]): Uint16Array {
  const table = Uint16Array.from({ length: bases.at(-1)! }, (_, i) => i);
  for (let i = 0; i + 1 < bases.length; i++) {
    const extra = Math.log2(bases[i + 1]! - bases[i]!);
    table.fill((bases[0]! + i) | (extra << 8), bases[i]!, bases[i + 1]!);
  }
  return table;
}

export const zstdTablesBytes = 6 * alphabetBytes + 2 * (64 + 128);

/** All that assembly/zstd-scratch.ts names, in its order. */
export function zstdTables(): Uint8Array {
  const alphabets = [knownCodes, kernelCodes].flatMap((codes) => [
    codes.literalRuns,
    codes.matchLengths,
    codes.offsets,
  ]);
  const tables = new Uint8Array(zstdTablesBytes);
  alphabets.forEach((alphabet, i) => {
    putAlphabet(new DataView(tables.buffer, i * alphabetBytes, alphabetBytes), alphabet);
  });
  const small = new Uint16Array(tables.buffer, alphabets.length * alphabetBytes);
  small.set(smallNumbers(runBases));
  small.set(smallNumbers(lengthBases), 64);
  return tables;
}
