/** makedumpfile -d 11,31: the next level is tried when the dump of the one before does not fit. */
import { VmcoreError } from '../../base/errors.ts';

/**
 * Calls `attempt` with each level until one does not end in E_NO_SPACE. `retry` is called before every further attempt: it removes what
 * the one before left. The last level's error is thrown.
 */
export async function tryLevels<Result>(
  levels: readonly number[],
  attempt: (level: number) => Promise<Result>,
  retry: (level: number) => void,
): Promise<Result> {
  for (const [i, level] of levels.entries()) {
    if (i > 0) retry(level);
    try {
      return await attempt(level);
    } catch (error) {
      const isFull = error instanceof VmcoreError && error.code === 'E_NO_SPACE';
      if (!isFull || i === levels.length - 1) throw error;
    }
  }
  throw new VmcoreError('E_USAGE', 'no dump level given', { hint: 'see --help' });
}
