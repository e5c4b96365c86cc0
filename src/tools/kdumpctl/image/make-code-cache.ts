/**
 * Run by the node of the image, with the flags of the image, when it is built: make-code-cache.ts FOLDER runs what every save begins with, and writes V8's
 * code cache of the bundle in FOLDER beside it. See cached-code.ts.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheName, compileProgram, startProgram } from './cached-code.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: make-code-cache.ts FOLDER');
const script = compileProgram(folder, undefined);
startProgram(script, folder).warmUp();
writeFileSync(join(folder, cacheName), script.createCachedData());
