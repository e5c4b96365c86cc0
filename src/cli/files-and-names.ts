/** Command lines of views that take dumps, then what to look for in them: `vmcore slab FILE... [NAME...]`. */
import { existsSync } from 'node:fs';
import { VmcoreError } from '../base/errors.ts';

export interface FilesAndNames {
  readonly files: readonly string[];
  readonly names: readonly string[];
}

/** The first is a dump; those behind it that are files are further parts of it, up to the first that is none. */
export function filesAndNames(
  args: readonly string[],
  isFile: (path: string) => boolean = existsSync,
): FilesAndNames {
  const [first, ...rest] = args;
  if (first === undefined)
    throw new VmcoreError('E_USAGE', 'no dump is named', { hint: 'the dump comes first' });
  const parts = rest.findIndex((arg) => !isFile(arg));
  const end = parts < 0 ? args.length : parts + 1;
  return { files: args.slice(0, end), names: args.slice(end) };
}
