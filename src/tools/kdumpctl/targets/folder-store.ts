/**
 * A folder of a mounted file system as a DumpStore. Everything in it is 0600 and the folder itself 0700: a dump holds every secret of the machine.
 *
 * Each file is written as NAME-incomplete, brought to disk, renamed, and then the folder is brought to disk too. What is there is never removed.
 */
import { renameSync, statfsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ByteSink } from '../../../base/byte-sink.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { FlattenedSink } from '../../../formats/flattened-sink.ts';
import { FileSink, syncDirectoryOf } from '../../../sys/file-sink.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';
import { makeDumpFolder } from './dump-folder.ts';
import {
  type DumpShape,
  type DumpStore,
  type DumpWriter,
  dumpFileName,
  incompleteName,
} from './dump-store.ts';

export interface FolderRequest {
  /** Where the target is mounted. */
  readonly root: string;
  /** kdump.conf's path: the folder on the target that dumps are kept in. */
  readonly path: string;
  /** The folder's name in it, when that is free. */
  readonly name: string;
  /** For people: the target, without the folder. */
  readonly target: string;
  /** Lets go of the target. */
  readonly close: () => Promise<void>;
}

/** Makes the folder. E_FILE when the target is read-only, E_NO_SPACE when not even that fits. */
export function folderStore({ root, path, name, target, close }: FolderRequest): DumpStore {
  const parent = join('/', path);
  const made = makeDumpFolder(join(root, parent), name, target);
  const folder: Folder = { path: made, place: `${target} ${join(parent, basename(made))}` };
  return {
    place: folder.place,
    free() {
      const { bavail, bsize } = statfsSync(folder.path);
      return bavail * bsize;
    },
    saveFile: async (file, bytes) => {
      named(folder, () => saveFile(folder.path, file, bytes));
      return true;
    },
    beginDump: async (file, shape) => named(folder, () => beginDump(folder, file, shape)),
    close,
  };
}

/** The same; a target that no folder can be made on is let go of at once. */
export async function folderStoreOrClose(request: FolderRequest): Promise<DumpStore> {
  try {
    return folderStore(request);
  } catch (error) {
    // What is told is why there is no folder.
    await request.close().catch(() => undefined);
    throw error;
  }
}

interface Folder {
  readonly path: string;
  /** For people. */
  readonly place: string;
}

/** Errors name the target, not where it happens to be mounted now. */
function named<T>({ path, place }: Folder, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof VmcoreError) || error.file?.startsWith(path) !== true) throw error;
    const { code, message, offset, hint } = error;
    const file = place + error.file.slice(path.length);
    throw new VmcoreError(code, message, { file, offset, hint, cause: error });
  }
}

function saveFile(folder: string, name: string, bytes: Uint8Array): void {
  const incomplete = join(folder, incompleteName(name));
  const sink = new FileSink(incomplete, 'overwrite');
  try {
    sink.write(0, bytes);
  } catch (error) {
    sink.keep();
    throw error;
  }
  sink.finish('disk');
  rename(incomplete, join(folder, name));
}

function beginDump(folder: Folder, name: string, shape: DumpShape): DumpWriter {
  const incomplete = join(folder.path, incompleteName(name));
  const file = new FileSink(incomplete, 'overwrite');
  const plain: ByteSink = {
    name: folder.place + incomplete.slice(folder.path.length),
    rewritable: file.rewritable,
    unwritten: file.unwritten,
    write: (offset, bytes) => named(folder, () => file.write(offset, bytes)),
  };
  const flattened = shape === 'flattened' ? flattenedInto(plain) : undefined;
  return {
    sink: flattened ?? plain,
    finish: async (outcome) =>
      named(folder, () => {
        if (outcome === 'incomplete') {
          // Without its end record, a flattened dump is known to be cut short.
          file.finish('disk');
          syncDirectoryOf(incomplete);
          return incompleteName(name);
        }
        try {
          flattened?.finish();
        } catch (error) {
          file.keep();
          throw error;
        }
        file.finish('disk');
        const final = dumpFileName(name, shape);
        rename(incomplete, join(folder.path, final));
        return final;
      }),
  };
}

function flattenedInto(file: ByteSink): FlattenedSink {
  let at = 0;
  return new FlattenedSink({
    name: file.name,
    write(bytes) {
      file.write(at, bytes);
      at += bytes.length;
    },
  });
}

function rename(from: string, to: string): void {
  try {
    renameSync(from, to);
    syncDirectoryOf(to);
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot get its name', { file: from });
  }
}
