/**
 * A folder of a mounted file system as a DumpStore. Everything in it is 0600 and the folder itself 0700: a dump holds every secret of the machine.
 *
 * Each file is written as NAME-incomplete, brought to disk, renamed, and then the folder is brought to disk too. What is there is never removed.
 */
import { renameSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { ByteSink } from '../../../base/byte-sink.ts';
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
  const folder = makeDumpFolder(join(root, parent), name, target);
  const place = `${target} ${join(parent, folder.slice(folder.lastIndexOf('/') + 1))}`;
  return {
    place,
    free() {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize;
    },
    async saveFile(file, bytes) {
      const incomplete = join(folder, incompleteName(file));
      const sink = new FileSink(incomplete, 'overwrite');
      try {
        sink.write(0, bytes);
      } catch (error) {
        sink.keep();
        throw error;
      }
      sink.finish('disk');
      rename(incomplete, join(folder, file));
      return true;
    },
    beginDump: async (file, shape) => beginDump(folder, file, shape),
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

function beginDump(folder: string, name: string, shape: DumpShape): DumpWriter {
  const incomplete = join(folder, incompleteName(name));
  const file = new FileSink(incomplete, 'overwrite');
  const flattened = shape === 'flattened' ? flattenedInto(file) : undefined;
  const sink: ByteSink = flattened ?? file;
  return {
    sink,
    async finish(outcome) {
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
      rename(incomplete, join(folder, final));
      return final;
    },
  };
}

function flattenedInto(file: FileSink): FlattenedSink {
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
