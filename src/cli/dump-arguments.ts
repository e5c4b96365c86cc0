/** Command lines of the form `FILE... WHAT`: a dump, which may be in several files, and what is asked of it. */
import { existsSync } from 'node:fs';

export interface DumpArguments {
  readonly files: readonly string[];
  readonly rest: readonly string[];
}

/** The first argument is a file; so are those behind it that name one, up to the first that does not. */
export function dumpArguments(args: readonly string[]): DumpArguments {
  let files = 1;
  while (files < args.length && existsSync(args[files]!)) files++;
  return { files: args.slice(0, files), rest: args.slice(files) };
}
