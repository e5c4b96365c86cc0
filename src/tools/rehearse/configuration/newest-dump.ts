/** The newest dump below a folder of dumps: names of their folders end in the date. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { wholeDumpNames } from '../../kdumpctl/save/names.ts';

/** Its path; undefined when there is none that is whole. */
export function newestDumpBelow(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const newest = readdirSync(folder).toSorted().at(-1);
  if (newest === undefined) return undefined;
  return wholeDumpNames.map((name) => join(folder, newest, name)).find((path) => existsSync(path));
}
