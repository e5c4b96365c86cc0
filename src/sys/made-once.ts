/**
 * Files and folders that take long to make and stay true: made once, and kept in the cache under a name that says what they were made of.
 *
 * They get that name when they are whole. Until then they are in a folder of their own beside it, so what has the name can be used; two who make the same
 * at the same time do no harm, the second one's is thrown away.
 */
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The file or folder `path`, whose folder is there: as it is, else made now. `make` gets an empty folder (0700), and gives the path of what it made in it, which
 * may be that folder itself; what else is in there is removed. Fails as `make` does, and then leaves nothing.
 */
export async function madeOnce(path: string, make: (work: string) => Promise<string>): Promise<string> {
  if (existsSync(path)) return path;
  await withWorkFolder(dirname(path), async (work) => {
    try {
      renameSync(await make(work), path);
    } catch (error) {
      // Someone else made it meanwhile: of the same, so theirs is as good.
      if (!existsSync(path)) throw error;
    }
  });
  return path;
}

/** Lends an empty folder (0700) below `parent`, which is removed afterwards; with it those that killed runs left behind. */
export async function withWorkFolder<T>(parent: string, use: (work: string) => Promise<T>): Promise<T> {
  removeAbandoned(parent);
  const work = mkdtempSync(join(parent, workPrefix));
  try {
    return await use(work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const workPrefix = '.making-';
const dayMs = 24 * 60 * 60 * 1000;

/**
 * Those that are unchanged for a day, because a younger one may still be at work. By ctime: unpacking an archive sets mtime to what the archive says.
 */
function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(workPrefix)) continue;
    const path = join(parent, name);
    // Its owner may be removing it.
    const changed = statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? Date.now();
    if (Date.now() - changed > dayMs) rmSync(path, { recursive: true, force: true });
  }
}
