/**
 * What one TypeScript file reaches for: its imports of every kind, and the globals that only Node has.
 *
 * Read from the syntax tree that rolldown's parser (oxc, ESTree with TypeScript nodes) makes, so that comments, strings
 * and templates cannot be mistaken for imports.
 */
import { parseSync } from 'rolldown/utils';

export interface Import {
  /** As written; undefined for an import() of a computed name. */
  readonly specifier: string | undefined;
  /** 1-based. */
  readonly line: number;
  /** Erased before running: `import type`, `export type … from`, import('…') in a type. */
  readonly typeOnly: boolean;
}

export interface FileFacts {
  readonly imports: readonly Import[];
  /** Uses of globals that a browser does not have. */
  readonly nodeGlobals: readonly { readonly name: string; readonly line: number }[];
  /** Empty when the file parses. */
  readonly syntaxErrors: readonly string[];
}

interface AstNode {
  readonly type: string;
  readonly start: number;
  readonly [field: string]: unknown;
}

const nodeOnly = new Set([
  'process',
  'Buffer',
  'require',
  'global',
  '__dirname',
  '__filename',
  'setImmediate',
]);

export function factsOf(file: string, text: string): FileFacts {
  const { program, errors } = parseSync(file, text);
  const lineOf = (node: AstNode): number => text.slice(0, node.start).split('\n').length;
  const imports: Import[] = [];
  const globals: { readonly name: string; readonly node: AstNode }[] = [];
  const declared = new Set<string>();

  const visit = (node: AstNode): void => {
    const reference = referenceOf(node);
    if (reference !== undefined) imports.push({ ...reference, line: lineOf(node) });
    for (const name of declaredBy(node)) declared.add(name);
    if (node.type === 'Identifier' && nodeOnly.has(String(node.name))) {
      globals.push({ name: String(node.name), node });
    }
    for (const child of childrenOf(node)) visit(child);
  };
  if (isNode(program)) visit(program);
  return {
    imports,
    nodeGlobals: globals
      // A file that declares the name anywhere means its own: a task may well be called process.
      .filter(({ name }) => !declared.has(name))
      .map(({ name, node }) => ({ name, line: lineOf(node) })),
    syntaxErrors: errors.map((error) => error.message),
  };
}

function isNode(value: unknown): value is AstNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** Fields that hold a name that is not a use of a variable: `a.process`, `{ process: 1 }`. */
function isPlainName(node: AstNode, field: string): boolean {
  if (node.computed === true) return false;
  if (node.type === 'Property' && node.shorthand === true) return false;
  return field === 'key' || (node.type === 'MemberExpression' && field === 'property');
}

function childrenOf(node: AstNode): AstNode[] {
  const children: AstNode[] = [];
  for (const [field, value] of Object.entries(node)) {
    if (isPlainName(node, field)) continue;
    for (const item of Array.isArray(value) ? value : [value]) if (isNode(item)) children.push(item);
  }
  return children;
}

/** The module that this node names, if it is a node that names one. */
function referenceOf(node: AstNode): Omit<Import, 'line'> | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
      return { specifier: literal(node.source), typeOnly: node.importKind === 'type' };
    case 'ExportAllDeclaration':
      return { specifier: literal(node.source), typeOnly: node.exportKind === 'type' };
    case 'ExportNamedDeclaration':
      if (!isNode(node.source)) return undefined;
      return { specifier: literal(node.source), typeOnly: node.exportKind === 'type' };
    case 'ImportExpression':
      return { specifier: literal(node.source), typeOnly: false };
    case 'TSImportType':
      return { specifier: literal(node.source ?? node.argument), typeOnly: true };
    case 'TSExternalModuleReference':
      return { specifier: literal(node.expression), typeOnly: false };
    case 'NewExpression':
      return workerReference(node);
    default:
      return undefined;
  }
}

/** `new URL('./worker.ts', import.meta.url)`: how a worker's file is named. */
function workerReference(node: AstNode): Omit<Import, 'line'> | undefined {
  const args = node.arguments;
  if (!isNode(node.callee) || node.callee.name !== 'URL' || !Array.isArray(args) || args.length !== 2) {
    return undefined;
  }
  const path = literal(args[0]);
  return path?.endsWith('.ts') ? { specifier: path, typeOnly: false } : undefined;
}

/** The text of a string, or of a template without holes; undefined for anything else. */
function literal(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node.type === 'TSLiteralType') return literal(node.literal);
  if (node.type === 'TemplateLiteral' && Array.isArray(node.quasis) && node.quasis.length === 1) {
    const value: unknown = node.quasis[0]?.value?.cooked;
    return typeof value === 'string' ? value : undefined;
  }
  return undefined;
}

/** Names that this node brings into being. */
function declaredBy(node: AstNode): string[] {
  switch (node.type) {
    case 'VariableDeclarator':
      return namesIn(node.id);
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return [...namesIn(node.id), ...(Array.isArray(node.params) ? node.params.flatMap(namesIn) : [])];
    case 'ImportSpecifier':
    case 'ImportDefaultSpecifier':
    case 'ImportNamespaceSpecifier':
      return namesIn(node.local);
    case 'CatchClause':
      return namesIn(node.param);
    case 'ClassDeclaration':
      return namesIn(node.id);
    default:
      return [];
  }
}

function namesIn(pattern: unknown): string[] {
  if (!isNode(pattern)) return [];
  if (pattern.type === 'Identifier') return [String(pattern.name)];
  return childrenOf(pattern).flatMap(namesIn);
}
