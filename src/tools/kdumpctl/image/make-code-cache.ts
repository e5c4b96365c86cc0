/**
 * Run by the node of the image when it is built: make-code-cache.ts FOLDER writes V8's code cache of the bundle in FOLDER beside it, with every function
 * of it. See cached-code.ts.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { cacheName, compileProgram } from './cached-code.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: make-code-cache.ts FOLDER');
// Else a function is compiled when it is first called, and those that were not are not in the cache.
setFlagsFromString('--no-lazy');
const script = compileProgram(folder, undefined);
// The cache is for a node that has the usual flags.
setFlagsFromString('--lazy');
writeFileSync(join(folder, cacheName), script.createCachedData());
