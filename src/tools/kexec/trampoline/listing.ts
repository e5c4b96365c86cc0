/**
 * The form in which machine code is kept: one line an instruction, with its address in the code, its bytes in memory order and the line
 * of assembly that it comes from.
 *
 *     0002 488d2d77080000   lea parameters(%rip), %rbp
 *
 * A long piece of data takes several lines. Lines without bytes (labels) keep their place, for the reader.
 */

/** One line of assembly and where its bytes begin; it ends where the next one begins. */
export interface ListedLine {
  readonly address: number;
  readonly source: string;
}

const bytesPerLine = 16;

/** The bytes of a listing. Addresses are checked: the lines must follow each other without a gap. */
export function codeOf(listing: string): Uint8Array {
  const bytes: number[] = [];
  for (const line of listing.split('\n')) {
    const [, address, hex] = /^([0-9a-f]{4}) ((?:[0-9a-f]{2})+)(?: |$)/.exec(line) ?? [];
    if (address === undefined || hex === undefined) continue;
    if (Number.parseInt(address, 16) !== bytes.length)
      throw new Error(`the listing has a gap before: ${line}`);
    for (const byte of hex.match(/../g) ?? []) bytes.push(Number.parseInt(byte, 16));
  }
  return Uint8Array.from(bytes);
}

/** `lines` in the order of their addresses; of lines at one address the last has the bytes. */
export function formatListing(code: Uint8Array, lines: readonly ListedLine[]): string {
  const texts: string[] = [];
  lines.forEach(({ address, source }, index) => {
    const end = lines[index + 1]?.address ?? code.length;
    if (address === end) texts.push(`${hexAddress(address)}${' '.repeat(18)}${source}`.trimEnd());
    for (let at = address; at < end; at += bytesPerLine) {
      const hex = Buffer.from(code.subarray(at, Math.min(end, at + bytesPerLine))).toString('hex');
      const text = at === address ? source : '';
      texts.push(`${hexAddress(at)} ${hex.padEnd(16)} ${text}`.trimEnd());
    }
  });
  return texts.join('\n');
}

const hexAddress = (address: number): string => address.toString(16).padStart(4, '0');
