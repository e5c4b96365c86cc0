/**
 * The kernel's structures as TypeScript declares them, for programs that want each member checked: what values.ts makes of a member is what is declared of it.
 */
import { typeName } from '../kernel/types/type-names.ts';
import { type Member, type StructType, type Type, unaliased } from '../kernel/types/types.ts';
import { isText } from './values.ts';

/** Deeper anonymous structures than any compiler makes. */
const maxDepth = 16;
/** Names of structures that TypeScript does not take. */
const reserved: ReadonlySet<string> = new Set([
  'class',
  'enum',
  'function',
  'import',
  'new',
  'super',
  'this',
]);

/** Declarations of all these structures, each an interface of the structure's name; members of other structures are KernelObjects. */
export function declarationsOf(structs: readonly StructType[], of: string): string {
  const names = new Map(structs.map((struct) => [struct.name, interfaceName(struct.name)]));
  const interfaces = structs.map((struct) => {
    const about = `/** ${typeName(struct)} of ${of}, ${struct.size} bytes. */`;
    return `${about}\nexport interface ${interfaceName(struct.name)} {\n${membersText(struct, names, '  ', 0)}}\n`;
  });
  return `import type { KernelArray, KernelObject, KernelPointer } from 'vmcore';\n\n${interfaces.join('\n')}`;
}

const interfaceName = (name: string): string => (reserved.has(name) ? `${name}_` : name);

type Names = ReadonlyMap<string, string>;

/** A line each. Members of anonymous structures are the structure's own, as in C. */
function membersText(struct: StructType, names: Names, indent: string, depth: number): string {
  const lines = new Map<string, string>();
  const collect = (members: readonly Member[], within: number): void => {
    for (const member of members) {
      const resolved = member.name === '' ? unaliased(member.type()) : undefined;
      if (resolved === undefined)
        lines.set(
          member.name,
          `${indent}readonly ${member.name}: ${typeText(member.type(), names, indent, depth)};\n`,
        );
      else if ((resolved.kind === 'struct' || resolved.kind === 'union') && within < maxDepth)
        collect(resolved.members(), within + 1);
    }
  };
  collect(struct.members(), 0);
  return [...lines.values()].join('');
}

function typeText(type: Type, names: Names, indent: string, depth: number): string {
  const resolved = unaliased(type);
  switch (resolved.kind) {
    case 'base':
      if (resolved.encoding === 'boolean') return 'boolean';
      return resolved.size >= 8 && resolved.encoding !== 'float' ? 'bigint' : 'number';
    case 'enum':
      return 'number';
    case 'struct':
    case 'union':
      return objectText(resolved, names, indent, depth);
    case 'array': {
      if (isText(resolved.element())) return 'string';
      const element = typeText(resolved.element(), names, indent, depth);
      return `readonly ${/^[\w]+(<\w+>)?$/.test(element) ? element : `(${element})`}[] & KernelArray`;
    }
    case 'pointer':
      return `${pointerText(resolved.target(), names, indent, depth)} | null`;
    case 'opaque':
      return 'KernelObject';
  }
}

function pointerText(target: Type, names: Names, indent: string, depth: number): string {
  const to = unaliased(target);
  if (to.kind === 'struct' || to.kind === 'union') return objectText(to, names, indent, depth);
  // Declared only where the pointer is: what it is shows when it is read.
  if (to.kind === 'opaque') return to.name === '' || to.name === 'void' ? 'bigint' : 'KernelObject | bigint';
  return isText(target) ? 'string' : 'KernelPointer';
}

function objectText(struct: StructType, names: Names, indent: string, depth: number): string {
  if (struct.name !== '') {
    const known = names.get(struct.name);
    return known === undefined ? 'KernelObject' : `KernelObject<${known}>`;
  }
  if (depth >= maxDepth) return 'KernelObject';
  return `KernelObject<{\n${membersText(struct, names, `${indent}  `, depth + 1)}${indent}}>`;
}
