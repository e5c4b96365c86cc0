/** Flattened device trees put together by hand, from the tables of the specification: independent of the writer, and as broken as wanted. */

/** A number is a 32-bit cell; text is its bytes, a NUL and padding to 4. */
export type Token = number | string;

export interface BlobParts {
  readonly structure: readonly Token[];
  /** Names with a NUL behind each. */
  readonly strings: string;
  readonly reservations?: readonly bigint[];
  readonly version?: number;
  readonly lastCompatible?: number;
  readonly bootCpu?: number;
}

/** The blocks follow each other without gaps; the list of reservations is given with its end. */
export function fdtBlob(parts: BlobParts): Uint8Array {
  const { version = 17, lastCompatible = 16, bootCpu = 0, reservations = [0n, 0n] } = parts;
  const structure = bytesOf(parts.structure);
  const strings = Buffer.from(parts.strings, 'latin1');
  const structureAt = 40 + 8 * reservations.length;
  const stringsAt = structureAt + structure.length;
  const total = stringsAt + strings.length;
  const header = [0xd00dfeed, total, structureAt, stringsAt, 40, version, lastCompatible, bootCpu];
  const blocks = [
    bytesOf([...header, strings.length, structure.length]),
    ...reservations.map((value) => bytesOf([Number(value >> 32n), Number(value & 0xffff_ffffn)])),
    structure,
    strings,
  ];
  return new Uint8Array(Buffer.concat(blocks));
}

export function bytesOf(tokens: readonly Token[]): Buffer {
  return Buffer.concat(
    tokens.map((token) => {
      if (typeof token === 'string')
        return Buffer.from(token + '\0'.repeat(4 - (token.length % 4)), 'latin1');
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(token);
      return bytes;
    }),
  );
}
