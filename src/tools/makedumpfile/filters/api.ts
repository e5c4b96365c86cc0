/**
 * What a filter module of `makedumpfile --filter FILE.ts` is given. This file is the public interface: docs/filters.md is made of it, and examples
 * are in examples/filters.
 *
 * Addresses are bigint, sizes and offsets are bytes. Members are named as in C, through embedded structures and with indices:
 * "uts_namespace" has "name.nodename", "task_struct" has "comm" and "cpus_mask.bits[0]". Pointers are followed only when asked (`follow`).
 *
 * What is asked for and not there throws, and the dump is not made: a secret that a filter did not find must not be
 * written. Ask first (`findSymbol`, `hasStruct`, `has`) where a kernel may be without it.
 */

/** The default export of a filter module. Called once, before anything is written. */
export type Filter = (kernel: FilterKernel, output: FilterOutput) => void | Promise<void>;

/** The crashed kernel, for reading. */
export interface FilterKernel {
  /** As `uname -r` says. */
  readonly release: string;
  readonly arch: 'x86_64' | 'arm64';
  /** Bytes. */
  readonly pageSize: number;

  /** The address of a symbol of vmlinux (kallsyms, vmcoreinfo). Throws when there is none. Those of a module are asked of `module(name)`. */
  symbol(name: string): bigint;
  findSymbol(name: string): bigint | undefined;
  /** The symbol that an address of the kernel image or of a module belongs to, and how far into it. */
  symbolAt(
    address: bigint,
  ): { readonly name: string; readonly offset: bigint; readonly module?: string } | undefined;

  /** The modules that were loaded, the last loaded first. */
  modules(): readonly FilterModule[];
  /** Undefined when no module of this name was loaded. */
  module(name: string): FilterModule | undefined;

  /** A structure of this type at an address: `kernel.struct('task_struct', kernel.symbol('init_task'))`. Throws when the type is not known. */
  struct(type: string, address: bigint): StructView;
  hasStruct(type: string): boolean;

  /** Throws when not all of the bytes are in the vmcore. */
  read(address: bigint, length: number): Uint8Array;
  /** Undefined when not all of the bytes are in the vmcore: they may have been filtered out before. */
  tryRead(address: bigint, length: number): Uint8Array | undefined;
  u32(address: bigint): number;
  u64(address: bigint): bigint;
  /** Bytes up to a NUL, one character a byte; at most `max` (4096 when not told). */
  string(address: bigint, max?: number): string;

  /** Where a per-CPU variable is, for each CPU that can be: `perCpu('runqueues')`. */
  perCpu(name: string): readonly bigint[];

  /**
   * The structures in a list, by the address of its `struct list_head` and the member that links them:
   * `kernel.list(kernel.symbol('modules'), 'module', 'list')`. Throws when the list does not come back to its head.
   */
  list(head: bigint, type: string, member: string): Iterable<StructView>;
  /** The same for a `struct hlist_head`. */
  hlist(head: bigint, type: string, member: string): Iterable<StructView>;
  /** The `task_struct` of every thread of every process, but for the idle ones. */
  eachTask(): Iterable<StructView>;

  /**
   * Bytes of a process, by its `task_struct` and an address of its own. What is not in the vmcore (swapped out, not mapped, left out) reads as
   * undefined.
   */
  readUser(task: StructView, address: bigint, length: number): Uint8Array | undefined;
}

/** A module that was loaded. */
export interface FilterModule {
  readonly name: string;
  /** Where its code and data are: what `dropPages` takes. */
  readonly memory: readonly { readonly from: bigint; readonly to: bigint }[];

  /** The address of one of its own symbols. Throws when there is none. */
  symbol(name: string): bigint;
  findSymbol(name: string): bigint | undefined;

  /** A structure of one of its own types, or of vmlinux's, at an address. */
  struct(type: string, address: bigint): StructView;
  hasStruct(type: string): boolean;
}

/** A structure or union in the crashed kernel's memory. Nothing is read before it is asked for. */
export interface StructView {
  /** Its tag. */
  readonly type: string;
  readonly address: bigint;
  readonly size: number;

  has(path: string): boolean;
  addressOf(path: string): bigint;
  sizeOf(path: string): number;

  /** Integers, booleans, enums and bit fields of any size, with their sign. Throws when a number cannot hold it: use `u64`. */
  number(path: string): number;
  /** Integers and pointers, as an unsigned 64-bit value. */
  u64(path: string): bigint;
  /** A pointer; 0n is null. */
  pointer(path: string): bigint;
  /** An array of char up to its first NUL, or what a `char *` points to. */
  string(path: string): string;
  bytes(path: string): Uint8Array;

  /** An embedded structure: `view.struct('signal')`, `view.struct('mem[1]')`. */
  struct(path: string): StructView;
  /** The structure that a pointer points to; undefined when it is null. */
  follow(path: string): StructView | undefined;
}

/**
 * What the filter wants of the dump. All of it is about the copy: the vmcore stays as it is. A range that is not in the vmcore, or not mapped, is
 * reported and stops nothing.
 *
 * Who decides about a page: poisoned and offline pages are never read; then `keep…` wins; then the dump level; then `drop…`.
 */
export interface FilterOutput {
  /** Overwrites bytes with X. `label` is how the dump will tell of it ("erase LABEL size N"). */
  erase(address: bigint, length: number, label: string): void;
  /** Overwrites a member with X; of a pointer, the pointer itself. */
  eraseMember(view: StructView, path: string): void;
  /** Overwrites what a `char *` member points to, up to its NUL. */
  eraseString(view: StructView, path: string): void;
  /** Makes a pointer member null. */
  nullify(view: StructView, path: string): void;

  /** Leaves out the page of an address. */
  dropPage(address: bigint): void;
  /** Leaves out all pages that lie wholly in [from, to). */
  dropPages(from: bigint, to: bigint): void;
  /** Puts in all pages that [from, to) touches, whatever the dump level says. */
  keepPages(from: bigint, to: bigint): void;

  /** The same for memory of a process, by its `task_struct` and its own addresses. Nothing happens for threads of the kernel. */
  eraseUser(task: StructView, address: bigint, length: number, label: string): void;
  keepUser(task: StructView, from: bigint, to: bigint): void;

  /** A line for the person who runs makedumpfile. */
  note(text: string): void;
}
