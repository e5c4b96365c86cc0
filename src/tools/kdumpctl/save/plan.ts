/** What a save needs of kdump.conf. */

import { VmcoreError } from '../../../base/errors.ts';
import { type KdumpConf, parseKdumpConf } from '../conf/kdump-conf.ts';
import { isError, problemError, problemLine } from '../conf/problem.ts';
import { readText } from '../conf/read-text.ts';
import type { PathTarget, Target } from '../conf/target.ts';
import type { Journal } from '../journal.ts';

export type NamedTarget = Exclude<Target, PathTarget>;

export interface SavePlan extends Pick<KdumpConf, 'path' | 'collector' | 'hooks' | 'fence'> {
  readonly target: NamedTarget;
}

/**
 * Reads the configuration, and takes of it what can be understood: what is wrong with it is told, and must not cost the dump. E_FILE when it
 * cannot be read, E_USAGE when it names no target.
 */
export function readPlan(file: string, journal: Journal): SavePlan {
  const { conf, problems } = parseKdumpConf(readText(file), file);
  for (const problem of problems) journal.event('conf-problem', { message: problemLine(problem) });
  const { target, path, collector, hooks, fence } = conf;
  if (target.kind !== 'path') return { target, path, collector, hooks, fence };
  const [wrong] = problems.filter(isError);
  if (wrong !== undefined) throw problemError(wrong);
  throw new VmcoreError('E_USAGE', 'names no target', { file, hint: 'add a line such as "ext4 /dev/vda"' });
}
