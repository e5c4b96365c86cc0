/** The keys of kdump.conf: which there are, which there were, and what a file gives them. Source of truth: kdump.conf(5), kdump-utils 63f248c. */
import { suggestion } from './did-you-mean.ts';
import type { Directive } from './directives.ts';
import type { Problems } from './problem.ts';
import { isTargetKey, targetKeys } from './target.ts';

/** Keys that do not name a target. */
export const plainKeys = [
  'sshkey',
  'path',
  'core_collector',
  'kdump_pre',
  'kdump_post',
  'kdump_emergency',
  'extra_bins',
  'extra_modules',
  'failure_action',
  'final_action',
  'force_rebuild',
  'force_no_rebuild',
  'dracut_args',
  'fence_kdump_args',
  'fence_kdump_nodes',
  'auto_reset_crashkernel',
] as const;
export type PlainKey = (typeof plainKeys)[number];

/** Keys of older releases: why they are gone, and what does their work now. */
const retiredKeys: Readonly<Record<string, string>> = {
  net: 'write "ssh USER@HOST" or "nfs SERVER:/EXPORT"',
  options: 'write MODULE.OPTION=VALUE into KDUMP_COMMANDLINE_APPEND of the sysconfig file',
  link_delay: 'remove the line: a network card is waited for as long as it takes',
  disk_timeout: 'remove the line: a disk is waited for as long as it takes',
  debug_mem_level: 'write rd.memdebug=LEVEL into KDUMP_COMMANDLINE_APPEND of the sysconfig file',
  blacklist: 'write rd.driver.blacklist=MODULE into KDUMP_COMMANDLINE_APPEND of the sysconfig file',
};

/** Not empty, each key once. */
export type Entries = ReadonlyMap<PlainKey, Directive>;

/** What the file gives to keys that do not name a target; everything that is wrong with its keys goes to `problems`. */
export function entriesOf(directives: readonly Directive[], problems: Problems): Entries {
  const entries = new Map<PlainKey, Directive>();
  for (const directive of directives) {
    const key = plainKeyOf(directive, problems);
    if (key === undefined) continue;
    const { value, line } = directive;
    if (value === '') {
      problems.error(line, `"${directive.key}" has no value`, `write "${directive.key} VALUE"`);
      continue;
    }
    if (key === 'target') continue;
    const first = entries.get(key);
    if (first === undefined) entries.set(key, { key, value, line });
    else problems.error(line, `${key} is given twice: first in line ${first.line}`, 'keep one of them');
  }
  return entries;
}

/** Undefined when there is no such key, which is told. */
function plainKeyOf({ key, value, line }: Directive, problems: Problems): PlainKey | 'target' | undefined {
  if (isTargetKey(key)) return 'target';
  const plain = plainKeys.find((name) => name === key);
  if (plain !== undefined) return plain;
  if (key === 'default') {
    problems.warn(
      line,
      '"default" is now called failure_action, and will be gone some day',
      `write "failure_action ${value}"`,
    );
    return 'failure_action';
  }
  const retired = Object.hasOwn(retiredKeys, key) ? retiredKeys[key] : undefined;
  if (retired !== undefined) problems.error(line, `"${key}" is not used any more`, retired);
  else {
    problems.error(
      line,
      `unknown key "${key}"`,
      suggestion(key, [...plainKeys, ...targetKeys], 'remove the line; docs/kdump-conf.md lists all keys'),
    );
  }
  return undefined;
}
