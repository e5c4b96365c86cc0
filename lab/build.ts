/**
 * Makes dist/, which is what the npm package has: the library as one JavaScript file with its types, and the command line.
 *
 * Node runs our TypeScript as it is, but not in node_modules; so a package needs JavaScript, and a checkout does not.
 */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

/** Threads are files of their own beside what starts them; their names are those that workerUrl() and worker-file.ts look for. */
const library = {
  index: 'src/library/index.ts',
  'http-worker': 'src/sys/http-worker.ts',
  'blob-worker': 'src/sys/blob-worker.ts',
};
const browser = { browser: 'src/library/browser.ts' };
const commandLine = { main: 'src/cli/main.ts', 'http-worker': library['http-worker'] };
const compressWorker = { 'compress-worker': 'src/tools/makedumpfile/compress/compress-worker.ts' };

async function bundle(
  input: Readonly<Record<string, string>>,
  folder: string,
  extension: 'js' | 'mjs',
): Promise<void> {
  const build = await rolldown({
    input: Object.fromEntries(Object.entries(input).map(([name, file]) => [name, join(root, file)])),
    platform: 'node',
    // rolldown itself is for building capture images, which a package does not do.
    external: [/^node:/, 'rolldown'],
    logLevel: 'warn',
  });
  await build.write({
    dir: folder,
    format: 'esm',
    entryFileNames: `[name].${extension}`,
    chunkFileNames: '[name]-[hash].js',
  });
  await build.close();
}

rmSync(dist, { recursive: true, force: true });
await bundle(library, dist, 'js');
await bundle(browser, dist, 'js');
await bundle(commandLine, join(dist, 'cli'), 'js');
await bundle(compressWorker, join(dist, 'cli'), 'mjs');
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
