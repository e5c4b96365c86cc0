/**
 * Does a tracked file name the host of a package registry or mirror? Part of `npm run check`.
 *
 * Everyone has their own: Debian's mirror is read from apt's configuration, npm's registry from npm's. A host in a file
 * would be asked behind the user's back, or be dead some day. Hosts are told by their first label, so that none needs
 * to be listed here; the names of test fixtures end in .test (RFC 2606).
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { VmcoreError } from '../src/base/errors.ts';

const registryHost =
  /\b(?:(?:registry|debs?|ftp\d*|mirrors?|security|snapshot|archive|packages|crates|pypi|proxy)(?:\.[a-z0-9-]+)*|npm[a-z]*)\.(?:org|com|net|io|dev)\b/gi;

export function registryHosts(text: string): { readonly host: string; readonly line: number }[] {
  return Array.from(text.matchAll(registryHost), (match) => ({
    host: match[0],
    line: text.slice(0, match.index).split('\n').length,
  }));
}

function main(): void {
  for (const file of trackedFiles()) {
    for (const { host, line } of registryHosts(readTracked(file))) {
      process.stderr.write(`${file}:${line}: names the host ${host} of a package registry or mirror\n`);
      process.exitCode = 1;
    }
  }
}

function trackedFiles(): string[] {
  try {
    const listed = execFileSync('git', ['ls-files', '-z', '--deduplicate'], { encoding: 'utf8' });
    return listed.split('\0').filter((name) => name !== '');
  } catch (cause) {
    throw new VmcoreError('E_NEEDS', 'git ls-files, which says what is ours, failed', {
      hint: 'run this in a git checkout, with git installed',
      cause,
    });
  }
}

/** Latin-1, so that any file is text; nothing for a file that is deleted, or a link. */
function readTracked(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

if (import.meta.main) {
  try {
    main();
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    process.stderr.write(`check-hosts: ${error.toLine()}\n`);
    process.exitCode = error.exitStatus;
  }
}
