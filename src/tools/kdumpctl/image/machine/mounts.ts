/**
 * What is mounted: /proc/self/mountinfo, and which of its lines holds a path.
 *
 * Source of truth: proc(5) and show_mountinfo() in fs/proc_namespace.c (Linux 6.1): blanks and backslashes in names are octal.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { asVmcoreError } from '../../../../sys/system-error.ts';
import type { LiveSystem } from './live-system.ts';

export interface Mount {
  /** `254:1`; of btrfs an invented number. */
  readonly device: string;
  /** What of the file system is seen at the mount point: `/`, a btrfs subvolume, or the folder that a bind mount took. */
  readonly root: string;
  readonly mountPoint: string;
  readonly type: string;
  /** `/dev/vda1`, `/dev/root`, `server:/export`, a virtiofs tag. */
  readonly source: string;
  readonly access: 'read-write' | 'read-only';
}

const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** In the order in which they were mounted: a later one hides an earlier one at the same place. */
export function parseMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ');
    const [, , device, root, mountPoint, options] = before?.split(' ') ?? [];
    const [type, source, superOptions] = after?.split(' ') ?? [];
    if (device === undefined || root === undefined || mountPoint === undefined) return [];
    if (type === undefined || source === undefined) return [];
    const isReadOnly = [options, superOptions].some((list) => list?.split(',').includes('ro'));
    return [
      {
        device,
        root: unescaped(root),
        mountPoint: unescaped(mountPoint),
        type,
        source: unescaped(source),
        access: isReadOnly ? 'read-only' : 'read-write',
      },
    ];
  });
}

/** E_FILE or E_IO when the list cannot be read. */
export function mountsOf(machine: LiveSystem): Mount[] {
  const file = join(machine.root, 'proc/self/mountinfo');
  try {
    return parseMounts(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot read what is mounted', { file });
  }
}

/** The mount that a file at `path` (absolute, links resolved) would be on, and where on its file system. */
export function mountHolding(
  mounts: readonly Mount[],
  path: string,
): { readonly mount: Mount; readonly inside: string } | undefined {
  let found: Mount | undefined;
  for (const mount of mounts) {
    const isLonger = found === undefined || mount.mountPoint.length >= found.mountPoint.length;
    if (isLonger && isWithin(path, mount.mountPoint)) found = mount;
  }
  if (found === undefined) return undefined;
  return { mount: found, inside: posix.join(found.root, posix.relative(found.mountPoint, path)) };
}

const isWithin = (path: string, folder: string): boolean =>
  folder === '/' || path === folder || path.startsWith(`${folder}/`);

/** `path` with the links in it resolved, as far as it exists; the rest is what will be made. */
export function resolvedPath(machine: LiveSystem, path: string): string {
  const whole = join(machine.root, path);
  if (existsSync(whole)) {
    const real = realpathSync(whole);
    const root = realpathSync(machine.root);
    return isWithin(real, root) ? posix.join('/', posix.relative(root, real)) : real;
  }
  const parent = dirname(path);
  return parent === path ? path : posix.join(resolvedPath(machine, parent), posix.basename(path));
}
