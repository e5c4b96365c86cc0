/**
 * From names to the numbers of records that carry them, for tables too large for a Map: two arrays of 32-bit numbers, no object a record.
 * Records are chained by the hash of their name, so that thousands of equal names cost no more than others.
 */

/** FNV-1a over the bytes from `start` up to a NUL. */
function hashAt(bytes: Uint8Array, start: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < bytes.length && bytes[at] !== 0; at++)
    hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash >>> 0;
}

/** Where a record's NUL-terminated name is. */
export interface NamePlaces {
  /** The strings that the name is in. */
  stringsOf(record: number): Uint8Array;
  /** Where in them it begins; -1 leaves the record out. */
  nameOf(record: number): number;
}

export class NameIndex {
  private readonly places: NamePlaces;
  private readonly heads: Uint32Array;
  private readonly next: Uint32Array;

  /** Over records 1 … count - 1. */
  constructor(count: number, places: NamePlaces) {
    this.places = places;
    let slots = 16;
    while (slots < count) slots *= 2;
    this.heads = new Uint32Array(slots);
    this.next = new Uint32Array(Math.max(1, count));
    // Backwards, so that a chain gives records in their order.
    for (let record = count - 1; record > 0; record--) {
      const name = places.nameOf(record);
      if (name < 0) continue;
      const slot = hashAt(places.stringsOf(record), name) & (slots - 1);
      this.next[record] = this.heads[slot]!;
      this.heads[slot] = record;
    }
  }

  /** The records of this name, ascending. */
  *find(name: string): Generator<number> {
    const wanted = new TextEncoder().encode(`${name}\0`);
    const slot = hashAt(wanted, 0) & (this.heads.length - 1);
    for (let record = this.heads[slot]!; record !== 0; record = this.next[record]!)
      if (this.isNamed(record, wanted)) yield record;
  }

  private isNamed(record: number, wanted: Uint8Array): boolean {
    const start = this.places.nameOf(record);
    const strings = this.places.stringsOf(record);
    for (let i = 0; i < wanted.length; i++) if (strings[start + i] !== wanted[i]) return false;
    return true;
  }
}
