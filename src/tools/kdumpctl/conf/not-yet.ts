/**
 * What kdump.conf can say and this release does not do: told before it is relied on. A directive that is acted on leaves this file.
 */
import type { PlainKey } from './entries.ts';
import type { ParsedConf } from './kdump-conf.ts';
import { type Problem, Problems } from './problem.ts';

/** Read and checked, and without effect. */
const ignoredKeys: readonly PlainKey[] = [
  'kdump_pre',
  'kdump_post',
  'kdump_emergency',
  'failure_action',
  'fence_kdump_args',
  'fence_kdump_nodes',
];
/** Values that ask for nothing that would not happen anyway. */
const isDefault = (key: PlainKey, value: string): boolean => key === 'failure_action' && value === 'reboot';

/** A warning for each that has no effect. */
export function notYet({ entries }: ParsedConf, file: string): readonly Problem[] {
  const problems = new Problems(file);
  for (const [key, { line, value }] of entries) {
    if (!ignoredKeys.includes(key) || isDefault(key, value)) continue;
    problems.warn(line, `${key} has no effect in this release`, 'do not rely on it', 'E_UNSUPPORTED');
  }
  return problems.all;
}
