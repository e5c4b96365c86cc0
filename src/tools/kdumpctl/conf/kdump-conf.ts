/**
 * kdump.conf: what is to be done with a dump. Everything that is wrong with a file is found at once, and what is right of it is there too,
 * because a typing error must not cost a dump.
 *
 * Source of truth: kdump.conf(5) and parse_config() of kdumpctl (kdump-utils 63f248c). Nothing here looks at the machine.
 */
import { VmcoreError } from '../../../base/errors.ts';
import { type Collector, defaultCollector, parseCollector } from './collector.ts';
import { type Directive, plainWords, quotedWords, readDirectives } from './directives.ts';
import { type Entries, entriesOf } from './entries.ts';
import { parseFenceArgs } from './fence-args.ts';
import { type Problem, Problems } from './problem.ts';
import {
  defaultSshKey,
  isTargetKey,
  isWrong,
  kindNamed,
  parseDracutMount,
  parseTarget,
  type Target,
  type Wrong,
} from './target.ts';

export const failureActions = ['reboot', 'halt', 'poweroff', 'shell', 'dump_to_rootfs'] as const;
export type FailureAction = (typeof failureActions)[number];
export const finalActions = ['reboot', 'halt', 'poweroff'] as const;
export type FinalAction = (typeof finalActions)[number];

/** Programs run in the capture kernel; paths on the machine that is armed. */
export interface Hooks {
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly emergency: string | undefined;
}

export interface KdumpConf {
  readonly target: Target;
  /** Folder on the target (without one: on the machine) under which each dump gets a folder of its own. No blanks around, one / at a time. */
  readonly path: string;
  readonly collector: Collector;
  readonly hooks: Hooks;
  readonly extraBins: readonly string[];
  readonly extraModules: readonly string[];
  /** When the dump could not be saved. */
  readonly failureAction: FailureAction;
  /** In the end, whatever happened. */
  readonly finalAction: FinalAction;
  /** Whether a start builds the capture image anew. */
  readonly rebuild: 'when-needed' | 'always' | 'never';
  readonly dracutArgs: readonly string[];
  /** Whom to tell that this machine is saving a dump and must not be fenced. */
  readonly fence: { readonly nodes: readonly string[]; readonly args: readonly string[] };
}

export interface ParsedConf {
  /** Where the file is wrong, the default. */
  readonly conf: KdumpConf;
  /** In the order of the lines. */
  readonly problems: readonly Problem[];
  /** What the file has, by key. */
  readonly entries: Entries;
}

/** By which names this machine is known in its cluster. */
export interface OwnNames {
  readonly hostname: string;
  readonly addresses: readonly string[];
}

export const defaultPath = '/var/crash';

/** Never throws. `own`: not known in the capture kernel, which has no use for it either. */
export function parseKdumpConf(text: string, file: string, own?: OwnNames): ParsedConf {
  const problems = new Problems(file);
  const directives = readDirectives(text, problems);
  const entries = entriesOf(directives, problems);
  const { target, meant } = targetOf(directives, entries, problems);
  const conf: KdumpConf = {
    target,
    path: pathOf(entries, meant, problems),
    collector: collectorOf(entries, meant, problems),
    hooks: {
      before: hookOf(entries.get('kdump_pre'), problems),
      after: hookOf(entries.get('kdump_post'), problems),
      emergency: hookOf(entries.get('kdump_emergency'), problems),
    },
    extraBins: extraBinsOf(entries.get('extra_bins'), problems),
    extraModules: plainWords(entries.get('extra_modules')?.value ?? ''),
    failureAction: failureActionOf(entries, meant, problems),
    finalAction: oneOf(finalActions, entries.get('final_action'), problems) ?? 'reboot',
    rebuild: rebuildOf(entries, problems),
    dracutArgs: dracutArgsOf(entries, problems),
    fence: fenceOf(entries, own, problems),
  };
  checkAutoReset(entries.get('auto_reset_crashkernel'), problems);
  return { conf, problems: problems.all, entries };
}

interface NamedTarget {
  readonly target: Target;
  /** Of the target as it is written, even when that cannot be used: one mistake is not answered with several. */
  readonly meant: Target['kind'];
}

/** The first target that the file names; a second is an error. */
function targetOf(directives: readonly Directive[], entries: Entries, problems: Problems): NamedTarget {
  const sshKey = sshKeyOf(entries, problems);
  let first: (NamedTarget & { readonly line: number }) | undefined;
  const found = (line: number, value: Target | Wrong, meant: Target['kind']): void => {
    if (first !== undefined) {
      problems.error(line, `a second target: the first is in line ${first.line}`, 'keep one of them');
    } else if (isWrong(value)) {
      problems.error(line, value.what, value.hint);
      first = { target: { kind: 'path' }, meant, line };
    } else first = { target: value, meant: value.kind, line };
  };
  for (const { key, value, line } of directives) {
    if (value === '') continue;
    if (isTargetKey(key)) found(line, parseTarget(key, value, sshKey), kindNamed(key));
    if (key !== 'dracut_args') continue;
    for (const mount of mountsOf(quotedWords(value) ?? [])) {
      found(line, parseDracutMount(mount), 'filesystem');
    }
  }
  const named = first ?? { target: { kind: 'path' }, meant: 'path' };
  const keyEntry = entries.get('sshkey');
  if (keyEntry !== undefined && first !== undefined && named.meant !== 'ssh') {
    problems.warn(keyEntry.line, 'sshkey has no effect: the target is not ssh', 'remove the line');
  }
  return { target: named.target, meant: named.meant };
}

/** The values of --mount among words. */
function mountsOf(words: readonly string[]): string[] {
  return words.flatMap((word, i) => {
    if (word === '--mount') return [words[i + 1] ?? ''];
    return word.startsWith('--mount=') ? [word.slice('--mount='.length)] : [];
  });
}

function sshKeyOf(entries: Entries, problems: Problems): string {
  const entry = entries.get('sshkey');
  if (entry === undefined) return defaultSshKey;
  if (entry.value.startsWith('/')) return entry.value;
  problems.error(entry.line, `sshkey "${entry.value}" is not a full path`, `write "sshkey ${defaultSshKey}"`);
  return defaultSshKey;
}

function pathOf(entries: Entries, target: Target['kind'], problems: Problems): string {
  const entry = entries.get('path');
  const path = (entry?.value ?? defaultPath).replace(/\/+/g, '/').replace(/(.)[/\s]+$/, '$1');
  if (entry !== undefined && target === 'path' && !path.startsWith('/')) {
    problems.error(entry.line, `path "${path}" is not a full path`, `write "path ${defaultPath}"`);
    return defaultPath;
  }
  if (path.split('/').includes('..')) {
    problems.error(entry?.line, `path "${path}" leads out of the target`, 'write it without ".."');
    return defaultPath;
  }
  return path;
}

function collectorOf(entries: Entries, target: Target['kind'], problems: Problems): Collector {
  const entry = entries.get('core_collector');
  if (entry === undefined) return defaultCollector(target);
  const collector = parseCollector(entry.value, target);
  if (isWrong(collector)) {
    problems.error(entry.line, collector.what, collector.hint);
    return defaultCollector(target);
  }
  if (collector.kind === 'copy' && target === 'raw') {
    problems.warn(
      entry.line,
      'a raw copy has no header that says where it ends: it is not recovered at the next start',
      'write "core_collector makedumpfile -F -z -d 31"',
    );
  }
  return collector;
}

function hookOf(entry: Directive | undefined, problems: Problems): string | undefined {
  if (entry === undefined) return undefined;
  const { key, value, line } = entry;
  if (/\s/.test(value)) {
    problems.error(line, `${key} takes one program and no arguments`, 'write a script that calls it');
    return undefined;
  }
  if (value.startsWith('/')) return value;
  problems.error(line, `${key} "${value}" is not a full path`, `write "${key} /PATH/OF/PROGRAM"`);
  return undefined;
}

function extraBinsOf(entry: Directive | undefined, problems: Problems): string[] {
  if (entry === undefined) return [];
  return plainWords(entry.value).filter((path) => {
    if (path.startsWith('/')) return true;
    problems.error(entry.line, `extra_bins: "${path}" is not a full path`, 'write /PATH/OF/PROGRAM');
    return false;
  });
}

function oneOf<Value extends string>(
  allowed: readonly Value[],
  entry: Directive | undefined,
  problems: Problems,
): Value | undefined {
  if (entry === undefined) return undefined;
  const value = allowed.find((name) => name === entry.value);
  if (value === undefined) {
    problems.error(
      entry.line,
      `"${entry.value}" is not a value of ${entry.key}`,
      `write ${allowed.slice(0, -1).join(', ')} or ${allowed.at(-1)}`,
    );
  }
  return value;
}

function failureActionOf(entries: Entries, target: Target['kind'], problems: Problems): FailureAction {
  const entry = entries.get('failure_action');
  const action = oneOf(failureActions, entry, problems);
  if (action === 'dump_to_rootfs' && target === 'path') {
    problems.warn(
      entry?.line,
      'dump_to_rootfs helps only when the target is another file system, and none is named',
      'name a target, or write "failure_action reboot"',
    );
  }
  return action ?? 'reboot';
}

function rebuildOf(entries: Entries, problems: Problems): KdumpConf['rebuild'] {
  const [always, never] = [entries.get('force_rebuild'), entries.get('force_no_rebuild')];
  const flags = ['0', '1'] as const;
  const isAlways = oneOf(flags, always, problems) === '1';
  const isNever = oneOf(flags, never, problems) === '1';
  if (isAlways && isNever) {
    problems.error(
      Math.max(always?.line ?? 0, never?.line ?? 0),
      'force_rebuild and force_no_rebuild are both 1',
      'keep one of them',
    );
    return 'when-needed';
  }
  if (isAlways) return 'always';
  return isNever ? 'never' : 'when-needed';
}

function dracutArgsOf(entries: Entries, problems: Problems): readonly string[] {
  const entry = entries.get('dracut_args');
  const words = quotedWords(entry?.value ?? '');
  if (words !== undefined) return words;
  problems.error(entry?.line, 'dracut_args: a quote that is not closed', 'close it');
  return [];
}

function fenceOf(entries: Entries, own: OwnNames | undefined, problems: Problems): KdumpConf['fence'] {
  const [nodes, args] = [entries.get('fence_kdump_nodes'), entries.get('fence_kdump_args')];
  if (args !== undefined && nodes === undefined) {
    problems.warn(
      args.line,
      'fence_kdump_args has no effect without fence_kdump_nodes',
      'name the other nodes of the cluster',
    );
  }
  const others = plainWords(nodes?.value ?? '').filter((node) => {
    if (own === undefined || (node !== own.hostname && !own.addresses.includes(node))) return true;
    problems.error(
      nodes?.line,
      `fence_kdump_nodes: "${node}" is this machine`,
      'name the other nodes of the cluster only',
    );
    return false;
  });
  return { nodes: others, args: fenceArgsOf(args, problems) };
}

/** None where they are wrong: a node that is told with the usual ones may yet hear of it. */
function fenceArgsOf(entry: Directive | undefined, problems: Problems): string[] {
  const args = plainWords(entry?.value ?? '');
  try {
    parseFenceArgs(args);
    return args;
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    problems.error(
      entry?.line,
      `fence_kdump_args: ${error.message}`,
      error.hint ?? 'see fence_kdump_send(8)',
    );
    return [];
  }
}

/** Updates of kdump-utils raise crashkernel= to their new default; here nothing changes it but who is asked to. */
function checkAutoReset(entry: Directive | undefined, problems: Problems): void {
  if (entry === undefined || entry.value === 'no') return;
  problems.warn(
    entry.line,
    `auto_reset_crashkernel "${entry.value}" has no effect: crashkernel= is never changed unasked`,
    'set it with vmcore kdumpctl reset-crashkernel',
  );
}
