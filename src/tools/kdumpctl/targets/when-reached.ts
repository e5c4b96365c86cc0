/**
 * Waiting for a server. A switch may take half a minute to let a card talk, and until then nothing answers: that is tried again. Anything that a server
 * answers is final.
 */
import { VmcoreError } from '../../../base/errors.ts';
import type { Journal } from '../journal.ts';
import { waitFor } from './limited.ts';

/** Between two attempts, milliseconds. */
const pause = 3000;

/** strerror() of EHOSTUNREACH, ENETUNREACH and ETIMEDOUT, by glibc and by musl, in what a program said. */
export const isUnreachable = (said: string): boolean =>
  /No route to host|Network (is )?unreachable|Host is unreachable|Connection timed out|Operation timed out/.test(
    said,
  );

/** What `attempt` gives, tried for `limit` milliseconds as long as it fails because nothing answers. Then throws its last error. */
export async function whenReached<T>(attempt: () => Promise<T>, limit: number, journal: Journal): Promise<T> {
  let failure: unknown;
  const answer = await waitFor(
    async () => {
      try {
        return { value: await attempt() };
      } catch (error) {
        if (!(error instanceof VmcoreError) || !isUnreachable(error.message)) throw error;
        failure = error;
        journal.event('target-unreachable', { message: error.toLine() });
        return undefined;
      }
    },
    limit,
    pause,
  );
  if (answer === undefined) throw failure;
  return answer.value;
}
