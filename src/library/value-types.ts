/**
 * What variables and members of the crashed kernel are in JavaScript. This file is a part of the public interface: docs/library.md.
 *
 *   integer of up to 4 bytes, enum, bit field    number
 *   integer of 8 bytes                           bigint
 *   bool                                         boolean
 *   char array, pointer to char                  string, up to its NUL
 *   structure, union                             KernelObject
 *   pointer to a structure                       the KernelObject it points to: pointers are followed by themselves
 *   array                                        KernelArray
 *   pointer to anything else                     KernelPointer: p[0], p[1], ...
 *   pointer to void, to a function, to nothing known   bigint
 *   null pointer                                 null
 */

import { VmcoreError } from '../base/errors.ts';
import type { KnownVariables } from '../kernel/types/variables.ts';

export type KernelValue =
  | number
  | bigint
  | boolean
  | string
  | null
  | KernelObject
  | KernelArray
  | KernelPointer;

/** What every structure, array and pointer tells of itself. No name in C begins with "$", so none of these hides a member. */
export interface Described {
  /** Where it lies; of a pointer, where it points. */
  readonly $address: bigint;
  /** As C writes it: "struct task_struct". */
  readonly $type: string;
}

interface DescribedObject extends Described {
  /** Bytes. */
  readonly $size: number;
  /** The address of a member, also of one that is a number: $addressOf('pid'), $addressOf('se.vruntime'). */
  $addressOf(path: string): bigint;
  /** What a pointer holds, followed or not: 0n for a null pointer. */
  $pointer(path: string): bigint;
}

/** Members by their C names. */
export interface AnyMembers {
  readonly [member: string]: KernelValue;
}

/**
 * A structure or union in the dump: `task.comm`, `task.mm?.pgd`, `'__state' in task`, `Object.keys(task)`. A name that is no member of it throws, with the
 * names that are close. `Members` is what a program knows of it; what it says is believed.
 *
 * `address` and `type` are the same as $address and $type where no member has these names.
 */
export type KernelObject<Members = AnyMembers> = Members & DescribedObject;

export type KernelArray = readonly KernelValue[] & Described;

/** As in C it has no end: what is behind its target is there, or throws E_UNREADABLE. */
export type KernelPointer = { readonly [index: number]: KernelValue } & Described;

type Narrow =
  | `${'' | 'signed ' | 'unsigned '}${'char' | 'short' | 'int'}`
  | 'unsigned'
  | `${'' | '__'}${'u' | 's'}${8 | 16 | 32}`
  | `enum ${string}`;
type Wide = `${'' | 'unsigned '}${'long' | 'long long'}` | `${'' | '__'}${'u' | 's'}64` | 'size_t';

/** What a C type is in JavaScript, as far as its name tells: a KernelObject for "struct page", a bigint for "unsigned long". */
export type ValueOf<Type extends string> = string extends Type
  ? KernelValue
  : Type extends `${string}][${string}`
    ? KernelArray
    : Type extends `${'char' | 'unsigned char'}[${string}`
      ? string
      : Type extends `${string}]`
        ? KernelArray
        : Type extends 'char *' | 'unsigned char *'
          ? string | null
          : Type extends `${string}**`
            ? KernelPointer | null
            : Type extends `${'struct' | 'union'} ${string}*`
              ? KernelObject | null
              : Type extends `${'struct' | 'union'} ${string}`
                ? KernelObject
                : Type extends Narrow
                  ? number
                  : Type extends Wide
                    ? bigint
                    : Type extends 'bool' | '_Bool'
                      ? boolean
                      : KernelValue;

/** The same of a global variable by its name: a KernelObject for "init_task". */
export type VariableOf<Name extends string> = Name extends keyof KnownVariables
  ? ValueOf<KnownVariables[Name]>
  : KernelValue;

/** An address, or what has one. */
export type AddressLike = bigint | Described;

/** E_USAGE when it is neither: JavaScript's numbers are too short for addresses, and null pointers are null. */
export function addressOf(place: AddressLike): bigint {
  if (typeof place === 'bigint') return place;
  const known: unknown = typeof place === 'object' && place !== null ? place.$address : undefined;
  if (typeof known === 'bigint') return known;
  throw new VmcoreError('E_USAGE', `${String(place)} is not an address`, {
    hint: 'addresses are written as 0xffff888000000000n, or are structures of the dump',
  });
}
