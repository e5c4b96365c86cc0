/**
 * Keeps what scanning an unpacked module tree found: 4000 compressed modules take 20 s to look into, and never change.
 *
 * The key is where the tree is and the state of the files that come with it. A tree with depmod's files is read directly: that
 * takes milliseconds.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { cacheDir } from '../../../sys/cache-dir.ts';
import { madeOnce } from '../../../sys/made-once.ts';
import { readModuleTree, releaseOfTree } from './module-tree.ts';
import type { ModuleIndex } from './modules.ts';

/** Part of the key: raise it when ModuleIndex changes. */
const indexVersion = 2;

/** The same as readModuleTree(), faster the second time. */
export async function cachedModuleTree(tree: string): Promise<ModuleIndex> {
  releaseOfTree(tree);
  if (existsSync(join(tree, 'modules.dep'))) return readModuleTree(tree);
  const path = await madeOnce(join(cacheDir('modules'), keyOf(tree)), async (work) => {
    const file = join(work, 'index');
    writeFileSync(file, serialize(await readModuleTree(tree)));
    return file;
  });
  // By a version of us with the same ModuleIndex: the key says so.
  return deserialize(readFileSync(path)) as ModuleIndex;
}

function keyOf(tree: string): string {
  const hash = createHash('sha256').update(`${indexVersion} ${process.version} ${realpathSync(tree)}`);
  for (const name of ['.', 'kernel', 'modules.order', 'modules.builtin']) {
    const stat = statSync(join(tree, name), { throwIfNoEntry: false });
    hash.update(`\0${name} ${stat?.mtimeMs} ${stat?.ino} ${stat?.size}`);
  }
  return hash.digest('hex').slice(0, 32);
}
