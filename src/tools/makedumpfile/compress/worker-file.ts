/** Where the code of the worker threads is: beside the sources as TypeScript, in a capture image bundled to a file beside the program's. */
import { fileURLToPath } from 'node:url';

const source = new URL('./compress-worker.ts', import.meta.url);
/** Its name in a capture image, in the folder of the program's bundle. */
export const bundledWorkerName = 'compress-worker.mjs';

/** The file to bundle, for who builds an image from the sources. */
export const workerSource = (): string => fileURLToPath(source);

/** The file to start a thread with. */
export const workerFile = (): URL =>
  import.meta.url.endsWith('.ts') ? source : new URL(`./${bundledWorkerName}`, import.meta.url);
