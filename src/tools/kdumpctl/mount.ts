/** The dump target, mounted for the time of the save. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VmcoreError } from '../../base/errors.ts';
import { deviceText, type FileSystemTarget } from './conf/target.ts';

/** Replaying a journal after a crash takes seconds; a device that does not answer takes for ever. */
const mountTimeout = 60_000;

export interface MountedTarget {
  readonly folder: string;
  /** Writes out what is buffered and unmounts. */
  unmount(): void;
}

/** E_IO, with mount's own words, when it cannot be mounted. */
export function mountTarget({ fileSystem, device: deviceName }: FileSystemTarget): MountedTarget {
  const device = deviceText(deviceName);
  const folder = mkdtempSync(join(tmpdir(), 'kdump-target-'));
  try {
    run('mount', ['-t', fileSystem, device, folder], device);
  } catch (error) {
    rmdirSync(folder);
    throw error;
  }
  return {
    folder,
    unmount() {
      run('umount', [folder], device);
      rmdirSync(folder);
    },
  };
}

function run(program: string, args: readonly string[], device: string): void {
  const { status, stderr, error } = spawnSync(program, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: mountTimeout,
    encoding: 'utf8',
  });
  if (status === 0) return;
  const why = error?.message ?? (stderr.trim() || `exit status ${status}`);
  throw new VmcoreError('E_IO', `${program} failed: ${why}`, {
    file: device,
    hint: 'check the target in kdump.conf and the modules in the capture image',
  });
}
