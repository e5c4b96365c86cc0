/**
 * A vmlinux of a few kilobytes that looks like one to everything that reads symbols, types and the image: from the structures, enums,
 * symbols and memory that a test names.
 */
import { BtfBuilder } from './btf-bytes.ts';
import { concat, noteBytes } from './elf-file.ts';
import { elfProgram, type SymbolSpec } from './elf-program.ts';

/** Members by name: a byte offset, or an offset with the type of the member. */
export interface StructSpec {
  readonly size: number;
  readonly members: Readonly<Record<string, number | MemberSpec>>;
}

export interface MemberSpec {
  readonly at: number;
  /** Name of a struct given before. */
  readonly struct?: string;
  /** A char array of this length. */
  readonly length?: number;
}

export interface Types {
  readonly structs: Readonly<Record<string, StructSpec>>;
  readonly enums?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Typedefs of anonymous structures. */
  readonly typedefs?: Readonly<Record<string, StructSpec>>;
}

export interface VmlinuxSpec {
  readonly machine?: number;
  readonly types: Types;
  readonly symbols: readonly SymbolSpec[];
  /** Link address and bytes of the image. */
  readonly image: { readonly address: bigint; readonly bytes: Uint8Array };
  readonly buildId?: Uint8Array;
}

export function btfOf({ structs, enums = {}, typedefs = {} }: Types): Uint8Array {
  const builder = new BtfBuilder();
  const ids = new Map<string, number>();
  const char = builder.int('char', 1);
  const add = (name: string, { size, members }: StructSpec): number => {
    const list = Object.entries(members).map(([member, place]) => {
      const { at, struct, length } = typeof place === 'number' ? ({ at: place } as MemberSpec) : place;
      const type =
        struct !== undefined ? ids.get(struct)! : length !== undefined ? builder.array(char, length) : char;
      return { name: member, type, at: at * 8 };
    });
    return builder.struct(name, size, list);
  };
  for (const [name, spec] of Object.entries(structs)) ids.set(name, add(name, spec));
  for (const [name, spec] of Object.entries(typedefs)) builder.typedef(name, add('', spec));
  for (const [name, values] of Object.entries(enums)) builder.enumeration(name, values);
  return builder.bytes();
}

export function smallVmlinux({ machine = 62, types, symbols, image, buildId }: VmlinuxSpec): Uint8Array {
  const notes =
    buildId === undefined ? [] : [{ name: '.notes', type: 7, data: noteBytes('GNU', 3, buildId) }];
  return elfProgram({
    machine,
    symbols,
    sections: [
      { name: '.text', address: image.address, data: concat(image.bytes) },
      { name: '.BTF', data: btfOf(types) },
      ...notes,
    ],
  });
}
