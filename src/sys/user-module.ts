/** Loads a module that the user wrote, .ts or .js: the only code we run that is not ours, and the only import of a name known at run time. */
import { pathToFileURL } from 'node:url';

/** Its exports. Throws what the module throws, or why it cannot be parsed. */
export const importUserModule = async (path: string): Promise<Readonly<Record<string, unknown>>> =>
  (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
