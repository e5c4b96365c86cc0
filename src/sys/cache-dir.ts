/** Where things that can be made again are kept: $XDG_CACHE_HOME/vmcore, or ~/.cache/vmcore (XDG base directories). */
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

export function cacheRoot(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const xdg = env.XDG_CACHE_HOME;
  // The specification says to ignore a relative value.
  return join(xdg !== undefined && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'vmcore');
}

/** A folder below the cache root, made when it is not there. */
export function cacheDir(...parts: readonly string[]): string {
  const dir = join(cacheRoot(), ...parts);
  mkdirSync(dir, { recursive: true });
  return dir;
}
