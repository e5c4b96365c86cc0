/**
 * Types and how C writes them, both ways: "struct list_head *next", "unsigned long[4]", and the type that such a name means.
 *
 * Type sources do not keep const and volatile apart from other aliases: they are not shown. Basic types are those of LP64 Linux, which need no source.
 */
import type { BaseType, Signature, Type } from './types.ts';

/** Who knows types by their names; several are asked in turn. */
export interface NamedTypes {
  struct(name: string): Type | undefined;
  enumeration(name: string): Type | undefined;
  typedef(name: string): Type | undefined;
}

/** Deeper than any declaration: types of a smashed source can go round. */
const maxDepth = 16;

/** As in a cast: "struct task_struct *". */
export const typeName = (type: Type): string => declaration(type, '');

/** As in a structure: declaration(type, 'children') gives "struct list_head children". Empty structures and enums are "struct {...}". */
export const declaration = (type: Type, name: string): string => declare(type, name, 0);

function declare(type: Type, name: string, depth: number): string {
  if (depth > maxDepth) return `... ${name}`;
  switch (type.kind) {
    case 'base':
      return join(type.name, name);
    case 'pointer': {
      const target = type.target();
      const isGrouped = isFunction(target) || target.kind === 'array';
      return declare(target, isGrouped ? `(*${name})` : `*${name}`, depth + 1);
    }
    case 'array':
      return declare(type.element(), `${name}[${type.length === 0 ? '' : type.length}]`, depth + 1);
    case 'struct':
    case 'union':
    case 'enum':
      return join(type.name === '' ? `${type.kind} {...}` : `${type.kind} ${type.name}`, name);
    case 'alias':
      return type.name === '' ? declare(type.target(), name, depth + 1) : join(type.name, name);
    case 'opaque':
      if (type.signature !== undefined) return declareFunction(type.signature(), name, depth + 1);
      if (type.name === 'void') return join('void', name);
      // A function, or a structure that is only declared.
      return type.name === '' ? `void ${name}()` : join(`struct ${type.name}`, name);
  }
}

function declareFunction({ returns, parameters }: Signature, name: string, depth: number): string {
  const list = parameters.map((parameter) =>
    parameter.type === undefined ? '...' : declare(parameter.type, parameter.name, depth),
  );
  return declare(returns, `${name}(${list.length === 0 ? 'void' : list.join(', ')})`, depth);
}

const isFunction = (type: Type): boolean =>
  type.kind === 'opaque' && (type.signature !== undefined || type.name === '');

const join = (type: string, name: string): string =>
  name === '' ? type : name.startsWith('[') ? `${type}${name}` : `${type} ${name}`;

const base = (name: string, size: number, encoding: BaseType['encoding']): readonly [string, Type] => [
  name,
  { kind: 'base', name, size, encoding },
];
/** By every name that C has for them. */
const basicTypes: ReadonlyMap<string, Type> = new Map<string, Type>([
  ['void', { kind: 'opaque', name: 'void' }],
  base('char', 1, 'signed'),
  base('signed char', 1, 'signed'),
  base('unsigned char', 1, 'unsigned'),
  base('short', 2, 'signed'),
  base('short int', 2, 'signed'),
  base('unsigned short', 2, 'unsigned'),
  base('short unsigned int', 2, 'unsigned'),
  base('int', 4, 'signed'),
  base('unsigned', 4, 'unsigned'),
  base('unsigned int', 4, 'unsigned'),
  base('long', 8, 'signed'),
  base('long int', 8, 'signed'),
  base('unsigned long', 8, 'unsigned'),
  base('long unsigned int', 8, 'unsigned'),
  base('long long', 8, 'signed'),
  base('long long int', 8, 'signed'),
  base('unsigned long long', 8, 'unsigned'),
  base('long long unsigned int', 8, 'unsigned'),
  base('_Bool', 1, 'boolean'),
  base('bool', 1, 'boolean'),
]);

/**
 * The type that a C name means: "struct page", "page", "enum zone_type", "atomic_t", "unsigned long", "struct list_head *", "char[16]". Undefined when it
 * is of no known form, or `types` does not know it.
 */
export function typeOfName(types: NamedTypes, text: string): Type | undefined {
  const match = /^\s*(.*?)\s*((?:\*\s*)*)((?:\[\s*\d{1,9}\s*\]\s*)*)$/.exec(
    text.replace(/\b(?:const|volatile)\b/g, ' '),
  );
  if (match === null) return undefined;
  const [, word = '', stars = '', dimensions = ''] = match;
  let type = plainType(types, word.replace(/\s+/g, ' '));
  for (const _ of stars.matchAll(/\*/g)) type = type && pointerTo(type);
  for (const [, length] of [...dimensions.matchAll(/\[\s*(\d+)/g)].reverse())
    type = type && arrayOf(type, Number(length));
  return type;
}

export const pointerTo = (target: Type): Type => ({ kind: 'pointer', size: 8, target: () => target });
const arrayOf = (element: Type, length: number): Type => ({ kind: 'array', length, element: () => element });

function plainType(types: NamedTypes, word: string): Type | undefined {
  const [first, second, ...others] = word.split(' ');
  if (second === undefined || others.length > 0 || !['struct', 'union', 'enum'].includes(first!)) {
    return (
      basicTypes.get(word) ??
      (word.includes(' ') || word === ''
        ? undefined
        : (types.struct(word) ?? types.typedef(word) ?? types.enumeration(word)))
    );
  }
  if (first === 'enum') return types.enumeration(second);
  const found = types.struct(second);
  return found?.kind === first ? found : undefined;
}
