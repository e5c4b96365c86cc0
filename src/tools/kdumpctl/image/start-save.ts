/** What stage 0 starts: `vmcore save` by its code cache. Bundled to start-save.cjs of the image, beside the two. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheName, compileProgram, startProgram } from './cached-code.ts';
import { holdCompilersBack } from './node-options.ts';

/** An image for another architecture has none. */
function cacheOf(folder: string): Buffer | undefined {
  try {
    return readFileSync(join(folder, cacheName));
  } catch {
    return undefined;
  }
}

const folder = import.meta.dirname;
const { main } = startProgram(compileProgram(folder, cacheOf(folder)), folder);
holdCompilersBack();
void main(process.argv.slice(2));
