/**
 * Does every import of src/ go down the house? Part of `npm run check`; prints FILE:LINE: why, and ends with 1.
 *
 *   base < sys < codecs < formats < kernel < tools < library < cli, and viewer beside cli
 *
 * - A file imports from its own floor and the floors below it, nothing from above, beside or outside src/.
 * - The rooms of tools/ are programs of their own; `usableRooms` says which may build on which.
 * - What runs in a browser (base, formats, kernel, tools/crash, viewer, codecs but for its native files, and library but for what opens files)
 *   reaches neither node: nor sys/, however long the way there.
 * - No import cycles: where two files need each other, a third one is missing.
 * - No program code imports a test. Tests themselves may import anything.
 */
import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, posix } from 'node:path';
import { type FileFacts, factsOf, type Import } from './imports.ts';

export interface Violation {
  /** Below src/, with forward slashes. */
  readonly file: string;
  readonly line: number;
  readonly why: string;
}

const floors = ['base', 'sys', 'codecs', 'formats', 'kernel', 'tools', 'library', 'cli'];
/** The viewer is a program as cli is, so both stand on top and neither knows the other. */
const height = (floor: string): number => (floor === 'viewer' ? floors.length - 1 : floors.indexOf(floor));

/**
 * kexec, crash and makedumpfile each do one step of the road and stand alone. kdumpctl walks the steps up to the saved
 * dump; rehearse makes a guest walk all of them and opens what came out.
 */
const usableRooms: Readonly<Record<string, readonly string[]>> = {
  kexec: [],
  crash: [],
  makedumpfile: [],
  kdumpctl: ['kexec', 'crash', 'makedumpfile'],
  rehearse: ['kexec', 'crash', 'makedumpfile', 'kdumpctl'],
};

/** Data, not code, and the one place where the version is written. */
const versionFile = '../package.json';

/** Modules of the user have names that only the command line knows: this file loads them, and no other. */
const userModuleFile = 'sys/user-module.ts';

const isTest = (file: string): boolean => file.endsWith('.test.ts');
const floorOf = (file: string): string => file.split('/')[0]!;
const roomOf = (file: string): string => file.split('/')[1]!;

/** The library as Node has it: where dumps come from files. */
const nodeLibrary: ReadonlySet<string> = new Set([
  'library/index.ts',
  'library/open.ts',
  'library/given-files.ts',
]);

/** Must this file run in a browser? In codecs/, the files whose names begin with `native` need not. */
export function isBrowserSafe(file: string): boolean {
  const floor = floorOf(file);
  if (floor === 'tools') return roomOf(file) === 'crash';
  if (floor === 'library') return !nodeLibrary.has(file);
  if (floor === 'codecs') return !posix.basename(file).startsWith('native');
  return ['base', 'formats', 'kernel', 'viewer'].includes(floor);
}

type Graph = ReadonlyMap<string, FileFacts>;

/** All violations of the tree below `source`, sorted by file and line. */
export function checkFloors(source: string): Violation[] {
  const graph = new Map<string, FileFacts>();
  for (const found of globSync('**/*.ts', { cwd: source }).sort()) {
    const file = found.replaceAll('\\', '/');
    if (!isTest(file)) graph.set(file, factsOf(file, readFileSync(join(source, file), 'utf8')));
  }
  const violations: Violation[] = [];
  for (const [file, facts] of graph) {
    for (const error of facts.syntaxErrors)
      violations.push({ file, line: 1, why: `cannot be parsed: ${error}` });
    if (height(floorOf(file)) < 0) {
      violations.push({
        file,
        line: 1,
        why: `${floorOf(file)} is none of the floors ${floors.join(', ')}, viewer`,
      });
      continue;
    }
    for (const found of facts.imports) {
      const why = whyNot(file, found);
      if (why !== undefined) violations.push({ file, line: found.line, why });
    }
    if (isBrowserSafe(file)) violations.push(...browserViolations(file, graph));
  }
  violations.push(...cycles(graph));
  return violations.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}

/** The file below src/ that a relative import means; undefined for packages, node: and what is outside src/. */
function targetOf(file: string, specifier: string | undefined): string | undefined {
  if (specifier === undefined || !/^\.{1,2}\//.test(specifier)) return undefined;
  const path = posix.join(posix.dirname(file), specifier);
  return path.startsWith('../') ? undefined : path;
}

function whyNot(file: string, { specifier }: Import): string | undefined {
  if (specifier === undefined)
    return file === userModuleFile ? undefined : 'imports a computed name, which no check can follow';
  const target = targetOf(file, specifier);
  if (target === undefined) {
    if (posix.join(posix.dirname(file), specifier) === versionFile) return undefined;
    return specifier.startsWith('.') || specifier.startsWith('/')
      ? `imports ${specifier}, which is outside src/`
      : undefined;
  }
  if (isTest(target)) return `imports the test ${target}`;
  const [from, to] = [floorOf(file), floorOf(target)];
  if (from !== to) {
    if (height(to) < 0) return `imports ${target}, which is on no floor`;
    if (height(to) >= height(from)) return `${from} imports ${target}: ${to} is not below ${from}`;
    return undefined;
  }
  if (from !== 'tools') return undefined;
  const [room, other] = [roomOf(file), roomOf(target)];
  if (room === other || usableRooms[room]?.includes(other)) return undefined;
  return `tools/${room} imports ${target}: it may build on ${usableRooms[room]?.join(', ') || 'no other room'}`;
}

/** What stops `file` from running in a browser: here, or in what it imports. */
function browserViolations(file: string, graph: Graph): Violation[] {
  const violations: Violation[] = [];
  const facts = graph.get(file)!;
  for (const { name, line } of facts.nodeGlobals) {
    violations.push({ file, line, why: `runs in a browser, where there is no ${name}` });
  }
  for (const found of facts.imports) {
    const reason = notForBrowsers(file, found);
    if (reason !== undefined) {
      violations.push({ file, line: found.line, why: `runs in a browser, and imports ${reason}` });
      continue;
    }
    // A browser-safe file further on is reported by itself; what remains are detours over files that need not be.
    const target = targetOf(file, found.specifier);
    if (found.typeOnly || target === undefined || isBrowserSafe(target)) continue;
    const way = wayToNode(target, graph, new Set());
    if (way !== undefined) {
      violations.push({ file, line: found.line, why: `runs in a browser, and reaches ${way.join(' -> ')}` });
    }
  }
  return violations;
}

function notForBrowsers(file: string, { specifier }: Import): string | undefined {
  if (specifier === undefined) return undefined;
  if (isBuiltin(specifier)) return specifier;
  const target = targetOf(file, specifier);
  return target !== undefined && floorOf(target) === 'sys' ? target : undefined;
}

/** The files from `file` to the first node: or sys/ import that is not erased, or undefined. */
function wayToNode(file: string, graph: Graph, seen: Set<string>): string[] | undefined {
  if (seen.has(file)) return undefined;
  seen.add(file);
  for (const found of graph.get(file)?.imports ?? []) {
    if (found.typeOnly) continue;
    const reason = notForBrowsers(file, found);
    if (reason !== undefined) return [file, reason];
    const target = targetOf(file, found.specifier);
    const way = target === undefined ? undefined : wayToNode(target, graph, seen);
    if (way !== undefined) return [file, ...way];
  }
  return undefined;
}

/** One violation a cycle, at the import that closes it; type imports count, they bind the files together too. */
function cycles(graph: Graph): Violation[] {
  const violations: Violation[] = [];
  const finished = new Set<string>();
  const path: string[] = [];
  const walk = (file: string): void => {
    path.push(file);
    for (const { specifier, line } of graph.get(file)?.imports ?? []) {
      const target = targetOf(file, specifier);
      if (target === undefined || finished.has(target)) continue;
      const start = path.indexOf(target);
      if (start < 0) walk(target);
      else
        violations.push({ file, line, why: `import cycle: ${[...path.slice(start), target].join(' -> ')}` });
    }
    path.pop();
    finished.add(file);
  };
  for (const file of graph.keys()) if (!finished.has(file)) walk(file);
  return violations;
}

function main(): void {
  const violations = checkFloors(join(dirname(import.meta.dirname), 'src'));
  for (const { file, line, why } of violations) process.stderr.write(`src/${file}:${line}: ${why}\n`);
  if (violations.length > 0) process.exitCode = 1;
}

if (import.meta.main) main();
