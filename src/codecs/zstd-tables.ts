/**
 * The constants of zstd (RFC 8878) that the compressor, assembly/zstd-compress.ts, has in its scratch: WebAssembly of ours has no data of its
 * own.
 */

/** An alphabet of sequences. */
interface Alphabet {
  /** The first number of each symbol that stands for several, and as many extra bits as that takes (3.1.1.3.2.1.1). */
  readonly bases: readonly number[];
  /** How many states each symbol has in the codes that every reader knows; -1 for one at the end (3.1.1.3.2.2). */
  readonly shares: readonly number[];
}

const literalRuns: Alphabet = {
  bases: [16, 18, 20, 22, 24, 28, 32, 40, 48, 64],
  shares: [
    4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1,
    -1, -1,
  ],
};

const matchLengths: Alphabet = {
  bases: [32, 34, 36, 38, 40, 44, 48, 56, 64, 80, 96, 128],
  shares: [
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
  ],
};

/** Of offsets only the bits are told. */
const offsets: Alphabet = {
  bases: [],
  shares: [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
};

/** The symbol of each number below the last of `bases`: below the first one it is the number. */
function symbolsOf(bases: readonly number[]): number[] {
  return Array.from({ length: bases.at(-1)! }, (_, value) =>
    value < bases[0]! ? value : bases[0]! - 1 + bases.filter((base) => base <= value).length,
  );
}

/** How many bits follow each symbol. */
function extrasOf({ bases, shares }: Alphabet): number[] {
  const first = bases[0];
  if (first === undefined) return shares.map((_, symbol) => symbol);
  const last = bases.at(-1)!;
  return shares.map((_, symbol) => {
    const i = symbol - first;
    if (i < 0) return 0;
    const next = bases[i + 1];
    return next === undefined ? Math.log2(last) + i + 1 - bases.length : Math.log2(next - bases[i]!);
  });
}

/** All that assembly/zstd-scratch.ts calls constants, in its order. */
export function zstdConstants(): Int8Array {
  const places = 56;
  const alphabets = [literalRuns, offsets, matchLengths];
  const constants = new Int8Array(64 + 128 + 2 * 3 * places);
  constants.set(symbolsOf(literalRuns.bases));
  constants.set(symbolsOf(matchLengths.bases), 64);
  alphabets.forEach((alphabet, i) => {
    constants.set(extrasOf(alphabet), 192 + i * places);
    constants.set(alphabet.shares, 192 + (3 + i) * places);
  });
  return constants;
}
