/**
 * flock(2): one at a time among all programs that lock the same file. The kernel unlocks it when the file is closed, and so when the process ends in
 * whatever way; children do not inherit it, because node opens files with O_CLOEXEC.
 */
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { VmcoreError } from '../base/errors.ts';
import { flockCall } from './libc.ts';
import { asVmcoreError } from './system-error.ts';

export interface LockLimits {
  /** Milliseconds that another one may keep us waiting. */
  readonly wait: number;
  /** Called once, when there is somebody to wait for. */
  readonly onWait: () => void;
}

/** How often a lock that another one has is tried again, milliseconds. */
const retryEvery = 100;

/** Runs `use` with the file locked; makes the file when it is not there. E_IO when another one keeps it too long, E_FILE when it cannot be made. */
export async function withFileLock<T>(path: string, limits: LockLimits, use: () => Promise<T>): Promise<T> {
  const fd = openLock(path);
  try {
    await lock(fd, path, limits);
    return await use();
  } finally {
    closeSync(fd);
  }
}

function openLock(path: string): number {
  try {
    return openSync(path, 'a', 0o600);
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot open the lock', { file: path, hint: 'run as root' });
  }
}

async function lock(fd: number, path: string, { wait, onWait }: LockLimits): Promise<void> {
  const end = performance.now() + wait;
  for (let isFirst = true; ; isFirst = false) {
    const refused = flockCall(fd);
    if (refused === undefined) return;
    if (refused !== 'busy') {
      throw new VmcoreError('E_SYSCALL', `cannot be locked (flock: ${refused.name})`, { file: path });
    }
    if (isFirst) onWait();
    if (performance.now() >= end) {
      throw new VmcoreError('E_IO', `another program has had this lock for ${Math.round(wait / 1000)} s`, {
        file: path,
        hint: `see which one: fuser -v ${path}`,
      });
    }
    await sleep(retryEvery);
  }
}
