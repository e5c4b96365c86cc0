/** What dumps are opened from. */

/** One file of a dump. */
export type DumpPart = string | URL | Blob | Uint8Array;

/**
 * A path or an address ("vmcore", "https://host/vmcore", new URL('file:///var/crash/vmcore')), a Blob, the bytes themselves, or all files of a split dump.
 * In Node "/proc/kcore" is the running kernel; in a browser strings are addresses.
 */
export type DumpInput = DumpPart | readonly DumpPart[];

export interface OpenDumpOptions {
  /** Of a file that ends before it should: an error (the default), or read what is there. */
  readonly cutShort?: 'refuse' | 'accept';
}

/** Of the library in Node. */
export interface OpenFileOptions extends OpenDumpOptions {
  /** The path of the kernel's vmlinux with debug information, for what the dump does not tell: types of all variables, kernels without BTF. */
  readonly vmlinux?: string;
  /** A folder with the same of modules: NAME.ko or NAME.ko.debug anywhere below. */
  readonly debugModules?: string;
}

export const partsOf = (input: DumpInput): readonly DumpPart[] =>
  typeof input === 'string' || input instanceof URL || input instanceof Blob || input instanceof Uint8Array
    ? [input]
    : input;
