/** Opens the target of a dump, whatever kind it is: found or reached, mounted, and with the dump's own folder on it. */
import type { PathTarget, Target } from '../conf/target.ts';
import type { Journal } from '../journal.ts';
import { folderName } from './dump-folder.ts';
import type { DumpStore } from './dump-store.ts';
import { openFileSystem } from './file-system.ts';
import { deviceLimit } from './find-device.ts';
import { openNfs } from './nfs.ts';
import { openRaw } from './raw.ts';
import { openSsh } from './ssh.ts';
import { type BlockingCall, type StorePlace, unwatched } from './store-place.ts';
import { openVirtiofs } from './virtiofs.ts';

export interface StoreRequest {
  readonly target: Exclude<Target, PathTarget>;
  /** kdump.conf's path. */
  readonly path: string;
  /** This machine's, for the name of the folder: of the network card that leads to the target, or 127.0.0.1 when it is local. */
  readonly address: string;
  /** When the save began, for the name of the folder. */
  readonly time: Date;
  /** How long to wait for a block device, and for a server to be reached; milliseconds, the defaults when not given. */
  readonly limits?: { readonly device?: number; readonly server?: number };
  readonly blocking?: BlockingCall;
}

/** A switch may take half a minute to let a card talk, and a server that restarts takes longer. Milliseconds. */
export const serverLimit = 90_000;

/**
 * Journal events: target-wait (a device is not there yet), target-unreachable (a server is tried again), target-mounted, target-open. Throws a
 * VmcoreError that says why there is no target; nothing stays mounted then.
 */
export async function openStore(request: StoreRequest, journal: Journal): Promise<DumpStore> {
  const { target, limits } = request;
  const place: StorePlace = {
    path: request.path,
    name: folderName(request.address, request.time),
    deviceLimit: limits?.device ?? deviceLimit,
    serverLimit: limits?.server ?? serverLimit,
    blocking: request.blocking ?? unwatched,
  };
  const store = await open(target, place, journal);
  journal.event('target-open', { place: store.place, free: store.free() ?? null });
  return store;
}

function open(target: StoreRequest['target'], place: StorePlace, journal: Journal): Promise<DumpStore> {
  switch (target.kind) {
    case 'filesystem':
      return openFileSystem(target, place, journal);
    case 'nfs':
      return openNfs(target, place, journal);
    case 'virtiofs':
      return openVirtiofs(target, place);
    case 'raw':
      return openRaw(target, place, journal);
    case 'ssh':
      return openSsh(target, place, journal);
  }
}
