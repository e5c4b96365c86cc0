/** Where a written dump goes: bytes at offsets, in any order. A file takes them as they are; a flattened stream records them. */
export interface ByteSink {
  /** What the user called it; appears in error messages. */
  readonly name: string;
  /** Writes all of `bytes` at `offset`. */
  write(offset: number, bytes: Uint8Array): void;
}
