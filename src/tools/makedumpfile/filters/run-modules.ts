/**
 * Loads and runs the modules of --filter. They are programs of the user and run with all of the user's rights, so that a file that others can write
 * is not run as root.
 */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { types } from 'node:util';
import { type ErrorCode, VmcoreError } from '../../../base/errors.ts';
import { importUserModule } from '../../../sys/user-module.ts';
import type { Filter } from './api.ts';
import type { CrashedKernel } from './filter-kernel.ts';
import { PlannedOutput } from './filter-output.ts';
import type { PlanBuilder } from './plan.ts';

/** S_IWGRP | S_IWOTH. */
const writableByOthers = 0o022;

/** One after the other, in the order given. Their failures name the file: E_FILE, E_USAGE, or what the kernel lacks (E_NO_INFO, …). */
export async function runFilterModules(
  paths: readonly string[],
  crashed: CrashedKernel,
  builder: PlanBuilder,
): Promise<void> {
  // All are loaded before one is run: a mistake in the last should not cost the time of the first.
  const filters: [string, Filter][] = [];
  for (const path of paths) filters.push([path, await loadFilter(path)]);
  for (const [path, filter] of filters) {
    try {
      await filter(crashed, new PlannedOutput(crashed, builder, path));
    } catch (error) {
      throw failed(path, 'failed', error);
    }
  }
}

/** E_FILE when there is no such file; E_USAGE when it may not be run, does not load, or has no function as its default export. */
export async function loadFilter(
  path: string,
  user: number | undefined = process.getuid?.(),
): Promise<Filter> {
  const file = resolve(path);
  let mode: number;
  try {
    mode = statSync(file).mode;
  } catch (cause) {
    throw new VmcoreError('E_FILE', 'cannot open', {
      file: path,
      hint: 'name the filter module (a .ts or .js file)',
      cause,
    });
  }
  if (user === 0 && (mode & writableByOthers) !== 0) {
    throw new VmcoreError('E_USAGE', 'others than its owner can write this file, and it would run as root', {
      file: path,
      hint: `chmod go-w ${path}`,
    });
  }
  let loaded: Readonly<Record<string, unknown>>;
  try {
    loaded = await importUserModule(file);
  } catch (error) {
    throw failed(path, 'does not load', error);
  }
  const filter = loaded.default;
  if (typeof filter === 'function') return filter as Filter;
  throw new VmcoreError('E_USAGE', 'has no default export that is a function', {
    file: path,
    hint: 'export default (kernel, output) => { … }; see docs/filters.md',
  });
}

/** Names the module, and the line in it where the error shows one. What the kernel lacks keeps its code. */
function failed(path: string, what: string, error: unknown): VmcoreError {
  const own = error instanceof VmcoreError ? error : undefined;
  const message = types.isNativeError(error) ? error.message : String(error);
  const code: ErrorCode = own?.code ?? 'E_USAGE';
  return new VmcoreError(code, `${what}${lineOf(path, error)}: ${message}`, {
    file: path,
    hint: own?.hint ?? 'correct the module; nothing was written',
    cause: error,
  });
}

function lineOf(path: string, error: unknown): string {
  const stack = types.isNativeError(error) ? (error.stack ?? '') : '';
  const at = stack.indexOf(`${pathToFileURL(resolve(path)).href}:`);
  const line = at < 0 ? null : /:(\d+)/.exec(stack.slice(at + pathToFileURL(resolve(path)).href.length));
  return line === null ? '' : ` in line ${line[1]}`;
}
