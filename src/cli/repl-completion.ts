/**
 * What may follow where a line of the REPL ends: variables, symbols, types and members within quotes, members of values of the dump after a dot.
 *
 * Node's own completer does not look into proxies, which values of the dump are. Here an expression is evaluated when it can do nothing but read: names,
 * members, elements, and calls of the readers below with plain arguments.
 */
import type { DumpKernel } from '../library/dump-kernel.ts';

/** What a completer answers: all that may stand there, and how much of the line they replace. */
export type Completions = [candidates: string[], replaced: string];

export interface Completer {
  /** Undefined where JavaScript's own completion is to answer. */
  complete(line: string): Completions | undefined;
}

/** Methods that only read, and answer with a value of the dump. */
const readers: ReadonlySet<string> = new Set([
  'var',
  'perCpu',
  'read',
  'object',
  'containerOf',
  'symbolAt',
  'task',
]);
const name = '[A-Za-z_$][\\w$]*';
const plainArgument = `(?:'[^'\\\\]*'|"[^"\\\\]*"|0x[0-9a-fA-F]+n?|\\d+n?)`;
const call = `\\(\\s*(?:${plainArgument}(?:\\s*,\\s*${plainArgument})*)?\\s*\\)`;
/** A value, and the beginning of a member's name. */
const member = new RegExp(`(${name}(?:\\??\\.${name}|\\[\\d+\\]|${call})*)(\\??\\.)([\\w$]*)$`);
const callee = new RegExp(`(${name})${call}`, 'g');

/** What the arguments of methods name; a member is one of the type in the argument before it. */
const ofArgument: Readonly<Record<string, readonly ('symbol' | 'type' | 'member' | 'other')[]>> = {
  var: ['symbol', 'type'],
  perCpu: ['symbol', 'other', 'type'],
  symbol: ['symbol'],
  read: ['type'],
  object: ['type'],
  struct: ['type'],
  sizeOf: ['type'],
  enumerators: ['type'],
  memberNames: ['type'],
  offsetOf: ['type', 'member'],
  containerOf: ['other', 'type', 'member'],
  list: ['symbol', 'type', 'member'],
  hlist: ['symbol', 'type', 'member'],
};
/** The last call that is still open, with its arguments so far. */
const openCall = /([\w$]+)\(((?:[^()]|\([^()]*\))*)$/;
const openString = /^\s*['"]([^'"]*)$/;

/** More than anybody reads. */
const most = 2000;

/** `evaluate` gives the value of an expression in the session; it may throw. */
export function replCompleter(kernel: DumpKernel, evaluate: (expression: string) => unknown): Completer {
  const symbols = once(() => kernel.symbolNames());
  const variables = once(() => kernel.variableNames());
  const types = once(() => kernel.typeNames());

  const withPrefix = (names: readonly string[], prefix: string): string[] =>
    names
      .filter((candidate) => candidate.startsWith(prefix))
      .sort()
      .slice(0, most);

  const symbolsFor = (prefix: string): string[] => {
    // The first question of a session is for what people look at most, not for a hundred thousand names.
    const known = withPrefix(variables(), prefix);
    return prefix.length < 3 && known.length > 0
      ? known
      : withPrefix([...new Set([...known, ...symbols()])], prefix);
  };

  const typesFor = (prefix: string): string[] =>
    withPrefix(types(), prefix).length > 0
      ? withPrefix(types(), prefix)
      : withPrefix(types(), `struct ${prefix}`);

  /** `typed`: "rss" or, of a member's members, "se.vrun". */
  const membersOf = (type: string, typed: string): Completions => {
    const dot = typed.lastIndexOf('.');
    const names = kernel.memberNames(type, dot < 0 ? undefined : typed.slice(0, dot));
    const prefix = typed.slice(dot + 1);
    return [withPrefix(names, prefix), prefix];
  };

  const memberOfValue = (line: string): Completions | undefined => {
    const [, expression, , prefix] = member.exec(line) ?? [];
    if (expression === undefined || prefix === undefined) return undefined;
    if (![...expression.matchAll(callee)].every(([, method]) => readers.has(method!))) return undefined;
    const value = evaluate(expression);
    // Only values of the dump: their names are those of C, without what all objects have.
    if (typeof value !== 'object' || value === null || !('$type' in value)) return undefined;
    const own = Array.isArray(value) ? [] : Object.keys(value);
    const names = prefix.startsWith('$') ? ['$address', '$type', '$size', '$addressOf', '$pointer'] : own;
    return names.length === 0 ? undefined : [withPrefix(names, prefix), prefix];
  };

  const inQuotes = (line: string): Completions | undefined => {
    const [, method = '', text = ''] = openCall.exec(line) ?? [];
    const kinds = Object.hasOwn(ofArgument, method) ? ofArgument[method] : undefined;
    const args = argumentsOf(text);
    const [, typed] = openString.exec(args.at(-1) ?? '') ?? [];
    if (kinds === undefined || typed === undefined) return undefined;
    switch (kinds[args.length - 1]) {
      case 'symbol':
        return [symbolsFor(typed), typed];
      case 'type':
        return [typesFor(typed), typed];
      case 'member':
        return membersOf(args.at(-2)!.trim().slice(1, -1), typed);
      default:
        return undefined;
    }
  };

  const complete = (line: string): Completions | undefined => inQuotes(line) ?? memberOfValue(line);

  return {
    complete(line) {
      try {
        return complete(line);
      } catch {
        // What cannot be read, or is only half written, has no completions.
        return undefined;
      }
    },
  };
}

/** At commas that are not within quotes. */
function argumentsOf(text: string): string[] {
  const args = [''];
  let quote = '';
  for (const character of text) {
    if (character === ',' && quote === '') {
      args.push('');
      continue;
    }
    if (character === quote) quote = '';
    else if (quote === '' && (character === "'" || character === '"')) quote = character;
    args[args.length - 1] += character;
  }
  return args;
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
