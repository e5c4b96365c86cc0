/** Where the service keeps what it must remember, and what it shares with others. An object, so that a test can have all of it in a folder. */
import { join } from 'node:path';

export interface Places {
  /** kdump-utils and we lock the same file: both arm the same kernel. */
  readonly lock: string;
  /** What is remembered over a restart of the machine: the image's inputs, what was loaded, the last test. */
  readonly stateFolder: string;
  /** A message of the day: pam_motd(8) shows every file of this folder. */
  readonly motd: string;
}

/** Below `root`, which is / but in tests. */
export const placesBelow = (root: string): Places => ({
  lock: join(root, 'run/lock/kdump'),
  stateFolder: join(root, 'var/lib/kdump'),
  motd: join(root, 'run/motd.d/kdump'),
});
