/** Words for a POSIX shell. ssh hands one line of text to the login shell of the server: what comes from a configuration must stay one word in it. */
import { VmcoreError } from '../../../base/errors.ts';

/**
 * `text` as one word, whatever is in it: in single quotes nothing has a meaning but the quote that ends them (POSIX.1-2017, XCU 2.2.2), so that one is
 * written outside of them. csh and fish read it the same way. E_USAGE for a NUL, which no argument can have.
 */
export function quoted(text: string): string {
  if (text.includes('\0')) {
    throw new VmcoreError('E_USAGE', 'a NUL character cannot be part of a command', {
      hint: 'remove it from kdump.conf',
    });
  }
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** `sh -c SCRIPT sh ARGUMENT…` for the login shell of a server, which may be no POSIX shell: it only has to split this line into words. */
export const shellCommand = (script: string, args: readonly string[]): string =>
  ['exec', 'sh', '-c', quoted(script), 'sh', ...args.map(quoted)].join(' ');
