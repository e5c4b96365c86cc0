/** Where a written dump goes: bytes at offsets, in any order. A file takes them as they are; a flattened stream records them. */
export interface ByteSink {
  /** What the user called it; appears in error messages. */
  readonly name: string;
  /**
   * May bytes be written more than once, so that the later ones count? To a file, yes. Of a stream of records, crash 9.0.2 finds any of
   * those that overlap (store_flat_data_array() and read_flattened_format() in its makedumpfile.c).
   */
  readonly rewritable: boolean;
  /** What is read where nothing was written, before what was: the hole in a new file, or what the device held before. */
  readonly unwritten: 'zeros' | 'unknown';
  /** Writes all of `bytes` at `offset`. */
  write(offset: number, bytes: Uint8Array): void;
}
