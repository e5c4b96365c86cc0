/**
 * What the trampoline is told: a block of data that follows its code, at a multiple of 64, little-endian on both machines.
 *
 *     struct parameters        header, 72 bytes
 *     the messages             ASCII, one after the other
 *     struct check[n]          128 bytes each, the last one is of everything before itself: code, header, messages and other checks
 *
 * The sources (x86_64.S, arm64.S) name the same offsets with .set; a test compares them.
 */

/** struct parameters. "From here" is from the start of this struct. */
export const parametersLayout = {
  /** u64: physical address that is jumped to. */
  kernelEntry: 0,
  /** u64: what the kernel finds in rsi (boot_params) or x0 (device tree). */
  argument: 8,
  /** u64: I/O port or physical address of the console's first register. */
  consoleAddress: 16,
  /** u32: see consoleKinds. */
  consoleKind: 24,
  /** u32: 8250 in memory: register n is at n << shift; 0: one byte wide, 2: 32 bits wide. */
  consoleShift: 28,
  /** u32: how many checks; 0: the kernel is entered unseen. */
  checkCount: 32,
  /** u32: where the last check ends, from here. */
  checksEnd: 36,
  /** u32, x86_64: end of the stack, from here. */
  stackTop: 40,
  /** u32, x86_64: pages of zeros, from here, for page tables that the console needs. */
  sparePages: 44,
  /** u32: 1: the CPU has instructions for SHA-256. */
  shaInstructions: 48,
  /** u32, u64, u64, x86_64: so many words of 8 bytes are copied before the jump, and from where to where. */
  movedWords: 52,
  movedFrom: 56,
  movedTo: 64,
} as const;
export const sizeofParameters = 72;

/** struct check: a piece of memory and what it must be. */
export const checkLayout = {
  /** u64: physical, a multiple of 64. */
  address: 0,
  /** u64: its size in blocks of 64 bytes, not 0. */
  blocks: 8,
  /** u32: what to print when it differs: where, from struct parameters, and how many bytes. */
  message: 16,
  messageLength: 20,
  /** 8 u32: the SHA-256 as words; x86_64 in the order of the SHA instructions' registers: f e b a h g d c. */
  digest: 32,
  /** 64 bytes: the padding that ends the message of SHA-256, which is a block of its own. */
  lastBlock: 64,
} as const;
export const sizeofCheck = 128;

export const consoleKinds = { none: 0, port: 1, mmio8250: 2, pl011: 3 } as const;

/** SHA-256's last block for a message of a whole number of blocks: a one, zeros, its length in bits (FIPS 180-4, 5.1.1). */
export function lastBlock(blocks: number): Uint8Array {
  const block = new Uint8Array(64);
  block[0] = 0x80;
  new DataView(block.buffer).setBigUint64(56, BigInt(blocks) * 512n);
  return block;
}
