/** How much room the target has for a dump, as far as that can be seen without changing anything. */
import { closeSync, openSync, statfsSync } from 'node:fs';
import { deviceSize } from '../../../sys/block-device.ts';
import type { SshTarget, Target } from '../conf/target.ts';
import type { LiveSystem } from '../image/machine/live-system.ts';
import type { PlaceNow } from '../image/plan.ts';
import { ssh } from '../openssh.ts';
import { quoted } from '../targets/shell-quote.ts';

/** `bytes`: undefined when it cannot be told, and then `why` says so. */
export interface Room {
  readonly bytes: number | undefined;
  readonly why: string | undefined;
}

/** "look": nothing is connected to. Else a server is asked, by this system's ssh. */
export type HowFar = 'look' | Pick<LiveSystem, 'run'>;

export async function targetRoom(
  place: PlaceNow,
  target: Target,
  folder: string,
  howFar: HowFar,
): Promise<Room> {
  const known = (bytes: number): Room => ({ bytes, why: undefined });
  const unknown = (why: string): Room => ({ bytes: undefined, why });
  try {
    if (place.kind === 'mounted') {
      const { bavail, bsize } = statfsSync(place.mountPoint);
      return known(bavail * bsize);
    }
    if (place.kind === 'device') {
      return target.kind === 'raw' ? known(sizeOf(place.node)) : unknown('not mounted');
    }
    if (target.kind !== 'ssh' || howFar === 'look') return unknown('on another machine');
    const bytes = await sshRoom(target, folder, howFar);
    return bytes === undefined ? unknown('the server does not tell') : known(bytes);
  } catch (error) {
    return unknown(error instanceof Error ? error.message : String(error));
  }
}

function sizeOf(device: string): number {
  const fd = openSync(device, 'r');
  try {
    return deviceSize(fd);
  } finally {
    closeSync(fd);
  }
}

/** Seconds that a connection may take. */
const connectTimeout = 10;

/** ssh as the capture kernel will call it: by the key alone, to a host that is known, asking nobody. */
export const sshArguments = ({ user, host, key }: SshTarget, command: string): string[] => [
  ...['-i', key, '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=yes'],
  ...['-o', `ConnectTimeout=${connectTimeout}`, `${user}@${host}`, command],
];

async function sshRoom(
  target: SshTarget,
  folder: string,
  { run }: Pick<LiveSystem, 'run'>,
): Promise<number | undefined> {
  const { status, stdout } = await run(ssh, sshArguments(target, `df -Pk -- ${quoted(folder)}`));
  return status === 0 ? dfAvailable(stdout.toString('utf8')) : undefined;
}

/** Bytes that are free, by the last line of `df -Pk` (POSIX): the file system, its blocks, those used, those available, … */
export function dfAvailable(text: string): number | undefined {
  const kib = /^.*?\s(\d+)\s+(\d+)\s+(\d+)\s+\d+%\s/m.exec(text.trim().split('\n').at(-1) ?? '')?.[3];
  return kib === undefined ? undefined : Number(kib) * 1024;
}
